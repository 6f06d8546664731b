"""The stage that gives each call its charge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from spancost_collector.call import Charged, series_of
from spancost_pricing import Charge
from spancost_pricing.records import new
from spancost_pricing.reported import as_reported

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spancost_collector.call import ModelCall, Reported
    from spancost_pricing import Route, Usage

_CACHED: Final = "answered from a cache in front of the provider, who bills nothing for it"


class Book(Protocol):
    """Prices a call; `spancost_pricing.Book` in production."""

    def charge(self, route: Route, usage: Usage | None, ended_ns: int) -> Charge:
        """The charge at the rates in force when the call ended; never raises on what an emitter may send."""
        ...


class Price:
    """Gives each call its charge, at the rate in force when it ended."""

    def __init__(
        self, book: Book, subscriptions: Callable[[Sequence[ModelCall]], Sequence[ModelCall]] | None = None
    ) -> None:
        """Charge by `book`, once `subscriptions` has marked what a flat fee covers."""
        self._book = book
        self._subscriptions = subscriptions

    def __call__(self, calls: Sequence[ModelCall]) -> list[Charged]:
        """The same calls in the same order, each with its charge."""
        if self._subscriptions is not None:
            calls = self._subscriptions(calls)
        charge = self._book.charge
        return [
            new(
                Charged,
                (
                    call,
                    charge(call.route, call.usage, call.end_ns) if _is_simple(call) else self._owed(call),
                    series_of(call),
                ),
            )
            for call in calls
        ]

    def _owed(self, call: ModelCall) -> Charge:
        charge = self._book.charge(call.route, call.usage, call.end_ns)
        return what_is_owed(charge, call.reported, cached=call.cached, assumed=call.assumed)


def what_is_owed(charge: Charge, reported: Reported | None, *, cached: bool, assumed: str | None) -> Charge:
    """The charge, given what the biller says itself, and how the call was read."""
    if assumed is not None:
        status, reason, total_pico, items, book, quantities, detail, assumptions, computed_pico = charge
        assumptions = (*assumptions, assumed)
        charge = Charge(status, reason, total_pico, items, book, quantities, detail, assumptions, computed_pico)
    if reported is not None:
        return as_reported(charge, reported.pico, reported.by)
    if cached:
        return charge._replace(status="free", reason=None, total_pico=0, items=(), detail=_CACHED)
    return charge


def _is_simple(call: ModelCall) -> bool:
    return call.reported is None and call.assumed is None and not call.cached
