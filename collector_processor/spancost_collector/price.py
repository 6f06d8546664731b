"""The stage that completes each call with its charge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from spancost_collector.call import ModelCall
    from spancost_pricing import Charge, Route, Usage


class Book(Protocol):
    """Prices a call; `spancost_pricing.Book` in production."""

    def charge(self, route: Route, usage: Usage | None, ended_ns: int) -> Charge:
        """The charge at the rates in force when the call ended; never raises on what an emitter may send."""
        ...


class Price:
    """Completes each call with its charge, at the rate in force when it ended."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def __call__(self, calls: list[ModelCall]) -> list[ModelCall]:
        """The same calls in the same order, each with its charge."""
        charge = self._book.charge
        return [replace(call, charge=charge(call.route, call.usage, call.end_ns)) for call in calls]
