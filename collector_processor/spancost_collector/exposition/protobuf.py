"""Metrics as Prometheus' protobuf: what a scraper asks for that wants native histograms.

Classic buckets are sent beside the native ones, so the scraper decides which of the two it keeps.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from google.protobuf.proto import serialize_length_prefixed

from spancost_collector.exposition import prometheus_pb2 as prometheus
from spancost_collector.exposition.children import children
from spancost_collector.metrics.histograms import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from google.protobuf.timestamp_pb2 import Timestamp
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector
    from prometheus_client.samples import Exemplar

    from spancost_collector.exposition.children import Child
    from spancost_collector.metrics.histograms import Native

CONTENT_TYPE: Final = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

_TYPES: Final = {"counter": prometheus.COUNTER, "gauge": prometheus.GAUGE, "histogram": prometheus.HISTOGRAM}
_ZERO_THRESHOLD: Final = 2.0**-128
"""What counts as nothing; above 0, because it also says that a histogram is a native one."""


def encode(registry: Collector) -> bytes:
    """Every family, each with its length before it."""
    written = BytesIO()
    for family in registry.collect():
        serialize_length_prefixed(_family(family), written)
    return written.getvalue()


def _family(family: Metric) -> prometheus.MetricFamily:
    counts = family.type == "counter"
    return prometheus.MetricFamily(
        name=f"{family.name}_total" if counts else family.name,
        help=family.documentation,
        type=_TYPES[family.type],
        metric=[_metric(family.type, child) for child in children(family)],
    )


def _metric(kind: str, child: Child) -> prometheus.Metric:
    metric = prometheus.Metric(label=_pairs(child.labels))
    match kind:
        case "counter":
            metric.counter.value = child.value
            _set(metric.counter.created_timestamp, child.created)
        case "gauge":
            metric.gauge.value = child.value
        case _:
            _fill(metric.histogram, child)
    return metric


def _fill(histogram: prometheus.Histogram, child: Child) -> None:
    histogram.sample_count = child.buckets[-1].running
    histogram.sample_sum = child.value
    _set(histogram.created_timestamp, child.created)
    for bound, running, exemplar in child.buckets:
        bucket = histogram.bucket.add(cumulative_count=running, upper_bound=bound)
        if exemplar is not None:
            bucket.exemplar.CopyFrom(_exemplar(exemplar))
            if child.native is not None:
                histogram.exemplars.append(bucket.exemplar)
    if child.native is not None:
        _fill_native(histogram, child.native)


def _fill_native(histogram: prometheus.Histogram, native: Native) -> None:
    histogram.schema = SCHEMA
    histogram.zero_threshold = _ZERO_THRESHOLD
    histogram.zero_count = native.zeros
    after, before = 0, 0
    for number in sorted(native.counts):
        if not histogram.positive_span or number != after:
            histogram.positive_span.add(offset=number - after, length=0)
        histogram.positive_span[-1].length += 1
        histogram.positive_delta.append(native.counts[number] - before)
        after, before = number + 1, native.counts[number]


def _exemplar(exemplar: Exemplar) -> prometheus.Exemplar:
    written = prometheus.Exemplar(label=_pairs(exemplar.labels), value=exemplar.value)
    _set(written.timestamp, None if exemplar.timestamp is None else float(exemplar.timestamp))
    return written


def _pairs(labels: Mapping[str, str]) -> Iterable[prometheus.LabelPair]:
    return [prometheus.LabelPair(name=name, value=value) for name, value in labels.items()]


def _set(timestamp: Timestamp, seconds: float | None) -> None:
    if seconds is not None:
        timestamp.seconds, timestamp.nanos = divmod(round(seconds * 1e9), 10**9)
