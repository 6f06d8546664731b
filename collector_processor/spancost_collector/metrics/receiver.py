"""What the receiver counts about itself: its requests, its doubts, its queue, its workers and its next hops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from spancost_collector.election.decision import REASONS
from spancost_collector.forward.best_effort import DROP_REASONS
from spancost_collector.metrics.table import (
    AGENT_RECORDS,
    ASSUMED,
    CACHED_CALLS,
    CORRECTIONS,
    DIFFERENCES,
    DUPLICATES,
    EXPORT_FAILURE_REASONS,
    EXPORT_FAILURES,
    FOLDED,
    FORWARD_DROPPED,
    FORWARD_FAILURES,
    FORWARD_QUEUE_BYTES,
    FORWARD_REJECTED,
    FORWARD_REJECTED_SPANS,
    LEDGER_FAILURES,
    MISMATCHES,
    MODEL_CALLS,
    QUEUE_BYTES,
    QUEUE_REQUESTS,
    REJECTED,
    REJECTED_SPANS,
    RELOAD_FAILED,
    RELOADS,
    REQUESTS,
    SPANS,
    UNKNOWN_OPERATIONS,
    UNREADABLE_ATTRIBUTES,
    UNREADABLE_SPANS,
    WORKER_RESTARTS,
    WORKERS,
)
from spancost_collector.outcome import REFUSAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_collector.forward.best_effort import DropReason
    from spancost_collector.metrics.table import Metric


class ReceiverMetrics:
    """What the receiver counts about itself; these start at zero with every start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(metric: Metric) -> Counter:
            return Counter(metric.name, metric.help, metric.labels, registry=registry)

        self.spans = counter(SPANS)
        self.model_calls = counter(MODEL_CALLS)
        duplicates = counter(DUPLICATES)
        self.duplicates = {reason: duplicates.labels(reason) for reason in REASONS}
        self.corrections = counter(CORRECTIONS)
        self.cached_calls = counter(CACHED_CALLS)
        self.mismatches = counter(MISMATCHES)
        self.differences = counter(DIFFERENCES)
        self.unreadable_spans = counter(UNREADABLE_SPANS)
        self.unreadable_attributes = counter(UNREADABLE_ATTRIBUTES)
        self.unknown_operations = counter(UNKNOWN_OPERATIONS)
        self.agent_records = counter(AGENT_RECORDS)
        self.assumed = counter(ASSUMED)
        self.ledger_failures = counter(LEDGER_FAILURES)
        self.request_seconds = Histogram(REQUESTS.name, REQUESTS.help, registry=registry)
        self.folded = counter(FOLDED)
        self.rejected_spans = counter(REJECTED_SPANS)
        rejected = counter(REJECTED)
        self.rejected = {reason: rejected.labels(reason) for reason in REFUSAL_KINDS}
        self._forward_failures = counter(FORWARD_FAILURES)
        self._forward_rejected = counter(FORWARD_REJECTED)
        self._forward_rejected_spans = counter(FORWARD_REJECTED_SPANS)
        self._forward_dropped = counter(FORWARD_DROPPED)
        self._forward_queue_bytes = Gauge(
            FORWARD_QUEUE_BYTES.name, FORWARD_QUEUE_BYTES.help, FORWARD_QUEUE_BYTES.labels, registry=registry
        )
        failures = counter(EXPORT_FAILURES)
        self.export_failures = {reason: failures.labels(reason) for reason in EXPORT_FAILURE_REASONS}
        reloads = counter(RELOADS)
        self._reloads = {taken: reloads.labels("taken" if taken else "refused") for taken in (True, False)}
        self._reload_failed = Gauge(RELOAD_FAILED.name, RELOAD_FAILED.help, registry=registry)
        self.workers = Gauge(WORKERS.name, WORKERS.help, registry=registry)
        self.worker_restarts = counter(WORKER_RESTARTS)
        self._queue_requests = Gauge(QUEUE_REQUESTS.name, QUEUE_REQUESTS.help, registry=registry)
        self._queue_bytes = Gauge(QUEUE_BYTES.name, QUEUE_BYTES.help, registry=registry)

    def watch_queue(self, requests: Callable[[], float], size: Callable[[], float]) -> None:
        """Show the queue as it is at the moment of each scrape."""
        self._queue_requests.set_function(requests)
        self._queue_bytes.set_function(size)

    def reloaded(self, *, taken: bool) -> None:
        """A reload was asked for."""
        self._reloads[taken].inc()
        self._reload_failed.set(0 if taken else 1)

    def next_hop(self, name: str) -> NextHopMetrics:
        """Where one next hop counts; everything starts at zero."""
        return NextHopMetrics(
            self._forward_failures.labels(name),
            self._forward_rejected.labels(name),
            self._forward_rejected_spans.labels(name),
        )

    def forward_drops(self, name: str) -> Callable[[DropReason, int], None]:
        """Where a best-effort next hop counts what it did not get."""
        by_reason = {reason: self._forward_dropped.labels(name, reason) for reason in DROP_REASONS}
        return lambda reason, requests: by_reason[reason].inc(requests)

    def watch_forward_queue(self, name: str, size: Callable[[], float]) -> None:
        """Show a best-effort next hop's queue as it is at the moment of each scrape."""
        self._forward_queue_bytes.labels(name).set_function(size)


class NextHopMetrics:
    """What one next hop did not take."""

    def __init__(self, failures: Counter, rejected: Counter, rejected_spans: Counter) -> None:
        self._failures = failures
        self._rejected = rejected
        self._rejected_spans = rejected_spans

    def failed(self, requests: int) -> None:
        """The hop could not take requests now."""
        self._failures.inc(requests)

    def rejected(self, requests: int) -> None:
        """The hop refused requests for good."""
        self._rejected.inc(requests)

    def rejected_spans(self, spans: int) -> None:
        """The hop took a request but for some spans."""
        self._rejected_spans.inc(spans)
