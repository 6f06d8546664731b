"""Distributions as exact integers: what the receiver's histograms are made of.

`prometheus_client`'s own histogram adds floats under a lock for every observation and every label set; here sums stay
integers, and each bucket keeps the trace of its latest observation, so that a dashboard leads from a dear call to its
spans. Observations wait and are counted many at a time, by what Python has built in: one at a time they would take a
tenth of all that is done for a call. Whoever looks gets them all the same. They are shown in the declared buckets,
which everybody can read, and in the narrow exponential ones of a native histogram, for those who ask for them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import compress, repeat
from math import floor, inf, log2
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.samples import Exemplar

from spancost_pricing.records import new

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spancost_collector.metrics.table import Metric

SCHEMA: Final = 3
"""Of native buckets: each is 2 ** (2 ** -3) = 1.09 times as wide as the one before."""
_BUCKETS_A_DOUBLING: Final = 2**SCHEMA
_LAST_DOUBLING: Final = 24
"""Up to sixteen million tokens, dollars or seconds; what is more is in the bucket after that."""

MOST_WAITING: Final = 4_096
"""Rows that wait to be counted, of all label sets together, beside those of the group that has just come."""

LabelSet = tuple[str, ...]
Row = tuple[bytes, int, *tuple[int | None, ...]]
"""Trace, Unix nanoseconds, and an amount for each metric; None, or less than nothing, where it is not known."""


class Native(NamedTuple):
    """The native buckets of one label set."""

    counts: Mapping[int, int]
    """Number n holds what is over 1.09 ** (n - 1) and up to 1.09 ** n."""
    zeros: int


class Layout:
    """The buckets of all histograms of one family; amounts are `scale` times what Prometheus shows."""

    def __init__(self, buckets: Sequence[float], scale: int) -> None:
        self.scale = scale
        self.names = [*(str(float(bound)) for bound in buckets), "+Inf"]
        """Of the declared buckets, as prometheus_client writes them, so that one query reads all histograms."""
        bounds = [round(bound * scale) for bound in buckets]
        first = floor(-log2(scale) * _BUCKETS_A_DOUBLING)  # of the narrow ones; below it there is nothing but zero
        last = _LAST_DOUBLING * _BUCKETS_A_DOUBLING
        narrow = [floor(2 ** (n / _BUCKETS_A_DOUBLING) * scale) for n in range(first, last)]
        self.cells = sorted({0, *bounds, *narrow})
        """The upper bounds of all buckets of both kinds: an amount is looked up once. Number 0 holds the zeros."""
        self.declared = [bisect_left(bounds, cell) for cell in (*self.cells, inf)]
        """Which declared bucket a cell is in."""
        self.native = [first + bisect_left(narrow, cell) for cell in (*self.cells, inf)]
        """Which native bucket a cell is in."""


class Seen(NamedTuple):
    """One histogram of one label set, as it was when somebody looked."""

    layout: Layout
    counts: Mapping[int, int]
    """How many observations are in each cell."""
    exemplars: Mapping[int, Row]
    """The latest observation in each declared bucket."""
    total: int
    column: int
    """Which amount of a row is meant."""

    def show(self, family: Histograms, labels: Sequence[str], created: float) -> None:
        """Add this label set to `family`."""
        layout = self.layout
        declared = [0] * len(layout.names)
        native: dict[int, int] = {}
        for cell, count in self.counts.items():
            declared[layout.declared[cell]] += count
            if cell:
                place = layout.native[cell]
                native[place] = native.get(place, 0) + count
        shown: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        running = 0
        for number, (name, count) in enumerate(zip(layout.names, declared, strict=True)):
            running += count
            exemplar = self.exemplars.get(number)
            if exemplar is None:
                shown.append((name, running))
            else:
                trace_id, at_ns, *amounts = exemplar
                amount = amounts[self.column]
                assert amount is not None  # or it were in no bucket
                about = Exemplar({"trace_id": trace_id.hex()}, amount / layout.scale, at_ns / 1e9)
                shown.append((name, running, about))
        family.add(labels, shown, self.total / layout.scale, created, Native(native, self.counts.get(0, 0)))


class Distribution:
    """One histogram of one label set."""

    __slots__ = ("_column", "_counts", "_exemplars", "_layout", "_sum")

    def __init__(self, layout: Layout, column: int) -> None:
        self._layout = layout
        self._column = column
        self._counts: Counter[int] = Counter()
        self._exemplars: dict[int, Row] = {}
        self._sum = 0

    def extend(self, amounts: Sequence[int], rows: Iterable[Row]) -> None:
        """Count observations in the order in which they were made; `amounts` is this histogram's column of `rows`."""
        layout = self._layout
        cells = list(map(bisect_left, repeat(layout.cells), amounts))
        self._counts.update(cells)
        self._exemplars.update(zip(map(layout.declared.__getitem__, cells), rows, strict=True))
        self._sum += sum(amounts)

    def seen(self) -> Seen:
        """As it is now, for whoever shows it while more is added here."""
        return new(Seen, (self._layout, dict(self._counts), self._exemplars.copy(), self._sum, self._column))


class Observations:
    """The distributions of several metrics by label set; to be used by one thread at a time."""

    def __init__(self, *layouts: Layout) -> None:
        self.waiting: defaultdict[LabelSet, list[Row]] = defaultdict(list)
        """What is not counted yet, in the order in which it was observed; whoever adds to it tells `added`."""
        self._waiting = 0
        self._layouts = layouts
        self._counted: dict[LabelSet, list[Distribution]] = {}

    def added(self, rows: int) -> None:
        """So many have come to wait; where these are too many, all are counted."""
        self._waiting += rows
        if self._waiting >= MOST_WAITING:
            self._count()

    def seen(self) -> list[tuple[LabelSet, list[Seen]]]:
        """The metrics of each label set as they are now, in the order of the layouts."""
        self._count()
        return [(labels, [each.seen() for each in counted]) for labels, counted in self._counted.items()]

    def _count(self) -> None:
        waiting = dict(self.waiting)
        self.waiting.clear()
        self._waiting = 0
        for labels, rows in waiting.items():
            counted = self._counted.get(labels)
            if counted is None:
                counted = [Distribution(layout, column) for column, layout in enumerate(self._layouts)]
                self._counted[labels] = counted
            _, _, *columns = zip(*rows, strict=True)
            for distribution, amounts in zip(counted, columns, strict=True):
                if None not in amounts and min(amounts) >= 0:
                    distribution.extend(amounts, rows)
                else:
                    known = [amount is not None and amount >= 0 for amount in amounts]
                    distribution.extend(list(compress(amounts, known)), compress(rows, known))


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


def family(metric: Metric, children: Iterable[tuple[Sequence[str], Seen]], created: float) -> HistogramMetricFamily:
    """The metric as it is now; a label set that nothing was observed for is left out."""
    shown = Histograms(metric)
    for labels, seen in children:
        if seen.counts:
            seen.show(shown, labels, created)
    return shown
