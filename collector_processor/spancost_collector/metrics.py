"""Every metric of the receiver, declared once; code, documentation and dashboards read this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as Prometheus shows it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    """Labels beyond the dimensions."""
    dimensions: bool = False
    """Whether it also has the dimensions, `labels.DIMENSIONS`."""


COST: Final = Metric(
    "spancost_cost_usd_total", "counter", "Cost of model calls in US dollars.", ("token_class",), dimensions=True
)
TOKENS: Final = Metric(
    "spancost_tokens_total", "counter", "Tokens of model calls, by disjoint class.", ("token_class",), dimensions=True
)
CALLS: Final = Metric("spancost_calls_total", "counter", "Model calls.", ("outcome",), dimensions=True)
UNPRICED_CALLS: Final = Metric(
    "spancost_unpriced_calls_total",
    "counter",
    "Model calls whose charge is missing or incomplete, by reason. Failed calls without usage are not among them.",
    ("reason",),
    dimensions=True,
)
UNPRICED_TOKENS: Final = Metric(
    "spancost_unpriced_tokens_total", "counter", "Tokens that no rate was found for.", ("reason",), dimensions=True
)
SPANS: Final = Metric("spancost_receiver_spans_total", "counter", "Spans received.")
MODEL_CALLS: Final = Metric(
    "spancost_receiver_model_calls_total", "counter", "Spans that are model calls, redelivered ones included."
)
DUPLICATES: Final = Metric(
    "spancost_receiver_duplicates_total",
    "counter",
    "Model calls that the ledger already had, and that were not charged.",
)
MISMATCHES: Final = Metric(
    "spancost_receiver_mismatches_total",
    "counter",
    "Model calls whose usage contradicts itself, such as a part larger than its whole.",
)
DIFFERENCES: Final = Metric(
    "spancost_receiver_reported_differences_total",
    "counter",
    "Model calls whose biller reported a cost that is more than 0.5 % from what the price list gives.",
)
UNREADABLE_SPANS: Final = Metric(
    "spancost_receiver_unreadable_spans_total",
    "counter",
    "Spans that look like model calls and could not be read; passed on as they came, not charged.",
)
UNREADABLE_ATTRIBUTES: Final = Metric(
    "spancost_receiver_unreadable_attributes_total",
    "counter",
    "Attributes of model calls that were taken as absent: a wrong type, not a number, too long.",
)
UNKNOWN_OPERATIONS: Final = Metric(
    "spancost_receiver_unknown_operations_total",
    "counter",
    "Spans with token usage under an operation that is not known to be a model call; not charged.",
)
REJECTED: Final = Metric(
    "spancost_receiver_rejected_requests_total",
    "counter",
    "Requests that were not acknowledged, by reason.",
    ("reason",),
)
REQUESTS: Final = Metric(
    "spancost_receiver_request_seconds", "histogram", "Time from a request's arrival to its answer."
)
QUEUE_REQUESTS: Final = Metric("spancost_receiver_queue_requests", "gauge", "Requests that wait to be processed.")
QUEUE_BYTES: Final = Metric("spancost_receiver_queue_bytes", "gauge", "Bytes that wait to be processed.")
LEDGER_FAILURES: Final = Metric(
    "spancost_receiver_ledger_failures_total", "counter", "Commits that the ledger did not take."
)
FORWARD_FAILURES: Final = Metric(
    "spancost_receiver_forward_failures_total",
    "counter",
    "Requests that the next hop could not take; their senders try again.",
)
FORWARD_REJECTED: Final = Metric(
    "spancost_receiver_forward_rejected_requests_total", "counter", "Requests that the next hop refused for good."
)
FORWARD_REJECTED_SPANS: Final = Metric(
    "spancost_receiver_forward_rejected_spans_total",
    "counter",
    "Spans that the next hop left out of a request it took.",
)
FOLDED: Final = Metric(
    "spancost_receiver_folded_labels_total",
    "counter",
    "Model calls shown under __other__ because the dimension has as many values as it may have.",
    ("dimension",),
)

METRICS: Final = (
    COST,
    TOKENS,
    CALLS,
    UNPRICED_CALLS,
    UNPRICED_TOKENS,
    SPANS,
    MODEL_CALLS,
    DUPLICATES,
    MISMATCHES,
    DIFFERENCES,
    UNREADABLE_SPANS,
    UNREADABLE_ATTRIBUTES,
    UNKNOWN_OPERATIONS,
    REJECTED,
    REQUESTS,
    QUEUE_REQUESTS,
    QUEUE_BYTES,
    LEDGER_FAILURES,
    FORWARD_FAILURES,
    FORWARD_REJECTED,
    FORWARD_REJECTED_SPANS,
    FOLDED,
)
"""All of them, in the order in which they are documented."""

_REJECTION_REASONS: Final = ("malformed", "rejected", "unavailable", "overloaded", "internal")


class ReceiverMetrics:
    """What the receiver counts about itself; these start at zero with every start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(metric: Metric) -> Counter:
            return Counter(metric.name, metric.help, metric.labels, registry=registry)

        self.spans = counter(SPANS)
        self.model_calls = counter(MODEL_CALLS)
        self.duplicates = counter(DUPLICATES)
        self.mismatches = counter(MISMATCHES)
        self.differences = counter(DIFFERENCES)
        self.unreadable_spans = counter(UNREADABLE_SPANS)
        self.unreadable_attributes = counter(UNREADABLE_ATTRIBUTES)
        self.unknown_operations = counter(UNKNOWN_OPERATIONS)
        self.ledger_failures = counter(LEDGER_FAILURES)
        self.request_seconds = Histogram(REQUESTS.name, REQUESTS.help, registry=registry)
        self.folded = counter(FOLDED)
        rejected = counter(REJECTED)
        self.rejected = {reason: rejected.labels(reason) for reason in _REJECTION_REASONS}
        self._forward_failures = counter(FORWARD_FAILURES)
        self._forward_rejected = counter(FORWARD_REJECTED)
        self._forward_rejected_spans = counter(FORWARD_REJECTED_SPANS)
        self._queue_requests = Gauge(QUEUE_REQUESTS.name, QUEUE_REQUESTS.help, registry=registry)
        self._queue_bytes = Gauge(QUEUE_BYTES.name, QUEUE_BYTES.help, registry=registry)

    def watch_queue(self, requests: Callable[[], float], size: Callable[[], float]) -> None:
        """Show the queue as it is at the moment of each scrape."""
        self._queue_requests.set_function(requests)
        self._queue_bytes.set_function(size)

    def forward_failed(self, requests: int) -> None:
        """The next hop could not take requests now."""
        self._forward_failures.inc(requests)

    def forward_rejected(self, requests: int) -> None:
        """The next hop refused requests for good."""
        self._forward_rejected.inc(requests)

    def forward_rejected_spans(self, spans: int) -> None:
        """The next hop took a request but for some spans."""
        self._forward_rejected_spans.inc(spans)
