"""The price book: every layer of prices at one version, and the multiplication.

A book never changes after it is loaded; a new price is a new book with a new version. Asking it for a charge never
raises on data, whatever a span contained, and it may be asked from any thread.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from spancost_pricing.charge import Charge, LineItem
from spancost_pricing.identity import LONGEST_NAME
from spancost_pricing.instants import DAY_NS
from spancost_pricing.plan import Planner, Refusal
from spancost_pricing.price_file import read_price_file
from spancost_pricing.rates import UNIT_OF, amount_pico
from spancost_pricing.records import new
from spancost_pricing.snapshot import Snapshot
from spancost_pricing.split import UsageError, shares, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spancost_pricing.charge import Reason, Route, Status
    from spancost_pricing.entries import Listing
    from spancost_pricing.plan import Card, Explanation, Line
    from spancost_pricing.rates import Item
    from spancost_pricing.tariff import Tariff
    from spancost_pricing.usage import TokenClass, Unit, Usage

    Quantities = Mapping[TokenClass | Unit, Decimal | int]

ENGINE: Final = "3"
"""Part of every book's version; raised when the rules in code change what a call costs."""

PLANS: Final = 4096
"""Routes x days that are kept compiled; a flood of invented names displaces plans and no more."""

MOST_PICO: Final = 2**63 - 1
"""The largest charge that the ledger's 64-bit column holds, some nine million dollars for one call."""

_NOTHING: Final[Quantities] = MappingProxyType({})


_TOO_LONG: Final = Refusal("unknown_model", "the name is too long to be a model's")
"""Not even remembered: the plans are bounded in number, so what they are kept by has to be bounded in size."""


class Book:
    """What everything costs, at one version."""

    def __init__(self, tariffs: Sequence[Tariff], snapshot: Snapshot) -> None:
        digest = hashlib.sha256("\0".join((ENGINE, snapshot.version, *(t.version for t in tariffs))).encode())
        self.version: str = digest.hexdigest()[:16]
        """Stable content id of everything that decides a price."""
        self.tariffs = tuple(tariffs)
        """The price files, the first of which to know a rate decides it."""
        self.snapshot = snapshot
        """The price data below them."""
        self._planner = Planner(tariffs, snapshot)
        self._plan = lru_cache(maxsize=PLANS)(self._planner.plan)

    @property
    def plans_kept(self) -> int:
        """How many routes x days are compiled at the moment; never more than `PLANS`."""
        return self._plan.cache_info().currsize

    def charge(self, route: Route, usage: Usage | None, ended_ns: int) -> Charge:
        """What a call cost at the rates in force when it ended, in UTC nanoseconds since 1970."""
        if usage is None:
            return self._without("unpriced", "no_usage", "the call reported no usage", _NOTHING)
        try:
            used: list[tuple[Item, int | Decimal]] = [*shares(usage)]
            if usage.units:
                used += _units(usage.units)
        except UsageError as error:
            return self._without("invalid_usage", error.reason, str(error), _totals(usage))
        if not used and usage.input_tokens is None and usage.output_tokens is None and not usage.units:
            return self._without("unpriced", "no_usage", "the call reported no usage", _NOTHING)

        card = self.rates(route, ended_ns)
        if isinstance(card, Refusal):
            return self._without("unpriced", card.reason, card.detail, _by_unit(used))

        batched = usage.batched_requests
        requests = 1 if batched is None or batched < 1 else batched
        lines = card.columns[0]
        if card.above and usage.input_tokens is not None:
            size = -(-usage.input_tokens // requests)
            lines = card.columns[sum(size > above for above in card.above)]
        if "request" in lines and "request" not in usage.units:
            used.append(("request", requests))

        assumptions = card.assumptions
        items: list[LineItem] = []
        missing: list[Item] = []
        total = 0
        for item, quantity in used:
            line = lines.get(item)
            if line is None:
                missing.append(item)
                continue
            rate, numerator, denominator, minimum, rate_of_minimum, assumption = line
            if minimum and quantity < minimum * requests:
                quantity, rate = minimum * requests, rate_of_minimum
            if denominator == 1 and type(quantity) is int:
                amount = quantity * numerator
            else:
                amount = amount_pico(quantity, numerator, denominator)
            total += amount
            items.append(new(LineItem, (rate, quantity, amount)))
            if assumption is not None:
                assumptions += (assumption,)
        quantities = _by_unit(used)
        if total > MOST_PICO:
            detail = f"{shown(total)} pico-USD do not fit in 64 bits"
            return self._without("invalid_usage", "too_large", detail, quantities)
        if usage.cache_write_tokens or (usage.cache_read_tokens and usage.input_audio_tokens):
            assumptions += _unsaid(usage, card)
        if usage.input_tokens is None or usage.output_tokens is None:
            assumptions += _half_reported(usage, lines)
        if missing:
            detail = "no rate for " + ", ".join(missing)
            if not items:
                return self._without("unpriced", "unknown_unit", detail, quantities)
            return Charge("partial", "unknown_unit", total, tuple(items), self.version, quantities, detail, assumptions)
        status = "free" if card.free else "priced"
        return Charge(status, None, total, tuple(items), self.version, quantities, "", assumptions)

    def rates(self, route: Route, ended_ns: int) -> Card | Refusal:
        """Every rate of a route at an instant, or why it has none; `charge` multiplies by these."""
        if len(route.model) > LONGEST_NAME or len(route.provider) > LONGEST_NAME:
            return _TOO_LONG
        plan = self._plan(route, ended_ns // DAY_NS)
        if len(plan) == 1:
            return plan[0][1]
        return next(rates for end, rates in plan if ended_ns < end)

    def explain(self, route: Route, ns: int) -> Explanation | Refusal:
        """The rates of a route at an instant with everything that they were chosen from; for people, not for calls."""
        if len(route.model) > LONGEST_NAME or len(route.provider) > LONGEST_NAME:
            return _TOO_LONG
        return self._planner.explain(route, ns)

    def listings(self, route: Route) -> tuple[Listing, ...]:
        """What each layer that knows the model says about it at any time and on any terms, first things first."""
        return () if len(route.model) > LONGEST_NAME else self._planner.listings(route)

    def _without(self, status: Status, reason: Reason, detail: str, quantities: Quantities) -> Charge:
        return Charge(status, reason, None, (), self.version, quantities, detail)


def load_book(user_file: Path | None = None, snapshot: Snapshot | None = None) -> Book:
    """The book of the user's prices, our corrections and the price data, in that order of precedence.

    Without `snapshot` the price data is the pinned one.

    Raises:
        PriceFileError: the user's file cannot be used; the message names the entry and the remedy.
    """
    tariffs = (corrections(),) if user_file is None else (read_price_file(user_file), corrections())
    return Book(tariffs, Snapshot() if snapshot is None else snapshot)


@cache
def corrections() -> Tariff:
    """What comes with the package to mend and complete the price data."""
    return read_price_file(Path(__file__).with_name("corrections.yaml"), "correction")


def _by_unit(used: Sequence[tuple[Item, int | Decimal]]) -> Quantities:
    quantities: dict[TokenClass | Unit, Decimal | int] = {UNIT_OF[item]: quantity for item, quantity in used}
    if len(quantities) < len(used):  # cached audio or images beside other cached tokens
        quantities = dict.fromkeys(quantities, 0)
        for item, quantity in used:
            quantities[UNIT_OF[item]] += quantity
    return quantities


def _unsaid(usage: Usage, card: Card) -> tuple[str, ...]:
    """Parts that change the price and that nobody reported."""
    said: list[str] = []
    if card.has_hour_writes and usage.cache_write_tokens and usage.cache_write_1h_tokens is None:
        said.append("cache_write_1h_tokens not reported: none taken")
    if usage.cache_read_tokens and usage.input_audio_tokens and usage.cache_read_audio_tokens is None:
        said.append("cache_read_audio_tokens not reported: the least that fits the total taken")
    return tuple(said)


def _half_reported(usage: Usage, lines: Mapping[Item, Line]) -> tuple[str, ...]:
    """The total that nobody reported beside the other one, where tokens of it would cost something."""
    item: Item = "input" if usage.input_tokens is None else "output"
    nothing_reported = usage.input_tokens is None and usage.output_tokens is None
    if nothing_reported or item not in lines or not lines[item].numerator:
        return ()
    return (f"{item}_tokens not reported: none taken",)


def _units(units: Mapping[Unit, Decimal | int]) -> list[tuple[Item, int | Decimal]]:
    found: list[tuple[Item, int | Decimal]] = []
    for unit, quantity in units.items():
        if isinstance(quantity, Decimal) and not quantity.is_finite():
            raise UsageError("too_large", f"{unit} is {quantity}, not a number that can be charged")
        if quantity < 0:
            raise UsageError("negative_quantity", f"{unit} is {shown(quantity)}; a quantity cannot be negative")
        if quantity:
            found.append((unit, quantity))
    return found


def _totals(usage: Usage) -> Quantities:
    """What is reported of usage that contradicts itself; a negative total would take from the sums of other calls."""
    reported: tuple[tuple[TokenClass, int | None], ...] = (
        ("input", usage.input_tokens),
        ("output", usage.output_tokens),
    )
    return {name: total for name, total in reported if total is not None and total >= 0}
