"""A receiver process under a configuration file, with real exporters on both protocols."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end

APP = """
from opentelemetry import trace
with trace.get_tracer("app").start_as_current_span("chat gpt-5-mini") as span:
    span.set_attribute("gen_ai.operation.name", "chat")
    span.set_attribute("gen_ai.provider.name", "openai")
    span.set_attribute("gen_ai.request.model", "gpt-5-mini")
    span.set_attribute("gen_ai.usage.input_tokens", 4000)
    span.set_attribute("gen_ai.usage.output_tokens", 500)
    span.set_attribute("app.feature", "search")
"""


def run_app(tmp_path: Path, protocol: str, endpoint: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20sesame",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    done = subprocess.run(
        [str(instrument), sys.executable, str(tmp_path / "app.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_apps_on_both_protocols_are_counted_as_the_file_says(
    tmp_path: Path, serve: Callable[..., Serve], workers: int
) -> None:
    file = tmp_path / "spancost.yaml"
    file.write_text(
        """grpc: {tokens: ["${env:SENDERS}"]}
http: {tokens: ["${env:SENDERS}"]}
attribution: {keys: {feature: [app.feature]}}
"""
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENDERS", "sesame")
        receiver = serve("--config", str(file), "--workers", str(workers))

    run_app(tmp_path, "grpc", f"http://{receiver.otlp}")
    run_app(tmp_path, "http/protobuf", f"http://{receiver.http}")

    # 4000 x 0.25 + 500 x 2 USD the million = 0.001 + 0.001, twice
    costs = receiver.samples("spancost_cost_usd_total")
    assert sum(costs.values()) == pytest.approx(0.004)
    assert all('feature="search"' in labels for labels in costs)


def test_a_request_in_json_is_kept_before_it_is_acknowledged(serve: Callable[..., Serve]) -> None:
    receiver = serve()
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "chat gpt-5-mini",
        "kind": 3,
        "startTimeUnixNano": "1795176000000000000",
        "endTimeUnixNano": "1795176001000000000",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-5-mini"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "4000"}},
            {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 500}},
        ],
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    request = urllib.request.Request(
        f"http://{receiver.http}/v1/traces", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert (answer.status, answer.read()) == (200, b"{}")

    receiver.process.send_signal(signal.SIGKILL)
    receiver.process.wait(timeout=30)

    report = [sys.executable, "-m", "spancost_collector", "report", "--json", "--ledger", str(receiver.ledger)]
    done = subprocess.run(report, capture_output=True, text=True, timeout=120, check=True)
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["model"], row["calls"], row["cost_usd"]) == ("gpt-5-mini", 1, "0.002")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process can be set on Linux only")
def test_more_idle_connections_than_files_keep_nobody_out_and_fill_no_log(
    tmp_path: Path, serve: Callable[..., Serve]
) -> None:
    receiver = serve()
    resource.prlimit(receiver.process.pid, resource.RLIMIT_NOFILE, (96, 96))
    host, _, port = receiver.http.rpartition(":")

    with ExitStack() as connections:
        for _ in range(150):
            connections.enter_context(socket.create_connection((host, int(port)), timeout=10))
        request = urllib.request.Request(
            f"http://{receiver.http}/v1/traces", data=b"{}", headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        assert [receiver.get("/healthz"), receiver.get("/readyz")] == ["ok\n", "ready\n"]

    assert (tmp_path / "serve-0.log").read_text() == ""


def test_as_many_files_may_be_open_as_the_system_grants(serve: Callable[..., Serve]) -> None:
    granted = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, granted[1]))
        receiver = serve()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, granted)

    (line,) = (
        line
        for line in Path(f"/proc/{receiver.process.pid}/limits").read_text(encoding="ascii").splitlines()
        if line.startswith("Max open files")
    )
    soft, hard = line.split()[3:5]
    assert soft == hard
