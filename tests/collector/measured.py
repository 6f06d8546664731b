"""Calls that were charged, as what shows them is told of them, and what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from spancost_collector.call import Attribution, Charged, ModelCall, Resource, Series, series_of
from spancost_collector.metrics.labels import LabelBounds
from spancost_pricing import Charge, Route, Usage

if TYPE_CHECKING:
    from prometheus_client.registry import Collector


NOON = 1_795_176_000  # 2026-11-20T12:00:00Z
SERIES = Series("chat", "", "", "acme", "one", "prod", "", "shop")


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def charged(
    n: int = 1,
    *,
    trace: int = 1,
    usd: float | None = 0.002,
    tokens: tuple[int | None, int | None] = (1000, 10),
    seconds: float = 2.0,
    first_chunk_s: float | None = None,
    who: Attribution | None = None,
    model: str = "one",
    outcome: str = "ok",
    reason: str | None = None,
    end: float = NOON,
) -> Charged:
    usage = None if tokens == (None, None) else Usage(input_tokens=tokens[0], output_tokens=tokens[1])
    call = ModelCall(
        trace_id=trace.to_bytes(16),
        span_id=n.to_bytes(8),
        start_ns=round((end - seconds) * 1e9),
        end_ns=round(end * 1e9),
        operation="chat",
        route=Route("acme", model),
        request_model=model,
        response_model=None,
        response_id=None,
        usage=usage,
        outcome="error" if outcome == "error" else "ok",
        attribution=who or Attribution(feature="chat"),
        resource=Resource("shop", "prod", None),
        dialect="otel",
        first_chunk_s=first_chunk_s,
    )
    pico = None if usd is None else round(usd * 10**12)
    status = "priced" if pico is not None else "unpriced"
    unpriced = None if pico is not None else "no_usage" if reason == "no_usage" else "unknown_model"
    return Charged(call, Charge(status, unpriced, pico, (), "book-1", {}), series_of(call))


def bounds(most: int = 200) -> LabelBounds:
    return LabelBounds(max_values=most, tenant=False)


def samples(*collectors: Collector) -> dict[str, float]:
    """`name{label="value",…}` of every sample -> its value, as a scrape reads it."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    text = generate_latest(registry).decode()
    return {
        f"{sample.name}{{{','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()) if v)}}}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
