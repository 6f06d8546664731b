"""Rates as exact fractions of a pico-USD, and what a rate is a rate of.

A price list says "$0.0875 per million tokens" or "$0.111 per hour"; inside, a rate is a `Fraction` of pico-USD for
one unit, so nothing is rounded until the line item is. The table `PRICE_KEYS` is the one place that joins the
vocabulary of price files to the quantities of a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal, get_args

from spancost_pricing.charge import PICO_USD
from spancost_pricing.split import SHARE_CLASS, Share
from spancost_pricing.usage import TokenClass, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS: Final[tuple[Unit, ...]] = get_args(Unit)

Item = Literal[Share, Unit]
"""Anything that can be on a price list: a share of the tokens or another unit."""

ITEMS: Final[tuple[Item, ...]] = get_args(Item)
"""Every `Item`, tokens first."""

TOKEN_ITEMS: Final[frozenset[Item]] = frozenset(SHARE_CLASS)
"""The items that are tokens."""

FEE_ITEMS: Final[frozenset[Item]] = frozenset(ITEMS) - TOKEN_ITEMS
"""The items that are not: searches, images, seconds, …"""

UNIT_OF: Final[Mapping[Item, TokenClass | Unit]] = {**{unit: unit for unit in UNITS}, **SHARE_CLASS}
"""The token class or unit under which an item is reported."""

PER_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs in pico-USD, by the size of the whole request."""

    base: Fraction
    steps: tuple[tuple[int, Fraction], ...] = ()
    """`(tokens, rate)`, ascending: a request with *more* input tokens than that pays this rate for all of them."""

    def at(self, input_tokens: int) -> Fraction:
        """The rate for a request of that many input tokens."""
        rate = self.base
        for above, stepped in self.steps:
            if input_tokens > above:
                rate = stepped
        return rate

    @property
    def is_zero(self) -> bool:
        """Whether the unit costs nothing at any size."""
        return self.base == 0 and all(rate == 0 for _, rate in self.steps)


@dataclass(frozen=True, slots=True)
class PriceKey:
    """How a price list names the rate of an item."""

    item: Item
    per: int
    """The listed price is for this many units."""


PRICE_KEYS: Final[Mapping[str, PriceKey]] = {
    "input_per_mtok": PriceKey("input", PER_MILLION),
    "cache_read_per_mtok": PriceKey("cache_read", PER_MILLION),
    "cache_read_audio_per_mtok": PriceKey("cache_read_audio", PER_MILLION),
    "cache_read_image_per_mtok": PriceKey("cache_read_image", PER_MILLION),
    "cache_write_per_mtok": PriceKey("cache_write_5m", PER_MILLION),
    "cache_write_1h_per_mtok": PriceKey("cache_write_1h", PER_MILLION),
    "input_audio_per_mtok": PriceKey("input_audio", PER_MILLION),
    "input_image_per_mtok": PriceKey("input_image", PER_MILLION),
    "output_per_mtok": PriceKey("output", PER_MILLION),
    "reasoning_per_mtok": PriceKey("reasoning", PER_MILLION),
    "output_audio_per_mtok": PriceKey("output_audio", PER_MILLION),
    "output_image_per_mtok": PriceKey("output_image", PER_MILLION),
    "web_search_per_thousand": PriceKey("web_search", 1_000),
    "web_fetch_per_thousand": PriceKey("web_fetch", 1_000),
    "request_per_thousand": PriceKey("request", 1_000),
    "image_each": PriceKey("image", 1),
    "second_per_hour": PriceKey("second", 3_600),
    "character_per_million": PriceKey("character", PER_MILLION),
}
"""Key in a price file -> what it prices. The unit is in the key: a figure under the wrong key is wrong 1000-fold."""

LISTED_KEYS: Final[Mapping[Item, str]] = {key.item: name for name, key in PRICE_KEYS.items()}
"""Item -> the key of its rate in a price file, which says per how many units prices are listed."""

PARENTS: Final[Mapping[Item, Item]] = {
    "cache_read": "input",
    "cache_read_audio": "input_audio",
    "cache_read_image": "cache_read",
    "cache_write_5m": "input",
    "reasoning": "output",
}
"""Without a rate of its own an item costs what its parent costs: no cache discount, no premium for thinking.

Audio and images are not in here: whether they cost what text costs is a fact of each price list (`same_rate` in a
price file). Nor is the one-hour cache write, which is never the price of the short one.
"""


def pico(usd: Decimal, per: int) -> Fraction:
    """A listed price as exact pico-USD for one unit."""
    numerator, denominator = usd.as_integer_ratio()
    return Fraction(numerator * PICO_USD, denominator * per)


def amount_pico(quantity: int | Decimal | Fraction, numerator: int, denominator: int) -> int:
    """Quantity x rate, rounded once to whole pico-USD, half to even."""
    return round(Fraction(quantity) * Fraction(numerator, denominator))


def decimal(rate: Fraction) -> Decimal:
    """A rate for people: exact where it has a finite expansion of reasonable length, else to 28 digits."""
    with localcontext() as context:
        context.prec = 28
        value = Decimal(rate.numerator) / Decimal(rate.denominator)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
