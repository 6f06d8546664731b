"""What may stand in a price file, key by key.

Prices are text ("3.00"), never numbers: a YAML number is a binary float, and a float has already lost the price that
was meant. Every model here refuses what it does not know, so a mistyped key is an error and not a price of nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from spancost_pricing.rates import FEE_ITEMS, PRICE_KEYS, TOKEN_ITEMS, Item

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days as they are written, Monday first."""

MOST: Final = 1_000_000
"""USD. No price on any list comes near it, whatever it is for; a larger one is a slip."""

_LEAST: Final = Decimal("1E-12")
"""USD. A price below it, other than 0, would take a million units for one pico-USD."""

_MOST_FACTOR: Final = 10
"""More than any surcharge; a larger one is a percentage."""


def _amount(value: object) -> Decimal:
    if not isinstance(value, str):
        raise ValueError(f'got {value!r}, a {type(value).__name__}; write it as text, e.g. "{value}"')
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValueError(f'got "{value}"; expected a decimal amount as text, e.g. "0.25"') from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f'got "{value}"; expected a finite amount of at least 0')
    if amount > MOST:
        raise ValueError(f'got "{value}"; expected at most {MOST:,} USD; the key says for how many units')
    if 0 < amount < _LEAST:
        raise ValueError(f'got "{value}"; expected 0 or at least {_LEAST} USD')
    return amount


def _factor(value: object) -> Decimal:
    factor = _amount(value)
    if factor > _MOST_FACTOR:
        raise ValueError(
            f'got "{value}"; expected at most {_MOST_FACTOR}: a factor, not a percentage, e.g. "1.1" for 10 % more'
        )
    return factor


def _discount(value: object) -> Decimal:
    factor = _amount(value)
    if factor > 1:
        raise ValueError(f'got "{value}"; expected at most 1: what is left to pay, e.g. "0.88" for 12 % off')
    return factor


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _day(value: object) -> date:
    day = _date(value)
    if day is None:
        raise ValueError(f"got {_shown(value)}; expected a date, e.g. 2026-08-16")
    return day


def _instant(value: object) -> datetime:
    day = _date(value)
    if day is not None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    try:
        instant = datetime.fromisoformat(value if isinstance(value, str) else "")
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"got {_shown(value)}; expected a date or an instant, e.g. 2026-08-16T16:00:00Z") from None
    raise ValueError(f"got {instant.isoformat()} without a time zone; add one, e.g. Z for UTC")


def _words(value: object) -> object:
    match value:
        case str() if value.strip():
            return [value]
        case list():
            return cast("list[object]", value)
        case bool() | int() | float():
            raise ValueError(f"got {value!r}, a {type(value).__name__}; put a name that YAML takes for one in quotes")
        case _:
            raise ValueError(f"got {_shown(value)}; expected a name or a list of names")


def _shown(value: object) -> str:
    return "nothing" if value is None else f'"{value}"'


def _minutes(value: object) -> tuple[int, int]:
    if isinstance(value, str):
        start, _, end = value.partition("-")
        try:
            first, last = _minute(start), _minute(end)
        except ValueError:
            pass
        else:
            if first == last or (first, last) == (1440, 0):
                raise ValueError(f'got "{value}", which is no time at all; all day is "00:00-24:00"')
            return first, last
    raise ValueError(f'got {value!r}; expected hours in UTC, e.g. "01:00-04:00"')


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    total = int(hour) * 60 + int(minute)
    if not (0 <= int(minute) < 60 and 0 <= total <= 1440):
        raise ValueError(text)
    return total


def _term(value: str) -> str:
    if "*" in value or "?" in value:
        raise ValueError(f'got "{value}"; expected one value, spelled out: only names and multipliers take patterns')
    return value


def _applies_to(value: object) -> object:
    match value:
        case "tokens":
            return sorted(TOKEN_ITEMS)
        case "fees":
            return sorted(FEE_ITEMS)
        case "all":
            return sorted(TOKEN_ITEMS | FEE_ITEMS)
        case str():
            raise ValueError(f'got "{value}"; expected tokens, fees, all or a list of items')
        case _:
            return value


Amount = Annotated[Decimal, BeforeValidator(_amount)]
Factor = Annotated[Decimal, BeforeValidator(_factor)]
Discount = Annotated[Decimal, BeforeValidator(_discount)]
Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Words = Annotated[list[str], BeforeValidator(_words), Field(min_length=1)]
Minutes = Annotated[tuple[int, int], BeforeValidator(_minutes)]
Term = Annotated[str, AfterValidator(_term)]
ItemName = Literal[Item]
AppliesTo = Annotated[list[ItemName], BeforeValidator(_applies_to), Field(min_length=1)]


class Part(BaseModel):
    """A mapping in a price file; a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Statement(Part):
    """What every statement says: about which models, for what time, on whose word."""

    provider: Words
    model: Words
    except_model: list[str] = []
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    source: str | None = None
    checked: Day | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Statement:
        if self.valid_from is not None and self.valid_to is not None and self.valid_from >= self.valid_to:
            raise ValueError(f"valid_to {self.valid_to.isoformat()} is not after valid_from; swap or drop one")
        return self


class Hours(Part):
    """The hours of a week in which a price holds."""

    utc: Annotated[list[Minutes], Field(min_length=1)] = [(0, 1440)]
    days: Annotated[list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]], Field(min_length=1)] = list(DAYS)
    except_dates: list[Day] = []


class When(Part):
    """The terms on which a price replaces the standard one."""

    service_tier: Term | None = None
    region: Term | None = None
    deployment: Term | None = None
    speed: Term | None = None


class TokenRates(Part):
    """Prices of tokens."""

    input_per_mtok: Amount | None = None
    cache_read_per_mtok: Amount | None = None
    cache_read_audio_per_mtok: Amount | None = None
    cache_read_image_per_mtok: Amount | None = None
    cache_write_per_mtok: Amount | None = None
    cache_write_1h_per_mtok: Amount | None = None
    input_audio_per_mtok: Amount | None = None
    input_image_per_mtok: Amount | None = None
    output_per_mtok: Amount | None = None
    reasoning_per_mtok: Amount | None = None
    output_audio_per_mtok: Amount | None = None
    output_image_per_mtok: Amount | None = None

    def listed(self) -> Iterator[tuple[str, Decimal]]:
        """Price key and amount of everything that has one."""
        for key in PRICE_KEYS:
            amount = getattr(self, key, None)
            if amount is not None:
                yield key, amount


class Step(TokenRates):
    """Prices of a larger request, for all of its tokens."""

    over: int | None = None
    at_least: int | None = None

    @model_validator(mode="after")
    def _one_boundary(self) -> Step:
        if (self.over is None) == (self.at_least is None):
            raise ValueError("a step needs exactly one boundary: over (more input tokens than) or at_least")
        if next(self.listed(), None) is None:
            raise ValueError("a step without a price changes nothing; add one, e.g. input_per_mtok")
        if self.above < 1:
            raise ValueError(
                "a step that every request reaches hides the price below it; expected over of at least 1, or at_least "
                "of at least 2"
            )
        return self

    @property
    def above(self) -> int:
        """The boundary as "more tokens than"."""
        return self.over if self.over is not None else cast("int", self.at_least) - 1


class PriceEntry(Statement, TokenRates):
    """Prices of some models."""

    hours: Hours | None = None
    when: When = When()
    steps: list[Step] = []
    web_search_per_thousand: Amount | None = None
    web_fetch_per_thousand: Amount | None = None
    request_per_thousand: Amount | None = None
    image_each: Amount | None = None
    second_per_hour: Amount | None = None
    character_per_million: Amount | None = None

    @model_validator(mode="after")
    def _complete(self) -> PriceEntry:
        listed = {key for key, _ in self.listed()}
        if not listed:
            raise ValueError("an entry needs at least one price, e.g. input_per_mtok")
        stepped: set[tuple[int, str]] = set()
        for step in self.steps:
            for key, _ in step.listed():
                if (step.above, key) in stepped:
                    raise ValueError(f"two steps have {key} for more than {step.above:,} input tokens; keep one")
                stepped.add((step.above, key))
                if key not in listed:
                    raise ValueError(f"a step has {key}, which has no price below the step; add {key} to the entry")
        return self


class AliasEntry(Part):
    """A name of the user's own for a model that has a price."""

    provider: Words
    match: Words
    model: str
    bills: str | None = None
    deployment: str | None = None
    region: str | None = None
    note: str | None = None


class MultiplierEntry(Statement):
    """A factor on listed prices, on terms."""

    factor: Factor
    applies_to: AppliesTo = sorted(TOKEN_ITEMS)
    service_tier: Words | None = None
    region: Words | None = None
    deployment: Words | None = None
    speed: Words | None = None
    except_region: list[str] = []
    say_if_unreported: bool = False

    @model_validator(mode="after")
    def _has_terms(self) -> MultiplierEntry:
        if not (self.service_tier or self.region or self.deployment or self.speed):
            raise ValueError("a multiplier needs terms: service_tier, region, deployment or speed; else use discounts")
        if self.except_region and not self.region:
            raise ValueError('except_region leaves out some of what region names; add one, e.g. region: "*"')
        return self


class DiscountEntry(Statement):
    """A negotiated factor on whatever the other layers say."""

    factor: Discount
    applies_to: AppliesTo = sorted(TOKEN_ITEMS)


class SameRateEntry(Statement):
    """Items that cost what another costs, or so many times that."""

    items: Annotated[list[ItemName], Field(min_length=1)]
    as_item: ItemName
    factor: Factor = Decimal(1)


class MinimumEntry(Statement):
    """The least quantity that a call is billed for."""

    item: ItemName
    least: Annotated[int, Field(ge=1)]


class PriceDocument(Part):
    """A price file."""

    version: Literal[1]
    aliases: list[AliasEntry] = []
    prices: list[PriceEntry] = []
    multipliers: list[MultiplierEntry] = []
    discounts: list[DiscountEntry] = []
    same_rate: list[SameRateEntry] = []
    minimums: list[MinimumEntry] = []
    free_models: list[Statement] = []
