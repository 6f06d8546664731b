"""What whole workflows take: model calls and cost of a trace, and the largest one that is still running.

A runaway agent is one trace with hundreds of calls, which no average over a feature shows in time. A workflow is
counted once it has been quiet for a while; until then the gauge of calls under way is what an alert can see. Memory is
bounded: with too many open at once, those quiet for longest are counted early. A call that comes after its workflow
was counted begins another one.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.metrics.histograms import Layout, Observations, family
from spancost_collector.metrics.table import OPEN_WORKFLOW_CALLS, WORKFLOW_CALLS, WORKFLOW_COST
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import HistogramMetricFamily

    from spancost_collector.call import Charged
    from spancost_collector.metrics.histograms import LabelSet
    from spancost_collector.metrics.labels import LabelBounds

QUIET_SECONDS: Final = 60.0
"""How long nothing may come from a workflow that is still running."""
MOST_OPEN: Final = 50_000


class _Open:
    """A workflow under way."""

    __slots__ = ("calls", "labels", "last", "last_ns", "pico")

    def __init__(self, labels: LabelSet) -> None:
        self.labels = labels
        self.calls = 0
        self.pico: int | None = 0
        """None once a call has no price."""
        self.last = 0.0
        self.last_ns = 0


class Workflows(Collector):
    """The histograms about traces; a workflow has the feature and environment of its first call."""

    def __init__(
        self,
        bounds: LabelBounds,
        *,
        quiet_seconds: float = QUIET_SECONDS,
        most_open: int = MOST_OPEN,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._labels = bounds.narrowed(WORKFLOW_CALLS.labels)
        self._quiet = quiet_seconds
        self._most = most_open
        self._clock = clock
        self._created = now()
        self._closed = Observations(Layout(WORKFLOW_CALLS.buckets, 1), Layout(WORKFLOW_COST.buckets, PICO_USD))
        self._open: dict[bytes, _Open] = {}  # the one that was quiet for longest comes first
        self._lock = Lock()

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        now = self._clock()
        with self._lock:
            under_way, labels = self._open, self._labels
            for call, charge, series in calls:
                trace_id, pico = call.trace_id, charge.spent_pico
                workflow = under_way.pop(trace_id, None) or _Open(labels[series])
                workflow.calls += 1
                if pico is None:
                    # A failed call without usage consumed nothing that anyone bills.
                    if not (call.outcome != "ok" and charge.reason == "no_usage"):
                        workflow.pico = None
                elif workflow.pico is not None:
                    workflow.pico += pico
                workflow.last, workflow.last_ns = now, call.end_ns
                under_way[trace_id] = workflow
            self._close(now)

    def collect(self) -> Iterator[HistogramMetricFamily | GaugeMetricFamily]:
        """The histograms and the gauge as they are now."""
        with self._lock:
            self._close(self._clock())
            closed = self._closed.seen()
            most = {labels: 0 for labels, _ in closed}
            for workflow in self._open.values():
                most[workflow.labels] = max(workflow.calls, most.get(workflow.labels, 0))
        for number, metric in enumerate((WORKFLOW_CALLS, WORKFLOW_COST)):
            yield family(metric, ((labels, both[number]) for labels, both in closed), self._created)
        under_way = GaugeMetricFamily(
            OPEN_WORKFLOW_CALLS.name, OPEN_WORKFLOW_CALLS.help, labels=OPEN_WORKFLOW_CALLS.labels
        )
        for labels, calls in most.items():
            under_way.add_metric(labels, calls)
        yield under_way

    def _close(self, now: float) -> None:
        surplus = len(self._open) - self._most
        closed: list[bytes] = []
        for number, (trace_id, workflow) in enumerate(self._open.items()):
            if number >= surplus and now - workflow.last < self._quiet:
                break
            closed.append(trace_id)
        for trace_id in closed:
            workflow = self._open.pop(trace_id)
            row = (trace_id, workflow.last_ns, workflow.calls, workflow.pico)
            self._closed.waiting[workflow.labels].append(row)
        self._closed.added(len(closed))
