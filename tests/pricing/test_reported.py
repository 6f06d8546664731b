"""The biller's own figure is the charge; ours stands beside it, and its parts still sum to the total."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spancost_pricing import Charge, LineItem, Rate
from spancost_pricing.reported import as_reported, differs

if TYPE_CHECKING:
    from spancost_pricing import TokenClass


def item(unit: TokenClass, quantity: int, rate: int) -> LineItem:
    return LineItem(Rate(unit, Decimal(rate), "acme/one", None, "user", "prices.yaml"), quantity, quantity * rate)


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
    assert told.items[0].rate.pico == 20  # as listed; what it comes to is the biller's
    assert told.items[0].rate.multipliers == ("in proportion to what openrouter reported",)


def test_calls_that_differ_in_what_was_reported_share_their_rates() -> None:
    one, other = as_reported(OURS, 100, "openrouter"), as_reported(OURS, 101, "openrouter")

    assert [part.rate for part in one.items] == [part.rate for part in other.items]
    assert as_reported(UNKNOWN, 5, "x-ai").items[0].rate is as_reported(UNKNOWN, 6, "x-ai").items[0].rate


def test_a_call_that_we_cannot_price_is_charged_as_one_request() -> None:
    told = as_reported(UNKNOWN, 2_103_000_000, "openrouter")

    assert (told.status, told.reason, told.total_pico, told.computed_pico) == ("reported", None, 2_103_000_000, None)
    assert [(part.unit, part.quantity, part.amount_pico) for part in told.items] == [("request", 1, 2_103_000_000)]
    assert told.items[0].rate.pico is None
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
