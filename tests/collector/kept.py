"""Calls that were charged, and a ledger that keeps them, for reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from spancost_collector.call import Attribution, Charged, ModelCall, Resource, series_of
from spancost_collector.ledger.writer import Ledger
from spancost_pricing import Charge, LineItem, Rate, Route, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from spancost_collector.call import Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNPRICED = Charge("unpriced", "unknown_model", None, (), "book-1", {"input": 70, "output": 5})
NO_USAGE = Charge("unpriced", "no_usage", None, (), "book-1", {})


def nanoseconds(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000


def call(
    n: int,
    *,
    at: datetime = NOON,
    feature: str | None = "search",
    user: str | None = None,
    model: str = "one",
    outcome: Outcome = "ok",
    charge: Charge | None = None,
) -> Charged:
    """1,000 tokens in at 2 USD and 10 out at 8 USD the million: 0.00208 USD."""
    items = (
        LineItem(Rate("input", Decimal(2_000_000), "acme/one:input", None, "user", "prices.yaml"), 1000, 2_000_000_000),
        LineItem(Rate("output", Decimal(8_000_000), "acme/one:output", None, "user", "prices.yaml"), 10, 80_000_000),
    )
    priced = Charge("priced", None, 2_080_000_000, items, "book-1", {"input": 1000, "output": 10})
    usage = None if charge is NO_USAGE else Usage(input_tokens=1000, output_tokens=10)
    if charge is UNPRICED:
        usage = Usage(input_tokens=70, output_tokens=5)
    described = ModelCall(
        trace_id=b"t" * 16,
        span_id=n.to_bytes(8, "big"),
        start_ns=nanoseconds(at) - 5_000_000_000,
        end_ns=nanoseconds(at),
        operation="chat",
        route=Route("acme", model),
        request_model=model,
        response_model=None,
        response_id=None,
        usage=usage,
        outcome=outcome,
        attribution=Attribution(feature=feature, user=user),
        resource=Resource(service="shop"),
        dialect="otel",
    )
    return Charged(described, charge or priced, series_of(described))


def seven_calls() -> list[Charged]:
    """Of search, of chat and of nobody: priced but for one, and one failed without usage."""
    return [
        call(1, user="u1"),
        call(2, user="u2", feature="chat"),
        call(3, user="u1", at=NOON + timedelta(minutes=20)),
        call(4, user="u1", at=NOON + timedelta(hours=1)),
        call(5, feature=None),
        call(6, feature="chat", model="mystery", charge=UNPRICED),
        call(7, feature="chat", outcome="error", charge=NO_USAGE),
    ]


def keep(path: Path, calls: Iterable[Charged]) -> None:
    ledger = Ledger(path)
    ledger.record(list(calls))
    ledger.close()
