"""`spancost doctor --tap` listens for a while and says of each span that comes what would be made of it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.collector.agents import CLAUDE_EVENTS, event, logs, request_event
from tests.collector.conftest import ANYWHERE, EXPORT
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.config import Settings
from spancost_collector.intake.signals import LOGS
from spancost_collector.reading.decode import Export
from spancost_collector.tap import Tap
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from opentelemetry.sdk.trace.export import SpanExporter
    from tests.collector.conftest import Otlp

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.input_tokens": 504,
    "gen_ai.usage.output_tokens": 97,
}


def send(exporter: SpanExporter) -> None:
    """A call that two instrumentations describe, the framework's span around the SDK's, and something else."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    framework, sdk = (provider.get_tracer(scope) for scope in ("my.framework", "com.anthropic.sdk.python"))
    with framework.start_as_current_span("ask", attributes=CALL):
        with sdk.start_as_current_span("chat", attributes={**CALL, "gen_ai.usage.cache_read.input_tokens": 0}):
            pass
        with framework.start_as_current_span("GET /"):
            pass
    provider.shutdown()


@pytest.fixture
def tap() -> Tap:
    listeners = {name: {"listen": ANYWHERE} for name in ("grpc", "http")}
    return Tap(Settings.model_validate(listeners))


@contextmanager
def running(tap: Tap, take: Callable[[bytes], None]) -> Generator[None]:
    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(tap.run, 30.0, take)
        try:
            yield
        finally:
            tap.close()
            ended.result(20)


def test_what_is_no_trace_request_is_refused_and_the_next_one_is_taken(tap: Tap, otlp: Otlp) -> None:
    spans: list[int] = []
    take = running(tap, lambda body: spans.append(Export(body).spans))
    with take, grpc.insecure_channel(str(tap.grpc_address)) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
        with pytest.raises(grpc.RpcError, match="not valid protobuf"):
            call(b"\xff\xff", timeout=20, wait_for_ready=True)
        call(otlp.body(otlp.call()), timeout=20)

    assert spans == [1]


def test_what_coding_agents_log_is_looked_at_as_well(tap: Tap) -> None:
    spans: list[int] = []
    take = running(tap, lambda body: spans.append(Export(body).spans))
    with take, grpc.insecure_channel(str(tap.grpc_address)) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{LOGS.service}/Export")
        call(logs(event(request_event()), scope=CLAUDE_EVENTS), timeout=20, wait_for_ready=True)

    assert spans == [1]


def test_a_fault_in_looking_ends_the_tap_and_its_sender_is_told_to_send_again(tap: Tap, otlp: Otlp) -> None:
    def fail(_body: bytes) -> None:
        raise RuntimeError("a bug")

    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(tap.run, 30.0, fail)
        with grpc.insecure_channel(str(tap.grpc_address)) as channel:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
            with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
                call(otlp.body(otlp.call()), timeout=20, wait_for_ready=True)
        with pytest.raises(RuntimeError, match="a bug"):
            ended.result(20)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--tap", "soon"), '--tap: got "soon"; expected a time such as 30s or 5m, at most 60m'),
        (("--tap", "2h"), '--tap: got "2h"; expected a time such as 30s or 5m, at most 60m'),
        (("--tap", "3s", "--otlp", "x"), "doctor: expected one of --otlp FILE, --tap TIME and --ledger FILE"),
        (("--otlp", "x", "--listen", "off"), "--listen, --http-listen: only a tap listens; give --tap TIME"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], problem: str) -> None:
    result = CliRunner().invoke(app, ["doctor", *arguments])

    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == problem


def test_an_address_that_is_taken_is_named_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        result = CliRunner().invoke(app, ["doctor", "--tap", "3s", "--listen", "off", "--http-listen", address])

    said = str(result.exception)
    assert said.startswith(f"--tap: http.listen: cannot listen on {address} (Address already in use)")
    assert said.endswith("--listen 127.0.0.1:0 --http-listen off takes a free one) and point the sender there")


def test_a_time_without_spans_ends_by_itself_and_says_where_to_send() -> None:
    anywhere = ("--listen", "off", "--http-listen", "127.0.0.1:0")
    before = time.monotonic()
    result = CliRunner().invoke(app, ["doctor", "--tap", "1s", *anywhere])

    assert result.exit_code == 0
    assert 1 <= time.monotonic() - before < 20
    assert result.stdout.startswith("0 spans: 0 charged, 0 USD together")
    assert re.search(r"no span came; point the sender here \(OTEL_EXPORTER_OTLP_ENDPOINT=http://127", result.stderr)


class Tapping:
    """`spancost doctor --tap` as a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._said = (folder / "said.txt").open("w+b")
        command = [sys.executable, "-m", "spancost_collector", "doctor", "--tap", "2m"]
        anywhere = ("--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
        self._process = subprocess.Popen(
            [*command, *anywhere, *options], stdout=self._said, stderr=subprocess.PIPE, cwd=folder
        )
        assert self._process.stderr is not None
        found = re.search(r"gRPC on (\S+) and OTLP/HTTP on (\S+);", self._process.stderr.readline().decode())
        assert found is not None
        self.grpc, self.http = found[1], found[2]

    def ended_by(self, number: signal.Signals) -> str:
        """What it has said on stdout once it was told to end."""
        self._process.send_signal(number)
        assert self._process.wait(30) == 0
        self._said.seek(0)
        return self._said.read().decode()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()


@contextmanager
def tapping(folder: Path, *options: str) -> Generator[Tapping]:
    started = Tapping(folder, *options)
    try:
        yield started
    finally:
        started.close()


@pytest.mark.end_to_end
def test_each_span_of_a_real_exporter_is_explained_and_ctrl_c_ends_it_with_the_sum(tmp_path: Path) -> None:
    with tapping(tmp_path) as tapped:
        send(OverGrpc(tapped.grpc, insecure=True))
        said = tapped.ended_by(signal.SIGINT)

    sdk, framework, total = said.split("\n\n")
    assert "  from scope    com.anthropic.sdk.python\n  read as       otel\n" in sdk
    assert "  tokens        input 504, cache read 0, output 97\n" in sdk
    # 504 x 3 and 97 x 15 USD the million.
    assert "  charged       0.002967 USD, priced" in sdk
    assert "  not charged   it describes the same call as span" in framework
    assert total == (
        "3 spans: 1 charged, 0.002967 USD together; 0 unpriced; 0 with usage that cannot be; 1 not charged;"
        " 0 unreadable; 0 that mention model calls and are none; 1 others\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["said.txt"]


@pytest.mark.end_to_end
def test_a_later_and_better_description_changes_what_was_said_before(tmp_path: Path, otlp: Otlp) -> None:
    framework, sdk = otlp.span(CALL), otlp.span({**CALL, "gen_ai.usage.cache_read.input_tokens": 400}, n=2)
    sdk.parent_span_id = framework.span_id
    with tapping(tmp_path, "--json") as tapped, grpc.insecure_channel(tapped.grpc) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
        for span, scope in ((framework, "my.framework"), (sdk, "com.anthropic.sdk.python"), (sdk, "sdk")):
            call(otlp.request(span, scope=scope).SerializeToString(), timeout=20)
        found: dict[str, Any] = json.loads(tapped.ended_by(signal.SIGTERM))

    # 104 x 3, 400 x 0.3 and 97 x 15 USD the million.
    assert (found["spans"], found["charged"], found["charged_usd"]) == (3, 1, "0.001887")
    assert [(one["span_id"][-1], one["verdict"]) for one in found["findings"]] == [
        ("1", "charged"),
        ("2", "charged"),
        ("2", "not charged"),
    ]
    assert found["findings"][2]["why"] == "it is the same span again"
    assert found["changes"] == [
        {
            "span_id": "0000000000000001",
            "why": "is not charged any more: span 0000000000000002 describes the call better",
        }
    ]


@pytest.mark.end_to_end
def test_over_http_the_same_is_said(tmp_path: Path) -> None:
    with tapping(tmp_path) as tapped:
        send(OverHttp(f"{tapped.http}/v1/traces"))
        said = tapped.ended_by(signal.SIGINT)

    assert "3 spans: 1 charged, 0.002967 USD together; 0 unpriced; 0 with usage that cannot be; 1 not charged" in said
