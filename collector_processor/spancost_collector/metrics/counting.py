"""What a call adds to which counter: said once, for the counters themselves and for whoever changes a charge later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from spancost_pricing import TOKEN_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

Counter = Literal["cost", "imputed", "tokens", "calls", "unpriced_calls", "unpriced_tokens"]

_TOKENS: Final = frozenset[str](TOKEN_CLASSES)
_INCOMPLETE: Final = frozenset({"unpriced", "invalid_usage", "partial"})


def counted(
    outcome: str, status: str, reason: str, calls: int, parts: Mapping[str, tuple[Decimal | int, int]]
) -> Iterator[tuple[Counter, str, int]]:
    """(counter, its own label, amount) for calls that add up to `parts`; cost in pico-USD."""
    yield "calls", outcome, calls
    # A failed call without usage consumed nothing that anyone billed: an error, not a hole in the prices.
    incomplete = status in _INCOMPLETE and not (outcome != "ok" and reason == "no_usage")
    if incomplete:
        yield "unpriced_calls", reason, calls
    for unit, (quantity, pico) in parts.items():
        # An unknown price is not a cost of zero: it has no cost series at all.
        has_rate = pico != 0 or status not in _INCOMPLETE
        if has_rate:
            yield "imputed" if status == "imputed" else "cost", unit, pico
        if unit in _TOKENS:
            yield "tokens", unit, int(quantity)
            if incomplete and not has_rate:
                yield "unpriced_tokens", reason, int(quantity)
