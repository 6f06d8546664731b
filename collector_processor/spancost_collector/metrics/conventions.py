"""The client metrics of OpenTelemetry's GenAI conventions, old generation and new, for dashboards made for them.

They say nothing that spancost's own metrics do not, and nothing about cost; who has dashboards or alerts on
`gen_ai.client.…` gets them here for every call, whatever instrumented it. Off unless asked for, because both
generations together are some hundred series for each pair of models.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.metrics.histograms import Layout, Observations, family
from spancost_collector.metrics.labels import MAX_HISTOGRAM_COMBINATIONS, OTHER
from spancost_collector.metrics.table import Metric
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.core import HistogramMetricFamily

    from spancost_collector.call import Charged, ModelCall
    from spancost_collector.metrics.histograms import LabelSet

Generation = Literal["none", "old", "new", "both"]

_NANOSECONDS: Final = 1_000_000_000
_SECONDS: Final = tuple(0.01 * 2**n for n in range(14))
_TOKENS: Final = tuple(4.0**n for n in range(14))
_LABELS: Final = (
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
    "error_type",
)
_ATTRIBUTES: Final = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "error.type",
)
_UNKNOWN_ERROR: Final = "_OTHER"
"""What the conventions say where nobody knows the kind of an error."""
_NOT_REPORTED: Final = Usage()


@dataclass(frozen=True, slots=True)
class ClientMetric(Metric):
    """A metric as the conventions name it, beside what Prometheus makes of that."""

    convention: str = ""
    unit: str = ""
    attributes: tuple[str, ...] = _ATTRIBUTES
    """The conventions' names of the labels."""


def _histogram(name: str, unit: str, help_text: str, *, shown: str, token_type: bool = False) -> ClientMetric:
    return ClientMetric(
        shown,
        "histogram",
        help_text,
        ("gen_ai_token_type", *_LABELS) if token_type else _LABELS,
        narrow=True,
        buckets=_SECONDS if unit == "s" else _TOKENS,
        values=2 if token_type else 1,
        convention=name,
        unit=unit,
        attributes=("gen_ai.token.type", *_ATTRIBUTES) if token_type else _ATTRIBUTES,
    )


TOKEN_USAGE: Final = _histogram(
    "gen_ai.client.token.usage",
    "{token}",
    "Input and output tokens of one model call.",
    shown="gen_ai_client_token_usage",
    token_type=True,
)
OPERATION_DURATION: Final = _histogram(
    "gen_ai.client.operation.duration",
    "s",
    "How long a model call took.",
    shown="gen_ai_client_operation_duration_seconds",
)
INFERENCE_DURATION: Final = _histogram(
    "gen_ai.client.inference.duration",
    "s",
    "How long a model call took.",
    shown="gen_ai_client_inference_duration_seconds",
)
INFERENCE_INPUT: Final = _histogram(
    "gen_ai.client.inference.operation.input_tokens",
    "{token}",
    "Input tokens of one model call.",
    shown="gen_ai_client_inference_operation_input_tokens",
)
INFERENCE_OUTPUT: Final = _histogram(
    "gen_ai.client.inference.operation.output_tokens",
    "{token}",
    "Output tokens of one model call.",
    shown="gen_ai_client_inference_operation_output_tokens",
)
_USED: Final[dict[str, Callable[[Usage], int | None]]] = {
    "input_tokens": lambda usage: usage.input_tokens,
    "output_tokens": lambda usage: usage.output_tokens,
    "cache_read.input_tokens": lambda usage: usage.cache_read_tokens,
    "cache_write.input_tokens": lambda usage: usage.cache_write_tokens,
    "reasoning.output_tokens": lambda usage: usage.reasoning_tokens,
}
INFERENCE_USAGE: Final = tuple(
    ClientMetric(
        f"gen_ai_client_inference_usage_{what.replace('.', '_')}_total",
        "counter",
        f"{what.replace('.', ' ').replace('_', ' ').capitalize()} of model calls.",
        _LABELS,
        narrow=True,
        convention=f"gen_ai.client.inference.usage.{what}",
        unit="{token}",
    )
    for what in _USED
)
OLD: Final = (TOKEN_USAGE, OPERATION_DURATION)
NEW: Final = (INFERENCE_DURATION, INFERENCE_INPUT, INFERENCE_OUTPUT, *INFERENCE_USAGE)
CLIENT_METRICS: Final[tuple[ClientMetric, ...]] = (*OLD, *NEW)
"""Both generations."""


class ClientMetrics(Collector):
    """Counts what the conventions' metrics show; label sets past the bound share one of `__other__`."""

    def __init__(
        self,
        generation: Generation,
        max_combinations: int = MAX_HISTOGRAM_COMBINATIONS,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._old = generation in {"old", "both"}
        self._new = generation in {"new", "both"}
        self._most = max_combinations
        self._created = now()
        tokens = Layout(_TOKENS, 1)
        self._seen = Observations(Layout(_SECONDS, _NANOSECONDS), tokens, tokens)
        self._used: dict[LabelSet, list[int | None]] = {}
        """By label set, in the order of `_USED`; None as long as nobody has reported it."""
        self._lock = Lock()

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        with self._lock:
            for call, _, _ in calls:
                if call.outcome != "blocked":  # it was never made
                    self._add(call)
            self._seen.added(len(calls))

    def collect(self) -> Iterator[HistogramMetricFamily | CounterMetricFamily]:
        """The chosen generations as they are now."""
        with self._lock:
            seen = self._seen.seen()
            amounts = [(labels, used.copy()) for labels, used in self._used.items()]
        duration, tokens_in, tokens_out = ([(labels, each[number]) for labels, each in seen] for number in range(3))
        if self._old:
            by_type = [
                *((("input", *labels), each) for labels, each in tokens_in),
                *((("output", *labels), each) for labels, each in tokens_out),
            ]
            yield family(TOKEN_USAGE, by_type, self._created)
            yield family(OPERATION_DURATION, duration, self._created)
        if self._new:
            yield family(INFERENCE_DURATION, duration, self._created)
            yield family(INFERENCE_INPUT, tokens_in, self._created)
            yield family(INFERENCE_OUTPUT, tokens_out, self._created)
            for number, metric in enumerate(INFERENCE_USAGE):
                used = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
                for labels, each in amounts:
                    amount = each[number]
                    if amount is not None:
                        used.add_metric(labels, amount, self._created)
                yield used

    def _add(self, call: ModelCall) -> None:
        labels = self._labels(call)
        usage = call.usage or _NOT_REPORTED
        seconds = call.end_ns - call.start_ns if call.end_ns > call.start_ns else None
        self._seen.waiting[labels].append(
            (call.trace_id, call.end_ns, seconds, usage.input_tokens, usage.output_tokens)
        )
        used = self._used[labels]
        for number, read in enumerate(_USED.values()):
            amount = read(usage)
            if amount is not None and amount >= 0:
                before = used[number]
                used[number] = amount if before is None else before + amount

    def _labels(self, call: ModelCall) -> LabelSet:
        labels = (
            call.operation,
            call.route.provider,
            call.request_model or "",
            call.response_model or "",
            "" if call.outcome == "ok" else _UNKNOWN_ERROR,
        )
        if labels not in self._used:
            if len(self._used) >= self._most - 1:
                labels = (OTHER,) * len(labels)
            self._used.setdefault(labels, [None] * len(_USED))
        return labels
