"""How amounts are written: exactly for programs, readably for people."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from spancost_pricing import PICO_USD, usd
from spancost_pricing.rates import LISTED_KEYS, PRICE_KEYS, decimal

if TYPE_CHECKING:
    from spancost_pricing.rates import Item

_SMALLEST_SHOWN: Final = Decimal("0.000001")


def exact(amount: Decimal) -> str:
    """Every digit and no exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def dollars(pico: int | None) -> str:
    """US dollars to the millionth, for tables; what has no price says so."""
    if pico is None:
        return "unpriced"
    amount = usd(pico)
    if 0 < amount < _SMALLEST_SHOWN:
        return f"<{_SMALLEST_SHOWN}"
    if -_SMALLEST_SHOWN < amount < 0:
        return f">-{_SMALLEST_SHOWN}"
    return f"{amount.quantize(_SMALLEST_SHOWN):,}"


def listed(item: Item, rate_pico: Fraction) -> str:
    """A rate as price lists state it: for as many units as its key in a price file says."""
    return exact(decimal(rate_pico * PRICE_KEYS[LISTED_KEYS[item]].per / PICO_USD))


def percent(share: Fraction | None) -> str:
    """A change, with its sign; what has no percentage says so."""
    if share is None:
        return "n/a"
    shown = f"{float(share * 100):+.1f}".removesuffix(".0")
    return f"{shown} %"
