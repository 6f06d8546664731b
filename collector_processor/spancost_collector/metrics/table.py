"""Every metric of the receiver, declared once; code, documentation and dashboards read this table.

With each stands how many sets of values its own labels can take, so that the most series that it can ever be is known
beforehand: `most_series`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from prometheus_client import Histogram

from spancost_collector.call import Outcome
from spancost_collector.election.decision import REASONS
from spancost_collector.metrics.labels import DIMENSIONS, MAX_VALUES
from spancost_collector.outcome import REFUSAL_KINDS
from spancost_pricing import TOKEN_CLASSES
from spancost_pricing.charge import Reason
from spancost_pricing.usage import Unit


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
    narrow: bool = False
    """Whether its labels are a few of the dimensions, under the bound for histograms."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, without the infinite one; none are prometheus_client's own."""
    values: int | None = 1
    """How many sets of values its own labels can take; None where that depends on the configuration."""


_CLASSES: Final = len(TOKEN_CLASSES)
_UNITS: Final = len(get_args(Unit))
_UNPRICED: Final = len(get_args(Reason))
COST: Final = Metric(
    "spancost_cost_usd_total",
    "counter",
    "Cost of model calls in US dollars.",
    ("token_class",),
    dimensions=True,
    values=_CLASSES + _UNITS,
)
IMPUTED: Final = Metric(
    "spancost_imputed_usd_total",
    "counter",
    "What calls that a subscription covers would have cost by the list, in US dollars; part of no spend.",
    ("token_class",),
    dimensions=True,
    values=_CLASSES + _UNITS,
)
TOKENS: Final = Metric(
    "spancost_tokens_total",
    "counter",
    "Tokens of model calls, by disjoint class.",
    ("token_class",),
    dimensions=True,
    values=_CLASSES,
)
CALLS: Final = Metric(
    "spancost_calls_total", "counter", "Model calls.", ("outcome",), dimensions=True, values=len(get_args(Outcome))
)
UNPRICED_CALLS: Final = Metric(
    "spancost_unpriced_calls_total",
    "counter",
    "Model calls whose charge is missing or incomplete, by reason. Failed calls without usage are not among them.",
    ("reason",),
    dimensions=True,
    values=_UNPRICED,
)
UNPRICED_TOKENS: Final = Metric(
    "spancost_unpriced_tokens_total",
    "counter",
    "Tokens that no rate was found for.",
    ("reason",),
    dimensions=True,
    values=_UNPRICED,
)
EXPORT_FAILURE_REASONS: Final = ("unavailable", "rejected", "partly")
RANKS: Final = 10
"""How many of the first spenders are shown."""
_PER_CALL: Final = ("feature", "task", "provider", "model", "environment")
_PER_WORKFLOW: Final = ("feature", "environment")
_USD: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_TOKENS: Final = (64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0)
_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
CALL_COST: Final = Metric(
    "spancost_call_cost_usd",
    "histogram",
    "Cost of one model call in US dollars; calls without a price are not in it.",
    _PER_CALL,
    narrow=True,
    buckets=_USD,
)
CALL_INPUT_TOKENS: Final = Metric(
    "spancost_call_input_tokens",
    "histogram",
    "Input tokens of one model call, cached ones too.",
    _PER_CALL,
    narrow=True,
    buckets=_TOKENS,
)
CALL_OUTPUT_TOKENS: Final = Metric(
    "spancost_call_output_tokens",
    "histogram",
    "Output tokens of one model call, reasoning too.",
    _PER_CALL,
    narrow=True,
    buckets=_TOKENS,
)
CALL_SECONDS: Final = Metric(
    "spancost_call_duration_seconds",
    "histogram",
    "How long a model call took.",
    _PER_CALL,
    narrow=True,
    buckets=_SECONDS,
)
FIRST_CHUNK_SECONDS: Final = Metric(
    "spancost_time_to_first_chunk_seconds",
    "histogram",
    "How long it took until the first part of a streamed answer was there.",
    _PER_CALL,
    narrow=True,
    buckets=_SECONDS,
)
WORKFLOW_CALLS: Final = Metric(
    "spancost_workflow_calls",
    "histogram",
    "Model calls of one workflow: a whole trace, counted when it has been quiet for a while.",
    _PER_WORKFLOW,
    narrow=True,
    buckets=(1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0),
)
WORKFLOW_COST: Final = Metric(
    "spancost_workflow_cost_usd",
    "histogram",
    "Cost of one workflow in US dollars: a whole trace; those with a call without a price are not in it.",
    _PER_WORKFLOW,
    narrow=True,
    buckets=_USD,
)
OPEN_WORKFLOW_CALLS: Final = Metric(
    "spancost_workflow_open_calls",
    "gauge",
    "Model calls so far of that workflow under way which has most of them.",
    _PER_WORKFLOW,
    narrow=True,
)
OPENINGS: Final = Metric(
    "spancost_conversation_openings_total",
    "counter",
    "Conversations that began: first calls of a session.",
    _PER_WORKFLOW,
    narrow=True,
)
OPENING_TOKENS: Final = Metric(
    "spancost_conversation_opening_input_tokens_total",
    "counter",
    "Input tokens of first calls of a session: what a prompt holds before the conversation adds to it.",
    _PER_WORKFLOW,
    narrow=True,
)
SPEND: Final = Metric(
    "spancost_spend_usd",
    "gauge",
    "Spend of the day and of the month so far in US dollars, from the ledger, in the configured time zone.",
    ("period",),
    dimensions=True,
    values=2,
)
TOP_SPENDERS: Final = Metric(
    "spancost_top_spender_usd",
    "gauge",
    "Spend today in US dollars of the user or tenant at each of the first ranks; the ledger knows the names.",
    ("who", "rank"),
    values=2 * RANKS,
)
MEDIAN_SPENDER: Final = Metric(
    "spancost_median_spender_usd",
    "gauge",
    "Spend today in US dollars of the user or tenant in the middle.",
    ("who",),
    values=2,
)
SPENDERS: Final = Metric("spancost_spenders", "gauge", "Users and tenants with spend today.", ("who",), values=2)
REVENUE: Final = Metric(
    "spancost_revenue_usd",
    "gauge",
    "What a tenant pays a month in US dollars, where the configuration says so.",
    ("tenant",),
    values=MAX_VALUES + 1,
)
PRICE_AGE: Final = Metric(
    "spancost_price_data_age_seconds", "gauge", "Time since the prices in use were last checked against their sources."
)
SPANS: Final = Metric("spancost_receiver_spans_total", "counter", "Spans received.")
MODEL_CALLS: Final = Metric(
    "spancost_receiver_model_calls_total", "counter", "Spans that are model calls, redelivered ones included."
)
DUPLICATES: Final = Metric(
    "spancost_receiver_duplicates_total",
    "counter",
    "Descriptions of model calls that were not charged because another one is, by reason.",
    ("reason",),
    values=len(REASONS),
)
CORRECTIONS: Final = Metric(
    "spancost_receiver_corrections_total",
    "counter",
    "Charges that were corrected because the call was described again, better.",
)
CACHED_CALLS: Final = Metric(
    "spancost_receiver_cached_calls_total",
    "counter",
    "Model calls answered from a cache in front of the provider; they cost nothing.",
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
AGENT_RECORDS: Final = Metric(
    "spancost_receiver_agent_records_total",
    "counter",
    "Log records and metric data points: calls of coding agents, what else those say, and everybody else's (foreign).",
    labels=("signal", "kind"),
    values=6,
)
ASSUMED: Final = Metric(
    "spancost_receiver_assumed_calls_total",
    "counter",
    "Model calls of which something was concluded and not said: what an unknown emitter's totals include, or who serves"
    " a model.",
)
REJECTED: Final = Metric(
    "spancost_receiver_rejected_requests_total",
    "counter",
    "Requests that were not acknowledged, by reason.",
    ("reason",),
    values=len(REFUSAL_KINDS),
)
REJECTED_SPANS: Final = Metric(
    "spancost_receiver_rejected_spans_total",
    "counter",
    "Spans in JSON that could not be read, and that were left out of a request; their senders were told.",
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
    "Requests that a next hop could not take; those of a required one are sent again by their senders.",
    ("next_hop",),
    values=None,
)
FORWARD_REJECTED: Final = Metric(
    "spancost_receiver_forward_rejected_requests_total",
    "counter",
    "Requests that a next hop refused for good.",
    ("next_hop",),
    values=None,
)
FORWARD_REJECTED_SPANS: Final = Metric(
    "spancost_receiver_forward_rejected_spans_total",
    "counter",
    "Spans that a next hop left out of a request it took.",
    ("next_hop",),
    values=None,
)
FORWARD_DROPPED: Final = Metric(
    "spancost_receiver_forward_dropped_requests_total",
    "counter",
    "Acknowledged requests that a best-effort next hop did not get, by reason.",
    ("next_hop", "reason"),
    values=None,
)
FORWARD_QUEUE_BYTES: Final = Metric(
    "spancost_receiver_forward_queue_bytes",
    "gauge",
    "Bytes that wait for a best-effort next hop.",
    ("next_hop",),
    values=None,
)
EXPORT_FAILURES: Final = Metric(
    "spancost_receiver_metrics_export_failures_total",
    "counter",
    "Requests with metrics that the OTLP receiver they are sent to did not take, or took in part only, by reason. The"
    " next ones say it all again.",
    ("reason",),
    values=len(EXPORT_FAILURE_REASONS),
)
RELOADS: Final = Metric(
    "spancost_receiver_reloads_total",
    "counter",
    "Reloads that were asked for: taken, or refused because a file could not be used.",
    ("outcome",),
    values=2,
)
WORKERS: Final = Metric("spancost_receiver_workers", "gauge", "Processes that take requests in.")
WORKER_RESTARTS: Final = Metric(
    "spancost_receiver_worker_restarts_total",
    "counter",
    "Worker processes that ended by themselves, and that another one was started for.",
)
RELOAD_FAILED: Final = Metric(
    "spancost_receiver_reload_failed",
    "gauge",
    "1 while the receiver works with older prices than those it was last told to read, which it could not use.",
)
FOLDED: Final = Metric(
    "spancost_receiver_folded_labels_total",
    "counter",
    "Model calls shown under __other__ because the dimension, or all of them together (`combinations`), has as many"
    " values as it may have.",
    ("dimension",),
    values=len(DIMENSIONS) + 2,
)

METRICS: Final = (
    COST,
    IMPUTED,
    TOKENS,
    CALLS,
    UNPRICED_CALLS,
    UNPRICED_TOKENS,
    CALL_COST,
    CALL_INPUT_TOKENS,
    CALL_OUTPUT_TOKENS,
    CALL_SECONDS,
    FIRST_CHUNK_SECONDS,
    WORKFLOW_CALLS,
    WORKFLOW_COST,
    OPEN_WORKFLOW_CALLS,
    OPENINGS,
    OPENING_TOKENS,
    SPEND,
    TOP_SPENDERS,
    MEDIAN_SPENDER,
    SPENDERS,
    REVENUE,
    PRICE_AGE,
    SPANS,
    MODEL_CALLS,
    DUPLICATES,
    CORRECTIONS,
    CACHED_CALLS,
    MISMATCHES,
    DIFFERENCES,
    UNREADABLE_SPANS,
    UNREADABLE_ATTRIBUTES,
    UNKNOWN_OPERATIONS,
    AGENT_RECORDS,
    ASSUMED,
    REJECTED,
    REJECTED_SPANS,
    REQUESTS,
    QUEUE_REQUESTS,
    QUEUE_BYTES,
    LEDGER_FAILURES,
    FORWARD_FAILURES,
    FORWARD_REJECTED,
    FORWARD_REJECTED_SPANS,
    FORWARD_DROPPED,
    FORWARD_QUEUE_BYTES,
    EXPORT_FAILURES,
    RELOADS,
    RELOAD_FAILED,
    WORKERS,
    WORKER_RESTARTS,
    FOLDED,
)
"""All that the receiver shows, in the order in which they are documented."""

BUDGET_LIMIT: Final = Metric(
    "spancost_budget_limit", "gauge", "What a budget allows in its period.", ("budget", "key", "unit")
)
BUDGET_USED: Final = Metric(
    "spancost_budget_used", "gauge", "What has been used of a budget in its period.", ("budget", "key", "unit")
)
BUDGET_USED_RATIO: Final = Metric(
    "spancost_budget_used_ratio", "gauge", "Share of a budget that has been used.", ("budget", "key", "unit")
)
SAVINGS: Final = Metric(
    "spancost_savings_usd_total",
    "counter",
    "What calls would have cost more on the model that they were routed away from, in US dollars.",
    ("from_model", "to_model"),
    dimensions=True,
)
INTERNAL_ERRORS: Final = Metric(
    "spancost_internal_errors_total",
    "counter",
    "Errors of the instrumentation in an app, which the app never sees; calls may be missing or incomplete.",
    ("job", "spancost_step", "error_type"),
)
READ: Final = (BUDGET_LIMIT, BUDGET_USED, BUDGET_USED_RATIO, SAVINGS, INTERNAL_ERRORS)
"""What rules and dashboards read and the receiver does not show: whoever sets budgets, routes or makes calls does."""


def most_series(metric: Metric, *, max_combinations: int, max_histogram_combinations: int) -> int | None:
    """How many series a metric can be at most, `_created` ones included; None where the configuration decides."""
    if metric.values is None:
        return None
    of_each = 2 if metric.kind == "counter" else 1
    if metric.kind == "histogram":
        buckets = metric.buckets or Histogram.DEFAULT_BUCKETS[:-1]
        of_each = len(buckets) + 4  # the infinite bucket, the sum, the count, and when it was created
    sets = max_combinations if metric.dimensions else max_histogram_combinations if metric.narrow else 1
    return sets * metric.values * of_each
