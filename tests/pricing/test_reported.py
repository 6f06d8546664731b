"""The biller's own figure is the charge; ours stands beside it, and its parts still sum to the total."""

from __future__ import annotations

from decimal import Decimal

import pytest

from spancost_pricing import Charge, LineItem
from spancost_pricing.reported import as_reported, differs


def item(unit: str, quantity: int, rate: int) -> LineItem:
    found = LineItem("input", quantity, Decimal(rate), quantity * rate, "acme/one", None, "user", "prices.yaml")
    return found if unit == "input" else found._replace(unit="output")


OURS = Charge("priced", None, 300, (item("input", 10, 20), item("output", 5, 20)), "book", {"input": 10, "output": 5})
UNKNOWN = Charge("unpriced", "unknown_model", None, (), "book", {"input": 10}, "no price for it")


def test_the_reported_figure_is_the_charge_and_ours_stands_beside_it() -> None:
    told = as_reported(OURS, 100, "openrouter")

    assert (told.status, told.total_pico, told.computed_pico) == ("reported", 100, 300)
    # 200 and 100 of 300, in proportion; the odd one goes to the larger part.
    assert [(part.unit, part.quantity, part.amount_pico) for part in told.items] == [
        ("input", 10, 67),
        ("output", 5, 33),
    ]
    assert told.items[0].multipliers == ("in proportion to what openrouter reported",)


def test_a_call_that_we_cannot_price_is_charged_as_one_request() -> None:
    told = as_reported(UNKNOWN, 2_103_000_000, "openrouter")

    assert (told.status, told.reason, told.total_pico, told.computed_pico) == ("reported", None, 2_103_000_000, None)
    assert [(part.unit, part.quantity, part.amount_pico) for part in told.items] == [("request", 1, 2_103_000_000)]
    assert told.quantities == {"input": 10, "request": 1}


def test_a_reported_zero_is_not_believed_where_the_price_list_has_a_price() -> None:
    told = as_reported(OURS, 0, "openrouter")

    assert (told.status, told.total_pico) == ("priced", 300)
    assert told.assumptions == ("openrouter reported 0: the price list's rates taken",)


def test_a_reported_zero_is_a_number_where_nothing_speaks_against_it() -> None:
    assert as_reported(UNKNOWN, 0, "openrouter").total_pico == 0


@pytest.mark.parametrize(("pico", "apart"), [(300, False), (301, False), (302, True), (298, True)])
def test_a_difference_counts_from_half_a_percent_on(pico: int, apart: bool) -> None:
    assert differs(as_reported(OURS, pico, "x-ai")) is apart


def test_nothing_differs_where_nothing_was_reported_or_nothing_computed() -> None:
    assert not differs(OURS)
    assert not differs(as_reported(UNKNOWN, 5, "x-ai"))
