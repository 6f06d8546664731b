"""Metrics over OTLP: what is sent, to whom, and that a real Prometheus then has what it would have scraped."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from tests.collector.measured import bounds, charged
from tests.collector.prometheus import prometheus_server

from spancost_collector.config import Address, MetricsTarget
from spancost_collector.exposition.otlp import Exposition
from spancost_collector.metrics.conventions import ClientMetrics
from spancost_collector.metrics.distributions import Distributions
from spancost_collector.metrics.export import MetricsExport
from spancost_collector.metrics.receiver import ReceiverMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from prometheus_client.registry import Collector
    from tests.collector.conftest import Launch, Otlp, Running
    from tests.collector.prometheus import Server

METHOD: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
NOW: Final = 1_795_176_000_000_000_000
CHANGING: Final = {"spancost_price_data_age_seconds"}
"""Time goes on between two looks."""


def metrics_in(bodies: list[bytes]) -> dict[str, Metric]:
    return {
        metric.name: metric
        for body in bodies
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def sent(*collectors: Collector) -> dict[str, Metric]:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return metrics_in(list(Exposition(registry, resource={"service.name": "spancost"}, started_ns=7).requests(NOW)))


def attributes(pairs: list[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in pairs}


def test_a_histogram_is_cumulative_with_its_start_its_buckets_and_a_trace_for_each() -> None:
    seen = Distributions(bounds(), now=lambda: 1_795_000_000.0)
    seen.observe([charged(1, trace=7, usd=0.5), charged(2, usd=2.0)])

    metric = sent(seen)["spancost_call_cost_usd"]
    [point] = metric.histogram.data_points

    assert metric.histogram.aggregation_temporality == 2
    assert (point.start_time_unix_nano, point.time_unix_nano) == (1_795_000_000_000_000_000, NOW)
    assert (point.count, point.sum) == (2, 2.5)
    assert list(point.explicit_bounds)[-4:] == [0.3, 1.0, 3.0, 10.0]
    assert list(point.bucket_counts)[-4:] == [1, 1, 0, 0]
    assert [exemplar.trace_id.hex()[-2:] for exemplar in point.exemplars] == ["07", "01"]
    # A label that is empty in Prometheus is no attribute.
    assert attributes(list(point.attributes)) == {
        "feature": "chat",
        "provider": "acme",
        "model": "one",
        "environment": "prod",
    }


def test_counters_are_monotonic_sums_and_everything_says_that_it_is_up() -> None:
    registry = CollectorRegistry()
    metrics = ReceiverMetrics(registry)
    metrics.spans.inc(3)
    metrics.watch_queue(lambda: 2.0, lambda: 0.0)

    found = metrics_in(list(Exposition(registry, resource={}, started_ns=7).requests(NOW)))

    spans = found["spancost_receiver_spans_total"].sum
    assert (spans.is_monotonic, spans.aggregation_temporality) == (True, 2)
    assert spans.data_points[0].as_double == 3
    assert spans.data_points[0].start_time_unix_nano > 1_700_000_000_000_000_000
    assert found["spancost_receiver_queue_requests"].gauge.data_points[0].as_double == 2
    assert found["up"].gauge.data_points[0].as_double == 1


def test_what_the_conventions_name_is_sent_under_their_names() -> None:
    seen = ClientMetrics("both")
    seen.observe([charged(1, tokens=(1000, 10), seconds=2.0)])

    found = sent(seen)

    usage = {
        attributes(list(point.attributes))["gen_ai.token.type"]: point.sum
        for point in found["gen_ai.client.token.usage"].histogram.data_points
    }
    assert usage == {"input": 1000, "output": 10}
    assert found["gen_ai.client.operation.duration"].unit == "s"
    [point] = found["gen_ai.client.inference.usage.input_tokens"].sum.data_points
    assert point.as_double == 1000
    assert attributes(list(point.attributes)) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "acme",
        "gen_ai.request.model": "one",
    }


class Taker:
    """An OTLP receiver for metrics that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.status: grpc.StatusCode | None = None

    def take(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        if self.status is not None:
            context.set_code(self.status)
        else:
            self.bodies.append(body)
        return b""


@contextmanager
def listening() -> Generator[tuple[Taker, Address]]:
    taker = Taker()
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(taker.take)
        service = METHOD.split("/")[1]
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
        address = Address("127.0.0.1", server.add_insecure_port("127.0.0.1:0"))
        server.start()
        yield taker, address
        server.stop(None).wait()


def test_metrics_are_sent_every_so_often_and_once_more_at_the_end() -> None:
    registry = CollectorRegistry()
    metrics = ReceiverMetrics(registry)
    with listening() as (taker, address):
        target = MetricsTarget(endpoint=str(address), interval_seconds=0.02)
        export = MetricsExport(target, registry, metrics.export_failures, instance="here:9464")
        export.start()
        wait_until(lambda: len(taker.bodies) > 1)
        metrics.spans.inc(5)
        export.stop(5.0)

    last = metrics_in(taker.bodies[-1:])
    assert last["spancost_receiver_spans_total"].sum.data_points[0].as_double == 5


def test_what_is_not_taken_is_counted_and_said_again_with_the_next_export() -> None:
    registry = CollectorRegistry()
    metrics = ReceiverMetrics(registry)
    with listening() as (taker, address):
        taker.status = grpc.StatusCode.INVALID_ARGUMENT
        target = MetricsTarget(endpoint=str(address), interval_seconds=0.02)
        export = MetricsExport(target, registry, metrics.export_failures, instance="here:9464")
        export.start()
        failures = "spancost_receiver_metrics_export_failures_total"
        wait_until(lambda: bool(registry.get_sample_value(failures, {"reason": "rejected"})))
        taker.status = None
        wait_until(lambda: bool(taker.bodies))
        export.stop(5.0)

    assert "spancost_receiver_spans_total" in metrics_in(taker.bodies)


def test_receivers_on_one_machine_are_told_apart_by_their_ports(launch: Launch) -> None:
    with listening() as (taker, address):
        running = launch(metrics={"otlp": {"endpoint": str(address), "interval_seconds": 0.05}})
        wait_until(lambda: bool(taker.bodies))
        running.receiver.stop()

    found, *_ = ExportMetricsServiceRequest.FromString(taker.bodies[0]).resource_metrics
    web = running.receiver.web_address
    assert web is not None
    assert attributes([*found.resource.attributes]) == {
        "service.name": "spancost",
        "service.instance.id": f"{socket.gethostname()}:{web.port}",
    }


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.end_to_end
def test_a_real_prometheus_has_over_otlp_what_it_would_have_scraped(launch: Launch, otlp: Otlp, tmp_path: Path) -> None:
    with prometheus_server(tmp_path, {}, ["--web.enable-otlp-receiver"]) as server:
        running = launch(
            metrics={
                "conventions": "both",
                "otlp": {
                    "endpoint": f"http://{server.address}/api/v1/otlp/v1/metrics",
                    "protocol": "http/protobuf",
                    "interval_seconds": 0.5,
                },
            }
        )
        running.export(otlp.body(*(otlp.call(n, gen_ai__usage__input_tokens=1_000 * n) for n in range(1, 101))))
        server.wait_for("sum (spancost_calls_total)", lambda calls: calls == 100)
        quantile = server.figure("histogram_quantile(0.5, sum by (le) (spancost_call_input_tokens_bucket))")
        scraped, received = samples_of(running), samples_in(server)

    assert received == scraped
    assert len(scraped) > 200
    assert quantile is not None
    assert 16_384 < quantile < 65_536


def samples_of(running: Running) -> dict[tuple[str, ...], float]:
    """What a scrape reads, but for when things were created."""
    return {
        named(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(running.get("/metrics")[2])
        for sample in family.samples
        if family.name not in CHANGING and not sample.name.endswith("_created")
    }


def samples_in(server: Server) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for sample in server.ask('{job="spancost", __name__!~"up|target_info"}'):
        labels = dict(sample["metric"])
        name = labels.pop("__name__")
        assert labels.pop("instance")
        assert labels.pop("job") == "spancost"
        if name not in CHANGING:
            found[named(name, labels)] = float(sample["value"][1])
    return found


def named(name: str, labels: dict[str, str]) -> tuple[str, ...]:
    shown = {label: _bound(value) if label == "le" else value for label, value in labels.items() if value}
    return (name, *(f"{label}={value}" for label, value in sorted(shown.items())))


def _bound(text: str) -> str:
    return str(float(text))
