"""The stage that gives each call its charge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from spancost_collector.call import Charged
from spancost_pricing.reported import as_reported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.call import ModelCall
    from spancost_pricing import Charge, Route, Usage


class Book(Protocol):
    """Prices a call; `spancost_pricing.Book` in production."""

    def charge(self, route: Route, usage: Usage | None, ended_ns: int) -> Charge:
        """The charge at the rates in force when the call ended; never raises on what an emitter may send."""
        ...


class Price:
    """Gives each call its charge, at the rate in force when it ended."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def __call__(self, calls: Sequence[ModelCall]) -> list[Charged]:
        """The same calls in the same order, each with its charge."""
        return [Charged(call, self._charge(call)) for call in calls]

    def _charge(self, call: ModelCall) -> Charge:
        charge = self._book.charge(call.route, call.usage, call.end_ns)
        return charge if call.reported is None else as_reported(charge, call.reported.pico, call.reported.by)
