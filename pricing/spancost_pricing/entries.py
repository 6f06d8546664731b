"""One shape for every layer of prices, whatever file or library it came from.

An `Entry` is what one price list says about one model for some time and on some terms; a `Listing` is all that a list
says about it. Everything after that (time, tiers, fall-backs) treats all layers alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from spancost_pricing.instants import ALWAYS, Validity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_pricing.charge import Layer, Route
    from spancost_pricing.rates import Item, Price

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a call that select among prices, each in its one canonical spelling."""

    tier: str | None = None
    region: str | None = None
    deployment: str | None = None
    speed: str | None = None

    def meet(self, when: Mapping[str, str]) -> bool:
        """Whether a price that holds `when` these terms are given holds for this call."""
        return all(getattr(self, term) == value for term, value in when.items())


def on(route: Route, when: Mapping[str, str]) -> Route:
    """The route of a call for which a price that holds `when` these terms are given holds."""
    return route._replace(**{"service_tier" if term == "tier" else term: value for term, value in when.items()})


@dataclass(frozen=True, slots=True)
class Entry:
    """Prices of one model from one source."""

    layer: Layer
    source: str
    """Where it can be looked up: file and entry, or the price data's version."""
    provider: str
    model: str
    prices: Mapping[Item, Price]
    validity: Validity = ALWAYS
    when: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """Terms under which it replaces the standard prices; empty for the standard prices themselves."""


def on_tier(entry: Entry) -> bool:
    """Whether its prices are those of a tier or a speed, which a factor on one then has no part in."""
    return not entry.when.keys().isdisjoint(("tier", "speed"))


@dataclass(frozen=True, slots=True)
class Listing:
    """What one layer says about one model: standard prices and those on special terms."""

    provider: str
    model: str
    standard: tuple[Entry, ...]
    """In order of precedence."""
    special: tuple[Entry, ...] = ()
    """On terms of their own, in order of precedence; they replace standard prices item by item."""
    whole: bool = False
    """A list is complete: the first standard entry that holds is the only one; otherwise they complement each other."""
    guess: str | None = None
    """How the name was taken for this model where that is not certain."""

    def entries(self) -> tuple[Entry, ...]:
        """All of them."""
        return self.standard + self.special

    def standard_at(self, ns: int) -> list[Entry]:
        """The standard entries that hold at an instant, in order of precedence."""
        held = [entry for entry in self.standard if entry.validity.covers(ns)]
        return held[:1] if self.whole else held

    def special_at(self, ns: int, terms: Terms) -> list[Entry]:
        """The entries on special terms that hold at an instant for a call on these terms."""
        return [entry for entry in self.special if entry.validity.covers(ns) and terms.meet(entry.when)]
