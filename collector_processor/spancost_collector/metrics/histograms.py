"""Distributions as exact integers: what the receiver's histograms are made of.

`prometheus_client`'s own histogram adds floats under a lock for every observation and every label set; here a group of
calls is added under one lock, sums stay integers, and each bucket keeps the trace of its latest observation, so that a
dashboard leads from a dear call to its spans. Every observation is counted twice: in the declared buckets, which
everybody can read, and in the narrow exponential ones of a native histogram, for those who ask for them.
"""

from __future__ import annotations

from bisect import bisect_left
from math import floor, log2
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spancost_collector.metrics.table import Metric

SCHEMA: Final = 3
"""Of native buckets: each is 2 ** (2 ** -3) = 1.09 times as wide as the one before."""
_BUCKETS_A_DOUBLING: Final = 2**SCHEMA
_LAST_DOUBLING: Final = 24
"""Up to sixteen million tokens, dollars or seconds; what is more is in the bucket after that."""


class Native(NamedTuple):
    """The native buckets of one label set."""

    counts: Mapping[int, int]
    """Number n holds what is over 1.09 ** (n - 1) and up to 1.09 ** n."""
    zeros: int


class Layout:
    """The buckets of all histograms of one family; amounts are `scale` times what Prometheus shows."""

    def __init__(self, buckets: Sequence[float], scale: int) -> None:
        self.scale = scale
        self.bounds = [round(bound * scale) for bound in buckets]
        self.first = floor(-log2(scale) * _BUCKETS_A_DOUBLING)
        """The number of the narrowest bucket, below which there is nothing but zero."""
        last = _LAST_DOUBLING * _BUCKETS_A_DOUBLING
        self.narrow = [floor(2 ** (n / _BUCKETS_A_DOUBLING) * scale) for n in range(self.first, last)]


class Distribution:
    """One histogram of one label set."""

    __slots__ = ("_counts", "_exemplars", "_layout", "_narrow", "_sum", "_zeros")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._counts = [0] * (len(layout.bounds) + 1)
        self._exemplars: list[tuple[bytes, int, int] | None] = [None] * (len(layout.bounds) + 1)
        self._narrow: dict[int, int] = {}
        self._zeros = 0
        self._sum = 0

    def add(self, amount: int, trace_id: bytes, at_ns: int) -> None:
        """Count one observation, which is not negative, and remember its trace."""
        layout = self._layout
        bucket = bisect_left(layout.bounds, amount)
        self._counts[bucket] += 1
        self._sum += amount
        self._exemplars[bucket] = (trace_id, amount, at_ns)
        if amount:
            place = bisect_left(layout.narrow, amount)
            narrow = self._narrow
            narrow[place] = narrow.get(place, 0) + 1
        else:
            self._zeros += 1

    def copy(self) -> Distribution:
        """As it is now, for whoever shows it while more is added here."""
        twin = Distribution.__new__(Distribution)
        twin._layout, twin._sum, twin._zeros = self._layout, self._sum, self._zeros
        twin._counts, twin._exemplars, twin._narrow = (
            self._counts.copy(),
            self._exemplars.copy(),
            self._narrow.copy(),
        )
        return twin

    @property
    def empty(self) -> bool:
        """Whether nothing was observed."""
        return not any(self._counts)

    def show(self, family: Histograms, labels: Sequence[str], buckets: Sequence[float], created: float) -> None:
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
                about = Exemplar({"trace_id": trace_id.hex()}, amount / self._layout.scale, at_ns / 1e9)
                shown.append((name, running, about))
        native = Native({self._layout.first + place: count for place, count in self._narrow.items()}, self._zeros)
        family.add(labels, shown, self._sum / self._layout.scale, created, native)


class Histograms(HistogramMetricFamily):
    """A family of histograms that also have native buckets."""

    def __init__(self, metric: Metric) -> None:
        super().__init__(metric.name, metric.help, labels=metric.labels)
        self._names = metric.labels
        self.native: list[Native] = []
        """Of the label sets in the order in which they were added."""

    def add(
        self,
        labels: Sequence[str],
        buckets: Sequence[tuple[str, float] | tuple[str, float, Exemplar]],
        total: float,
        created: float,
        native: Native,
    ) -> None:
        """Add a label set."""
        self.add_metric(labels, buckets, total)
        self.add_sample(f"{self.name}_created", dict(zip(self._names, labels, strict=True)), created)
        self.native.append(native)


def family(
    metric: Metric, children: Sequence[tuple[Sequence[str], Distribution]], created: float
) -> HistogramMetricFamily:
    """The metric as it is now; a label set that nothing was observed for is left out."""
    shown = Histograms(metric)
    for labels, distribution in children:
        if not distribution.empty:
            distribution.show(shown, labels, metric.buckets, created)
    return shown


def _bound(value: float) -> str:
    """As prometheus_client writes it, so that one query reads all histograms."""
    return str(float(value))
