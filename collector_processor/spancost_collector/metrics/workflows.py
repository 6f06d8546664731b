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

from spancost_collector.metrics.histograms import Distribution, Layout, family
from spancost_collector.metrics.table import OPEN_WORKFLOW_CALLS, WORKFLOW_CALLS, WORKFLOW_COST
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import HistogramMetricFamily

    from spancost_collector.call import Charged
    from spancost_collector.metrics.labels import LabelBounds

QUIET_SECONDS: Final = 60.0
"""How long nothing may come from a workflow that is still running."""
MOST_OPEN: Final = 50_000

_Labels = tuple[str, ...]


class _Open:
    """A workflow under way."""

    __slots__ = ("calls", "labels", "last", "last_ns", "pico")

    def __init__(self, labels: _Labels) -> None:
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
        self._calls, self._cost = Layout(WORKFLOW_CALLS.buckets, 1), Layout(WORKFLOW_COST.buckets, PICO_USD)
        self._open: dict[bytes, _Open] = {}  # the one that was quiet for longest comes first
        self._counted: dict[_Labels, tuple[Distribution, Distribution]] = {}
        self._lock = Lock()

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        now = self._clock()
        with self._lock:
            for call, charge, series in calls:
                workflow = self._open.pop(call.trace_id, None) or _Open(self._labels(series))
                workflow.calls += 1
                if charge.spent_pico is None:
                    # A failed call without usage consumed nothing that anyone bills.
                    if not (call.outcome != "ok" and charge.reason == "no_usage"):
                        workflow.pico = None
                elif workflow.pico is not None:
                    workflow.pico += charge.spent_pico
                workflow.last, workflow.last_ns = now, call.end_ns
                self._open[call.trace_id] = workflow
            self._close(now)

    def collect(self) -> Iterator[HistogramMetricFamily | GaugeMetricFamily]:
        """The histograms and the gauge as they are now."""
        with self._lock:
            self._close(self._clock())
            most: dict[_Labels, int] = dict.fromkeys(self._counted, 0)
            for workflow in self._open.values():
                most[workflow.labels] = max(workflow.calls, most.get(workflow.labels, 0))
            families = [
                family(metric, [(labels, both[number]) for labels, both in self._counted.items()], self._created)
                for number, metric in enumerate((WORKFLOW_CALLS, WORKFLOW_COST))
            ]
        yield from families
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
            self._count(trace_id, self._open.pop(trace_id))

    def _count(self, trace_id: bytes, workflow: _Open) -> None:
        counted = self._counted.get(workflow.labels)
        if counted is None:
            counted = Distribution(self._calls), Distribution(self._cost)
            self._counted[workflow.labels] = counted
        calls, cost = counted
        calls.add(workflow.calls, trace_id, workflow.last_ns)
        if workflow.pico is not None:
            cost.add(workflow.pico, trace_id, workflow.last_ns)
