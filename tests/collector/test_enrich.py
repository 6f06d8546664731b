"""What the receiver writes onto a span, read back with the official messages."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spancost_collector.enrich import Enricher
from spancost_pricing import Charge, LineItem, Rate

if TYPE_CHECKING:
    from spancost_pricing import TokenClass, Unit


def item(unit: TokenClass | Unit, pico: int, *, source: str = "prices.yaml", price: str = "acme/one") -> LineItem:
    return LineItem(Rate(unit, Decimal(pico), f"{price}:{unit}", None, "user", source), 1, pico)


def read(encoded: bytes) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    for pair in Span.FromString(encoded).attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = pair.value.double_value if kind == "double_value" else pair.value.string_value
    return found


def test_a_priced_call_carries_its_total_its_parts_and_where_they_came_from() -> None:
    charge = Charge(
        status="priced",
        reason=None,
        total_pico=1_360_000_000,
        items=(item("input", 1_200_000_000), item("output", 80_000_000), item("web_search", 80_000_000)),
        book="book-1",
        quantities={},
    )

    assert read(Enricher()(charge)) == {
        "spancost.cost.usd": 0.00136,
        "spancost.cost.input_usd": 0.0012,
        "spancost.cost.output_usd": 0.00008,
        "spancost.cost.web_search_usd": 0.00008,
        "spancost.cost.status": "priced",
        "spancost.price.id": "acme/one:input, acme/one:output, acme/one:web_search",
        "spancost.price.source": "prices.yaml",
        "spancost.price.book": "book-1",
    }


def test_two_items_of_one_class_are_one_part() -> None:
    charge = Charge(
        status="priced",
        reason=None,
        total_pico=30,
        items=(item("input", 10), item("input", 20, price="acme/long")),
        book="b",
        quantities={},
    )
    assert read(Enricher()(charge))["spancost.cost.input_usd"] == 3e-11


def test_an_unknown_price_says_why_and_never_says_zero() -> None:
    charge = Charge(
        status="unpriced", reason="unknown_model", total_pico=None, items=(), book="book-1", quantities={"input": 5}
    )
    assert read(Enricher()(charge)) == {
        "spancost.cost.status": "unpriced",
        "spancost.cost.reason": "unknown_model",
        "spancost.price.book": "book-1",
    }


def test_a_free_call_costs_zero() -> None:
    charge = Charge(status="free", reason=None, total_pico=0, items=(), book="b", quantities={})
    assert read(Enricher()(charge))["spancost.cost.usd"] == 0.0


@pytest.mark.parametrize("length", [0, 1, 100, 127, 128, 300, 20_000])
def test_texts_of_any_length_are_framed_correctly(length: int) -> None:
    source = "ü" * length
    charge = Charge(
        status="priced", reason=None, total_pico=1, items=(item("input", 1, source=source),), book="b", quantities={}
    )
    assert read(Enricher()(charge))["spancost.price.source"] == source
