"""Metrics as OTLP: cumulative, with the time since when each series counts, under the names that a scrape has.

Whoever stores both must not see two products, so names keep their `_total`, buckets are the classic ones, and there is
an `up` that is 1: rules tell by it that nothing comes any more, and which counters began before anyone looked. What the
GenAI conventions name themselves goes out under those names.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from spancost_collector.exposition.children import Child, children
from spancost_collector.metrics.conventions import CLIENT_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import samples
    from prometheus_client.core import Metric as Family
    from prometheus_client.registry import Collector

_POINTS_A_REQUEST: Final = 2_000
_CUMULATIVE: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_TOTAL: Final = "_total"
_NAMES: Final = {metric.name.removesuffix(_TOTAL): metric for metric in CLIENT_METRICS}
_ATTRIBUTES: Final = {
    label: attribute
    for metric in CLIENT_METRICS
    for label, attribute in zip(metric.labels, metric.attributes, strict=True)
}


class Exposition:
    """What is sent of a receiver's metrics."""

    def __init__(self, collector: Collector, *, resource: Mapping[str, str], started_ns: int) -> None:
        """`started_ns` is since when a series counts that does not say so itself."""
        self._collector = collector
        self._resource = Resource(attributes=_pairs(resource))
        self._scope = InstrumentationScope(name="spancost")
        self._started_ns = started_ns

    def requests(self, now_ns: int) -> Iterator[bytes]:
        """ExportMetricsServiceRequests with everything as it is now."""
        up = Metric(name="up", gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=now_ns, as_double=1.0)]))
        yield self._request(up)
        for family in self._collector.collect():
            found = iter(children(family))
            while some := list(islice(found, _POINTS_A_REQUEST)):
                yield self._request(self._metric(family, some, now_ns))

    def _request(self, metric: Metric) -> bytes:
        scope_metrics = ScopeMetrics(scope=self._scope, metrics=[metric])
        request = ResourceMetrics(resource=self._resource, scope_metrics=[scope_metrics])
        return ExportMetricsServiceRequest(resource_metrics=[request]).SerializeToString()

    def _metric(self, family: Family, found: list[Child], now_ns: int) -> Metric:
        counts = family.type == "counter"
        named = _NAMES.get(family.name)
        metric = Metric(
            name=f"{family.name}{_TOTAL if counts else ''}" if named is None else named.convention,
            unit="" if named is None else named.unit,
            description=family.documentation,
        )
        if family.type == "histogram":
            points = [self._histogram(child, now_ns) for child in found]
            metric.histogram.CopyFrom(Histogram(data_points=points, aggregation_temporality=_CUMULATIVE))
        elif counts:
            points = [self._number(child, now_ns, since=True) for child in found]
            metric.sum.CopyFrom(Sum(data_points=points, aggregation_temporality=_CUMULATIVE, is_monotonic=True))
        else:
            metric.gauge.CopyFrom(Gauge(data_points=[self._number(child, now_ns, since=False) for child in found]))
        return metric

    def _number(self, child: Child, now_ns: int, *, since: bool) -> NumberDataPoint:
        return NumberDataPoint(
            attributes=_pairs(child.labels),
            start_time_unix_nano=self._since(child) if since else 0,
            time_unix_nano=now_ns,
            as_double=child.value,
        )

    def _histogram(self, child: Child, now_ns: int) -> HistogramDataPoint:
        running = [0, *(bucket.running for bucket in child.buckets)]
        return HistogramDataPoint(
            attributes=_pairs(child.labels),
            start_time_unix_nano=self._since(child),
            time_unix_nano=now_ns,
            count=running[-1],
            sum=child.value,
            explicit_bounds=[bucket.bound for bucket in child.buckets[:-1]],
            bucket_counts=[after - before for before, after in pairwise(running)],
            exemplars=[_exemplar(bucket.exemplar) for bucket in child.buckets if bucket.exemplar is not None],
        )

    def _since(self, child: Child) -> int:
        return self._started_ns if child.created is None else round(child.created * 1e9)


def _exemplar(exemplar: samples.Exemplar) -> Exemplar:
    at = exemplar.timestamp
    return Exemplar(
        time_unix_nano=0 if at is None else round(float(at) * 1e9),
        as_double=exemplar.value,
        trace_id=bytes.fromhex(exemplar.labels["trace_id"]),
    )


def _pairs(values: Mapping[str, str]) -> list[KeyValue]:
    """Attributes; an empty label is none."""
    return [
        KeyValue(key=_ATTRIBUTES.get(name, name), value=AnyValue(string_value=value))
        for name, value in values.items()
        if value
    ]
