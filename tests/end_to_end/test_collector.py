"""Beside the real OpenTelemetry Collector, as `otel-collector.yaml` sets it up, with Tempo and Prometheus after it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from decimal import Decimal
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from tests import programs
from tests.end_to_end.conftest import EXPORT
from tests.end_to_end.neighbours import Neighbourhood, wait_until

from spancost.demo.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end

APP = """
import contextlib

import openai
from opentelemetry import trace

import spancost

client = openai.OpenAI(max_retries=0)


def ask(name, model, prompt, limit):
    with trace.get_tracer("shop").start_as_current_span("request") as span:
        print(name, format(span.get_span_context().trace_id, "032x"))
        with contextlib.suppress(openai.BadRequestError):
            client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": prompt}], max_tokens=limit
            )


with spancost.attribution(feature="search"):
    ask("expensive", "gpt-4", "Which shoes are waterproof?", 10_000)
    ask("unpriced", "shop-ranker-preview", "Which shoes are waterproof?", 10)
    ask("failed", "gpt-4", "word " * 9_000, 10)
"""
"""One call for each reason to keep a trace. The provider counts words: 4 x 30 + 10,000 x 60 = 600,120 micro-USD, and a
prompt that is too long is refused."""

CALL_USD = Decimal("0.0035")
"""1,000 tokens in and 100 out on gpt-4o at 2.50 and 10.00 USD per million."""


@pytest.fixture
def neighbourhood(tmp_path: Path) -> Iterator[Neighbourhood]:
    found = Neighbourhood(tmp_path)
    yield found
    found.stop()


def test_a_call_is_priced_between_the_collectors_pipelines_and_its_trace_and_metrics_agree(
    neighbourhood: Neighbourhood, serve: Callable[..., Serve]
) -> None:
    ports = neighbourhood.ports
    backend = neighbourhood.trace_backend()
    receiver = serve("--listen", f"127.0.0.1:{ports.spancost}", "--forward", f"127.0.0.1:{ports.priced}")
    neighbourhood.collector()
    prometheus = neighbourhood.prometheus(receiver.web)
    traces = _run_app(ports.apps)

    wait_until("the ledger has three calls", lambda: _total(receiver) == (3, Decimal("0.60012")))
    wait_until("every trace is in the backend", lambda: all(backend.spans(trace) for trace in traces.values()))

    attributes = {name: _attributes(backend.spans(trace)) for name, trace in traces.items()}
    assert attributes["expensive"]["spancost.cost.status"].string_value == "priced"
    assert attributes["expensive"]["spancost.cost.usd"].double_value == 0.60012
    assert attributes["expensive"]["spancost.feature"].string_value == "search"
    assert attributes["unpriced"]["spancost.cost.status"].string_value == "unpriced"
    assert "spancost.cost.usd" not in attributes["unpriced"]
    assert attributes["failed"]["error.type"].string_value == "openai.BadRequestError"

    spent = 'sum(spancost_cost_usd_total{feature="search"})'
    wait_until("Prometheus has the spend", lambda: prometheus.value(spent) == pytest.approx(0.60012))
    assert prometheus.value('sum(spancost_calls_total{feature="search", model="gpt-4"})') == 2
    assert prometheus.value('sum(spancost_calls_total{outcome="error"})') == 1
    assert prometheus.value('up{job="otelcol"}') == 1

    wait_until("an exemplar names the trace", lambda: bool(prometheus.exemplars("spancost_call_cost_usd_bucket")))
    named = {labels["trace_id"] for labels in prometheus.exemplars("spancost_call_cost_usd_bucket")}
    assert traces["expensive"] in named
    assert named <= set(traces.values())


def test_what_the_collector_took_while_spancost_was_killed_is_counted_once_even_if_the_collector_dies_too(
    neighbourhood: Neighbourhood, serve: Callable[..., Serve]
) -> None:
    ports = neighbourhood.ports
    arguments = ("--listen", f"127.0.0.1:{ports.spancost}", "--forward", f"127.0.0.1:{ports.priced}")
    receiver = serve(*arguments)
    collector = neighbourhood.collector()

    _send(ports.apps, first=1, requests=8)
    wait_until("the first calls are in the ledger", lambda: _total(receiver)[0] > 0)
    _send(ports.apps, first=201, requests=8)
    receiver.kill()
    _send(ports.apps, first=401, requests=8)
    collector.kill()
    neighbourhood.collector()
    _send(ports.apps, first=601, requests=8)
    receiver = serve(*arguments)

    wait_until("all 800 calls are in the ledger", lambda: _total(receiver)[0] >= 800)
    assert _total(receiver) == (800, 800 * CALL_USD)
    assert sum(receiver.samples("spancost_calls_total").values()) == 800
    assert sum(receiver.samples("spancost_cost_usd_total").values()) == pytest.approx(2.8)


def test_the_collector_accepts_the_configuration_with_nothing_set() -> None:
    done = subprocess.run(
        [programs.require("otelcol"), "validate", f"--config={programs.ROOT / 'otel-collector.yaml'}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("OTELCOL_")},
    )

    assert (done.returncode, done.stderr) == (0, "")


def _run_app(port: int) -> dict[str, str]:
    """What the app asked -> the trace it was in."""
    program = shutil.which("opentelemetry-instrument", path=sysconfig.get_path("scripts"))
    assert program is not None
    with Provider() as provider:
        environment = {
            **os.environ,
            "OTEL_SERVICE_NAME": "shop",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": f"{provider.url}/v1",
        }
        done = subprocess.run(
            [program, sys.executable, "-c", APP],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


def _attributes(spans: list[Span]) -> dict[str, AnyValue]:
    """The attributes of the only model call of a trace."""
    found = [{pair.key: pair.value for pair in span.attributes} for span in spans]
    (call,) = (each for each in found if "gen_ai.operation.name" in each)
    return call


def _total(receiver: Serve) -> tuple[int, Decimal | None]:
    """Calls and their cost in USD; None where nothing has a price yet."""
    command = [sys.executable, "-m", "spancost_collector", "report", "--json", "--ledger", str(receiver.ledger)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)["total"]
    cost: str | None = found["cost_usd"]
    return found["calls"], None if cost is None else Decimal(cost)


def _send(port: int, *, first: int, requests: int) -> None:
    """Requests of 25 calls each, every one acknowledged by the Collector."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary(
            EXPORT,
            request_serializer=ExportTraceServiceRequest.SerializeToString,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        for number in range(requests):
            export(_calls(first + number * 25), timeout=30, wait_for_ready=True)


def _calls(first: int) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(first, first + 25):
        span = scope.spans.add(trace_id=number.to_bytes(16), span_id=number.to_bytes(8), name="chat gpt-4o")
        span.start_time_unix_nano = 1_795_176_000_000_000_000 + number
        span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
        text = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-2024-08-06",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
        }
        tokens = {"gen_ai.usage.input_tokens": 1_000, "gen_ai.usage.output_tokens": 100}
        span.attributes.extend(KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in text.items())
        span.attributes.extend(KeyValue(key=key, value=AnyValue(int_value=value)) for key, value in tokens.items())
    return request
