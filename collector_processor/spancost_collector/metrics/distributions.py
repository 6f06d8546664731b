"""How large and how slow single calls are: cost, tokens, duration and time to the first chunk, with exemplars.

Counters say what a feature spends, these say whether it is many small calls or a few enormous ones. They begin at zero
with every start (a quantile over minutes needs no history), and carry fewer labels than the counters, because every
label set costs some seventy series. What a later description corrects about a call moves counters and the ledger, and
not a histogram, from which nothing can be taken back.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client.registry import Collector

from spancost_collector.metrics.histograms import Distribution, Layout, family
from spancost_collector.metrics.table import (
    CALL_COST,
    CALL_INPUT_TOKENS,
    CALL_OUTPUT_TOKENS,
    CALL_SECONDS,
    FIRST_CHUNK_SECONDS,
)
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import HistogramMetricFamily

    from spancost_collector.call import Charged, Series
    from spancost_collector.metrics.labels import LabelBounds

_NANOSECONDS: Final = 1_000_000_000
_METRICS: Final = (
    (CALL_COST, PICO_USD),
    (CALL_INPUT_TOKENS, 1),
    (CALL_OUTPUT_TOKENS, 1),
    (CALL_SECONDS, _NANOSECONDS),
    (FIRST_CHUNK_SECONDS, _NANOSECONDS),
)

_Child = tuple[Distribution, ...]
"""One distribution for each of `_METRICS`."""


class Distributions(Collector):
    """The histograms about single calls."""

    def __init__(self, bounds: LabelBounds, *, now: Callable[[], float] = time.time) -> None:
        self._created = now()
        self._labels = bounds.narrowed(CALL_COST.labels)
        self._layouts = [Layout(metric.buckets, scale) for metric, scale in _METRICS]
        self._children: dict[tuple[str, ...], _Child] = {}
        self._lock = Lock()

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        with self._lock:
            for call, charge, series in calls:
                usage = call.usage
                if usage is not None and usage.batched_requests is not None:
                    continue  # adds up several calls
                cost, tokens_in, tokens_out, duration, first_chunk = self._child(series)
                trace, end = call.trace_id, call.end_ns
                if charge.spent_pico is not None:
                    cost.add(charge.spent_pico, trace, end)
                if usage is not None:
                    if usage.input_tokens is not None:
                        tokens_in.add(usage.input_tokens, trace, end)
                    if usage.output_tokens is not None:
                        tokens_out.add(usage.output_tokens, trace, end)
                if end > call.start_ns:
                    duration.add(end - call.start_ns, trace, end)
                if call.first_chunk_s is not None:
                    first_chunk.add(round(call.first_chunk_s * _NANOSECONDS), trace, end)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The histograms as they are now, all of the same moment."""
        with self._lock:  # the pipeline waits meanwhile
            children = [(labels, tuple(each.copy() for each in child)) for labels, child in self._children.items()]
        for number, (metric, _) in enumerate(_METRICS):
            yield family(metric, [(labels, child[number]) for labels, child in children], self._created)

    def _child(self, series: Series) -> _Child:
        labels = self._labels(series)
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = tuple(map(Distribution, self._layouts))
        return child
