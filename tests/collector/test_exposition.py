"""The formats of `/metrics`: which one a scraper gets, and what is in the one that has native histograms."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

import pytest
from google.protobuf.proto import parse_length_prefixed
from prometheus_client import CollectorRegistry
from tests.collector.measured import bounds, charged
from tests.collector.prometheus import prometheus_server

from spancost_collector.exposition import prometheus_pb2 as prometheus
from spancost_collector.exposition.negotiation import choose
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.distributions import Distributions
from spancost_collector.metrics.receiver import ReceiverMetrics

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client.registry import Collector
    from tests.collector.conftest import Launch, Otlp

PROTOBUF: Final = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
OPEN_METRICS: Final = "application/openmetrics-text;version=1.0.0"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (f"{PROTOBUF};q=0.6,{OPEN_METRICS};q=0.5,*/*;q=0.1", "application/vnd.google.protobuf"),
        (f"{OPEN_METRICS};q=0.6,{PROTOBUF};q=0.5,*/*;q=0.1", "application/openmetrics-text"),
        (f"{OPEN_METRICS},{PROTOBUF}", "application/openmetrics-text"),
        (PROTOBUF.replace("delimited", "text"), "text/plain"),
        (f"{PROTOBUF};q=nonsense,text/plain;version=0.0.4", "text/plain"),
        ("", "text/plain"),
    ],
)
def test_a_scraper_gets_what_it_asks_for_first(accept: str, content_type: str) -> None:
    assert choose(accept)[1].partition(";")[0] == content_type


def families(*collectors: Collector) -> dict[str, prometheus.MetricFamily]:
    """What a scraper of protobuf reads."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return read(choose(PROTOBUF)[0](registry))


def read(body: bytes) -> dict[str, prometheus.MetricFamily]:
    found: dict[str, prometheus.MetricFamily] = {}
    stream = BytesIO(body)
    while family := parse_length_prefixed(prometheus.MetricFamily, stream):
        found[family.name] = family
    return found


def test_a_native_histogram_has_narrow_buckets_beside_the_classic_ones() -> None:
    seen = Distributions(bounds(), now=lambda: 1_795_000_000.5)
    seen.observe([charged(1, trace=7, usd=0.5), charged(2, usd=0.5), charged(3, usd=2.0), charged(4, usd=0.0)])

    [metric] = families(seen)["spancost_call_cost_usd"].metric
    histogram = metric.histogram

    assert {pair.name: pair.value for pair in metric.label}["model"] == "one"
    assert (histogram.sample_count, histogram.sample_sum, histogram.zero_count) == (4, 3.0, 1)
    # Eight buckets a doubling: up to 0.5 is number -8, up to 2 is number 8, and 15 are empty between them.
    assert histogram.schema == 3
    assert [(span.offset, span.length) for span in histogram.positive_span] == [(-8, 1), (15, 1)]
    assert list(histogram.positive_delta) == [2, -1]
    by_bound = {bucket.upper_bound: bucket for bucket in histogram.bucket}
    assert {bound: bucket.cumulative_count for bound, bucket in by_bound.items() if bound > 0.2} == {
        0.3: 1,
        1.0: 3,
        3.0: 4,
        10.0: 4,
        float("inf"): 4,
    }
    assert (histogram.created_timestamp.seconds, histogram.created_timestamp.nanos) == (1_795_000_000, 500_000_000)
    assert [exemplar.value for exemplar in histogram.exemplars] == [0.0, 0.5, 2.0]
    assert by_bound[1.0].exemplar.label[0].value == "00000000000000000000000000000001"


def test_neighbouring_native_buckets_share_a_span() -> None:
    seen = Distributions(bounds())
    # 2 ** (n / 8) for n = 1, 2, 3: 1.0905, 1.1892, 1.2968.
    seen.observe([charged(n, usd=usd) for n, usd in enumerate((1.05, 1.1, 1.15, 1.25))])

    histogram = families(seen)["spancost_call_cost_usd"].metric[0].histogram

    assert [(span.offset, span.length) for span in histogram.positive_span] == [(1, 3)]
    assert list(histogram.positive_delta) == [1, 1, -1]


def test_counters_and_gauges_in_protobuf_have_the_names_that_the_text_gives_them() -> None:
    registry = CollectorRegistry()
    metrics = ReceiverMetrics(registry)
    metrics.spans.inc(3)
    metrics.watch_queue(lambda: 2.0, lambda: 0.0)

    found = read(choose(PROTOBUF)[0](registry))

    assert found["spancost_receiver_spans_total"].metric[0].counter.value == 3
    assert found["spancost_receiver_spans_total"].metric[0].counter.created_timestamp.seconds > 1_700_000_000
    assert found["spancost_receiver_queue_requests"].type == prometheus.GAUGE
    assert found["spancost_receiver_queue_requests"].metric[0].gauge.value == 2


@pytest.mark.end_to_end
def test_a_real_prometheus_reads_the_same_from_native_and_classic_histograms(
    launch: Launch, otlp: Otlp, tmp_path: Path
) -> None:
    running = launch()
    # 1,000 to 100,000 tokens; half of the calls have no more than 50,000.
    running.export(otlp.body(*(otlp.call(n, gen_ai__usage__input_tokens=1_000 * n) for n in range(1, 101))))
    scrape = {
        "job_name": "spancost",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "scrape_native_histograms": True,
        "always_scrape_classic_histograms": True,
        "static_configs": [{"targets": [str(running.receiver.web_address)]}],
    }
    name = "spancost_call_input_tokens"

    with prometheus_server(tmp_path, {"scrape_configs": [scrape]}, ["--enable-feature=exemplar-storage"]) as server:
        assert server.wait_for(f"histogram_count({name})", lambda found: found == 100)
        assert server.figure(f"{name}_count") == 100
        assert server.figure(f"histogram_sum({name})") == server.figure(f"{name}_sum") == 5_050_000
        native = server.figure(f"histogram_quantile(0.5, {name})")
        classic = server.figure(f"histogram_quantile(0.5, sum by (le) ({name}_bucket))")
        free = server.figure(f"histogram_fraction(0, 16384, {name})")
        spent = server.figure("sum (spancost_cost_usd_total)")

    # Both in the classic bucket from 16,384 to 65,536; the native one within its own bucket's width of the truth.
    assert native is not None
    assert classic is not None
    assert 45_800 < native < 54_600
    assert 16_384 < classic < 65_536
    # 16 calls have no more than 16,384 tokens, a bound that both kinds have.
    assert free == pytest.approx(0.16, abs=1e-9)
    # 5,050,000 x $2 and 1,000 x $8 per million.
    assert spent == pytest.approx(10.108, abs=1e-9)


@pytest.mark.end_to_end
@pytest.mark.parametrize("protocols", [["OpenMetricsText1.0.0"], ["PrometheusProto"]])
def test_a_restart_is_no_reset_for_a_prometheus_that_reads_when_counters_were_created(
    protocols: list[str], launch: Launch, otlp: Otlp, tmp_path: Path
) -> None:
    web = {"listen": "127.0.0.1:0"}
    first = launch(web=web)
    address = str(first.receiver.web_address)
    first.export(otlp.body(*map(otlp.call, range(1, 11))))
    scrape = {
        "job_name": "spancost",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "scrape_protocols": protocols,
        "static_configs": [{"targets": [address]}],
    }
    calls = "sum (spancost_calls_total)"

    with prometheus_server(
        tmp_path, {"scrape_configs": [scrape]}, ["--enable-feature=created-timestamp-zero-ingestion"]
    ) as server:
        server.wait_for(calls, lambda found: found == 10)
        first.stop()
        second = launch(kept=Ledger(tmp_path / "ledger.sqlite3"), web={"listen": address})
        second.export(otlp.body(otlp.call(11)))
        server.wait_for(calls, lambda found: found == 11)
        resets = server.figure("sum (resets(spancost_calls_total[1m]))")

    assert resets == 0
