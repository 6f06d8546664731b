"""What a call cost and why: the answer that pricing gives and everything downstream records.

Money is an `int` of pico-USD (1e-12 USD, the unit in which every published per-token rate is whole), so parts sum
to their total to the last digit. A charge carries its own explanation: per line item the rate, since when it
holds, and the layer and source it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from spancost_pricing.usage import TokenClass, Unit

PICO_USD: Final = 10**12
"""Pico-USD in one US dollar."""

Status = Literal["priced", "partial", "free", "reported", "imputed", "unpriced", "invalid_usage"]
"""How far a charge can be trusted; `free` and `unpriced` are never the same thing."""

Reason = Literal[
    "unknown_provider",
    "unknown_model",
    "no_usage",
    "unknown_unit",
    "unknown_tier",
    "before_first_rate",
    "part_exceeds_whole",
    "negative_quantity",
    "too_large",
]
"""Why a charge is not simply `priced`."""

Layer = Literal["user", "correction", "genai-prices", "reported"]
"""Where a rate came from, in the order in which the layers are asked; last, a biller's figure without any rate."""


class Route(NamedTuple):
    """Who is paid, for what, on which terms: everything that selects rates, except the time.

    Hashable and small: compiled rates are cached by it.
    """

    provider: str
    """Who bills, as a `gen_ai.provider.name` value or any known spelling of it."""
    model: str
    """The model that served the call."""
    service_tier: str | None = None
    """The tier that served the call: `batch`, `flex`, `priority`, …; None is the provider's standard."""
    region: str | None = None
    """Region, location or inference geography that changes the price."""
    deployment: str | None = None
    """Deployment kind where the provider has several (Azure `GlobalStandard`, `DataZone`)."""
    speed: str | None = None
    """`fast` where the provider sells speed apart from tiers."""


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """What one unit costs, with what explains it: one object for all calls that it is charged for.

    Equal only to itself, so that what is worked out from it is found again at the cost of a pointer.
    """

    unit: TokenClass | Unit
    """The token class or unit that it is a rate of."""
    pico: Decimal | None
    """USD x 1e-12 for one unit, multipliers included; None where the biller gives an amount and no rate."""
    price_id: str
    """Which rate it was, e.g. `anthropic/claude-sonnet-4-5:cache_read`."""
    valid_from: datetime | None
    """Since when the rate holds; None where the source does not say."""
    layer: Layer
    """Which layer decided."""
    source: str
    """Where the rate can be looked up: file and entry, or the price data's version."""
    multipliers: tuple[str, ...] = ()
    """Applied on top, in order, e.g. `tier batch x0.5`."""


class LineItem(NamedTuple):
    """One quantity at one rate. A tuple, because a call has several and each is made in well under a microsecond."""

    rate: Rate
    quantity: Decimal | int
    """How many units."""
    amount_pico: int
    """quantity x rate, rounded once, half to even."""

    @property
    def unit(self) -> TokenClass | Unit:
        """The token class or unit that was charged."""
        return self.rate.unit


class Charge(NamedTuple):
    """The price of one call."""

    status: Status
    reason: Reason | None
    """None when `priced`, `free`, `reported` or `imputed`."""
    total_pico: int | None
    """The sum of `items`; None when nothing could be charged (`unpriced`, `invalid_usage`)."""
    items: tuple[LineItem, ...]
    book: str
    """Version of the price book that was in force."""
    quantities: Mapping[TokenClass | Unit, Decimal | int]
    """Everything that was used, by disjoint class or unit, whether or not it has a rate. Where the usage contradicts
    itself (`invalid_usage`) the reported input and output totals stand under `input` and `output`, unless negative."""
    detail: str = ""
    """One sentence for a person where `reason` alone does not say enough."""
    assumptions: tuple[str, ...] = ()
    """Facts that change the price and were not reported, and what was taken instead."""
    computed_pico: int | None = None
    """Where the charge is the biller's own figure: what our rates give, None where they give nothing."""

    @property
    def spent_pico(self) -> int | None:
        """The part of it that somebody pays: all, or nothing where a subscription covers it."""
        return None if self.status == "imputed" else self.total_pico

    @property
    def usd(self) -> Decimal | None:
        """The total in US dollars, exactly."""
        return None if self.total_pico is None else usd(self.total_pico)


def usd(pico: int) -> Decimal:
    """Pico-USD as an exact decimal amount of US dollars."""
    return Decimal(pico).scaleb(-12)
