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

from spancost_collector.metrics.histograms import Layout, Observations, family
from spancost_collector.metrics.table import (
    CALL_COST,
    CALL_INPUT_TOKENS,
    CALL_OUTPUT_TOKENS,
    CALL_SECONDS,
    FIRST_CHUNK_SECONDS,
)
from spancost_pricing import PICO_USD, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import HistogramMetricFamily

    from spancost_collector.call import Charged
    from spancost_collector.metrics.labels import LabelBounds

_NANOSECONDS: Final = 1_000_000_000
_METRICS: Final = (
    (CALL_COST, PICO_USD),
    (CALL_INPUT_TOKENS, 1),
    (CALL_OUTPUT_TOKENS, 1),
    (CALL_SECONDS, _NANOSECONDS),
    (FIRST_CHUNK_SECONDS, _NANOSECONDS),
)
_NOT_REPORTED: Final = Usage()


class Distributions(Collector):
    """The histograms about single calls."""

    def __init__(self, bounds: LabelBounds, *, now: Callable[[], float] = time.time) -> None:
        self._created = now()
        self._labels = bounds.narrowed(CALL_COST.labels)
        self._seen = Observations(*(Layout(metric.buckets, scale) for metric, scale in _METRICS))
        self._lock = Lock()

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        with self._lock:
            labels, waiting = self._labels, self._seen.waiting
            for call, charge, series in calls:
                usage = call.usage or _NOT_REPORTED
                if usage.batched_requests is not None:
                    continue  # adds up several calls
                start, end, first_chunk = call.start_ns, call.end_ns, call.first_chunk_s
                waiting[labels[series]].append(
                    (
                        call.trace_id,
                        end,
                        charge.spent_pico,
                        usage.input_tokens,
                        usage.output_tokens,
                        end - start if end > start else None,
                        None if first_chunk is None else round(first_chunk * _NANOSECONDS),
                    )
                )
            self._seen.added(len(calls))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The histograms as they are now, all of the same moment."""
        with self._lock:  # the pipeline waits meanwhile
            seen = self._seen.seen()
        for number, (metric, _) in enumerate(_METRICS):
            yield family(metric, ((labels, each[number]) for labels, each in seen), self._created)
