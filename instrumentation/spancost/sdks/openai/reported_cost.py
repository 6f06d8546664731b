"""What the biller itself says that a call cost, where it says so: a second opinion for the receiver's own charge.

Only from who sends the invoice: a gateway's guess at somebody else's price is not a report.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spancost.fields import count, pick
from spancost.wire import NO_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

_TICK: Final = Decimal("1e-10")
"""xAI counts in ten-billionths of a dollar."""


def reported_cost(usage: object, provider: str | None) -> Mapping[str, AttributeValue]:
    """The attributes for a cost that `provider` reports inside `usage`; none where it reports none."""
    if provider is None or provider not in REPORTERS or usage is None or (cost := _READERS[provider](usage)) is None:
        return NO_ATTRIBUTES
    return {"spancost.cost.reported_usd": float(cost), "spancost.cost.reported_by": provider}


def _openrouter(usage: object) -> Decimal | None:
    """With a key of one's own OpenRouter bills its fee only, and the provider behind it the rest."""
    cost = _amount(usage, "cost")
    if cost is not None and pick(usage, "is_byok") is True:
        upstream = _amount(usage, "cost_details", "upstream_inference_cost")
        return cost if upstream is None else cost + upstream
    return cost


def _perplexity(usage: object) -> Decimal | None:
    return _amount(usage, "cost", "total_cost")


def _xai(usage: object) -> Decimal | None:
    ticks = count(usage, "cost_in_usd_ticks")
    return None if ticks is None else ticks * _TICK


def _amount(usage: object, *path: str) -> Decimal | None:
    value = pick(usage, *path)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return Decimal(str(value))


_READERS: Final[Mapping[str, Callable[[object], Decimal | None]]] = {
    "openrouter": _openrouter,
    "perplexity": _perplexity,
    "x_ai": _xai,
}
REPORTERS: Final = frozenset(_READERS)
"""Who says what a call cost."""
