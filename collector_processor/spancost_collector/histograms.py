"""Distributions as exact integers: what the receiver's histograms are made of.

`prometheus_client`'s own histogram adds floats under a lock for every observation and every label set; here a group of
calls is added under one lock, sums stay integers, and each bucket keeps the trace of its latest observation, so that a
dashboard leads from a dear call to its spans.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spancost_collector.metrics import Metric


class Distribution:
    """One histogram of one label set; amounts are `scale` times what Prometheus shows."""

    __slots__ = ("_bounds", "_counts", "_exemplars", "_scale", "_sum")

    def __init__(self, buckets: Sequence[float], scale: int) -> None:
        self._bounds = [round(bound * scale) for bound in buckets]
        self._counts = [0] * (len(buckets) + 1)
        self._exemplars: list[tuple[bytes, int, int] | None] = [None] * (len(buckets) + 1)
        self._sum = 0
        self._scale = scale

    def add(self, amount: int, trace_id: bytes, at_ns: int) -> None:
        """Count one observation and remember its trace."""
        bucket = bisect_left(self._bounds, amount)
        self._counts[bucket] += 1
        self._sum += amount
        self._exemplars[bucket] = (trace_id, amount, at_ns)

    def copy(self) -> Distribution:
        """As it is now, for whoever shows it while more is added here."""
        twin = Distribution.__new__(Distribution)
        twin._bounds, twin._scale, twin._sum = self._bounds, self._scale, self._sum
        twin._counts, twin._exemplars = self._counts.copy(), self._exemplars.copy()
        return twin

    @property
    def empty(self) -> bool:
        """Whether nothing was observed."""
        return not any(self._counts)

    def show(self, family: HistogramMetricFamily, labels: Sequence[str], buckets: Sequence[float]) -> None:
        """Add this label set to `family`."""
        shown: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        running = 0
        names = [*map(_bound, buckets), "+Inf"]
        for name, count, exemplar in zip(names, self._counts, self._exemplars, strict=True):
            running += count
            if exemplar is None:
                shown.append((name, running))
            else:
                trace_id, amount, at_ns = exemplar
                about = Exemplar({"trace_id": trace_id.hex()}, amount / self._scale, at_ns / 1e9)
                shown.append((name, running, about))
        family.add_metric(labels, shown, self._sum / self._scale)


def family(metric: Metric, children: Iterable[tuple[Sequence[str], Distribution]]) -> HistogramMetricFamily:
    """The metric as it is now; a label set that nothing was observed for is left out."""
    shown = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, distribution in children:
        if not distribution.empty:
            distribution.show(shown, labels, metric.buckets)
    return shown


def _bound(value: float) -> str:
    """As prometheus_client writes it, so that one query reads all histograms."""
    return str(float(value))
