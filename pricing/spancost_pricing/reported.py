"""Where the biller says itself what a call cost, that is the charge; what our rates give stands beside it.

Its parts are ours in proportion, so that they still sum to the total. A gateway's or an emitter's estimate is no
biller's figure and never comes here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from spancost_pricing.charge import Charge, LineItem, Rate

SUBSCRIPTION: Final = "subscription"
"""The biller of a call that a flat fee covers; the 0 that it reports is believed."""
_MOST_RATES: Final = 4096
_COVERED: Final = "covered by a subscription: what it would cost without, and nobody bills"


def as_reported(charge: Charge, pico: int, by: str) -> Charge:
    """`charge` with the figure of `pico` pico-USD that the biller `by` reported.

    A reported zero where our rates give more is not believed: OpenRouter reports it for calls that are billed
    elsewhere (a key of one's own). The computed charge stands then, and says so. What a subscription covers is
    `imputed`: the computed charge, which is part of no spend.
    """
    computed = charge.total_pico
    if by == SUBSCRIPTION:
        return charge if computed is None else charge._replace(status="imputed", reason=None, detail=_COVERED)
    if pico == 0 and computed:
        return charge._replace(assumptions=(*charge.assumptions, f"{by} reported 0: the price list's rates taken"))
    told = charge._replace(status="reported", reason=None, detail="", total_pico=pico, computed_pico=computed)
    if computed:
        return told._replace(items=_in_proportion(charge.items, computed, pico, by))
    # Nothing to divide it by: it is the price of the request as a whole.
    return told._replace(items=(LineItem(_lump(by), 1, pico),), quantities={**charge.quantities, "request": 1})


def differs(charge: Charge) -> bool:
    """Whether the biller's figure and ours are more than 0.5 % apart."""
    if charge.status != "reported" or charge.computed_pico is None or charge.total_pico is None:
        return False
    return abs(charge.total_pico - charge.computed_pico) * 200 > charge.total_pico


def _in_proportion(items: tuple[LineItem, ...], computed: int, pico: int, by: str) -> tuple[LineItem, ...]:
    """Every part is rounded down, and what is left goes to the largest."""
    amounts = [item.amount_pico * pico // computed for item in items]
    amounts[amounts.index(max(amounts))] += pico - sum(amounts)
    return tuple(
        LineItem(_proportional(item.rate, by), item.quantity, amount)
        for item, amount in zip(items, amounts, strict=True)
    )


@lru_cache(maxsize=_MOST_RATES)
def _proportional(rate: Rate, by: str) -> Rate:
    """The listed rate, of which the part was not charged exactly; one object, whatever the proportion was."""
    return replace(rate, multipliers=(*rate.multipliers, f"in proportion to what {by} reported"))


@lru_cache(maxsize=_MOST_RATES)
def _lump(by: str) -> Rate:
    return Rate("request", None, f"{by}:reported", None, "reported", f"the answer of {by}")
