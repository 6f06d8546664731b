"""How amounts are written: exactly for programs, readably for people."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from spancost_pricing import usd

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
    return f"{amount.quantize(_SMALLEST_SHOWN):,}"
