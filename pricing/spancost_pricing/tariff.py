"""What a price file says, ready to be asked: prices by model pattern, aliases, multipliers and two kinds of fact.

Built by `price_file` from YAML; the same shape serves the user's file and our bundled corrections.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from spancost_pricing.entries import Entry, Listing, on_tier
from spancost_pricing.identity import fold
from spancost_pricing.instants import ALWAYS, Validity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from fractions import Fraction

    from spancost_pricing.charge import Layer
    from spancost_pricing.entries import Terms
    from spancost_pricing.rates import Item

MultiplierKind = Literal["tier", "region", "discount"]
"""In the order in which they are applied."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which models of which providers a statement is about."""

    providers: frozenset[str]
    models: tuple[str, ...]
    """Patterns with `*` and `?`, lower case."""
    but: tuple[str, ...] = ()
    """Patterns that are left out again."""

    def covers(self, provider: str, names: Iterable[str]) -> bool:
        """Whether it is about the model that goes by any of these names."""
        if provider not in self.providers and fold(provider) not in map(fold, self.providers):
            return False
        names = tuple(names)
        return _any(self.models, names) and not _any(self.but, names)


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of the user's own for a model that has a price."""

    scope: Scope
    provider: str | None
    model: str
    deployment: str | None
    region: str | None


@dataclass(frozen=True, slots=True)
class TermTest:
    """A condition on one term of a call."""

    term: str
    values: tuple[str, ...]
    """Patterns, one of which must match."""
    but: tuple[str, ...] = ()
    """Patterns, none of which may match."""

    def holds(self, terms: Terms) -> bool:
        """Whether the call is on these terms; a term that nobody reported matches nothing."""
        value: str | None = getattr(terms, self.term)
        return value is not None and _any(self.values, (value,)) and not _any(self.but, (value,))


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A factor on listed rates, on terms of its own."""

    kind: MultiplierKind
    scope: Scope
    terms: tuple[TermTest, ...]
    """All of them must hold for the call."""
    factor: Fraction
    items: frozenset[Item]
    validity: Validity
    shown: str
    """The factor as it was written."""
    layer: Layer
    source: str
    say_if_unreported: bool = False
    """Whether a charge is to say so where it could not be known if this applies."""

    def applies(self, provider: str, names: Iterable[str], terms: Terms, ns: int) -> bool:
        """Whether it applies to a call at an instant."""
        return (
            self.validity.covers(ns)
            and all(test.holds(terms) for test in self.terms)
            and self.scope.covers(provider, names)
        )

    def label(self, terms: Terms) -> str:
        """How it is explained on a call's line item."""
        given = " ".join(f"{test.term} {getattr(terms, test.term)}" for test in self.terms)
        return f"{given or self.kind} x{self.shown}"

    def unreported(self, provider: str, names: Iterable[str], terms: Terms, ns: int) -> str | None:
        """The term that nobody reported and on which it depends whether it applies, where that is worth saying."""
        if not (self.say_if_unreported and self.validity.covers(ns) and self.scope.covers(provider, names)):
            return None
        return next((test.term for test in self.terms if getattr(terms, test.term) is None), None)

    def is_on(self, term: str) -> bool:
        """Whether it is given for a term of this name."""
        return any(test.term == term for test in self.terms)


@dataclass(frozen=True, slots=True)
class SameRate:
    """The fact that a price list charges some items at the rate of another, or at so many times that."""

    scope: Scope
    items: frozenset[Item]
    as_item: Item
    factor: Fraction
    validity: Validity
    layer: Layer


@dataclass(frozen=True, slots=True)
class Minimum:
    """The fact that a call is billed for at least so much of an item."""

    scope: Scope
    item: Item
    least: int
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True)
class FreeModels:
    """The fact that models cost nothing."""

    scope: Scope
    source: str
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True)
class Tariff:
    """A price file."""

    layer: Layer
    version: str
    """Content id."""
    checked: date | None = None
    """The last day on which one of its prices was compared with its source."""
    entries: tuple[tuple[Scope, Entry], ...] = ()
    aliases: tuple[Alias, ...] = ()
    multipliers: tuple[Multiplier, ...] = ()
    same_rates: tuple[SameRate, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    free: tuple[FreeModels, ...] = ()

    @property
    def providers(self) -> frozenset[str]:
        """Every provider that it names a price or an alias for."""
        scopes = [scope for scope, _ in self.entries] + [alias.scope for alias in self.aliases]
        return frozenset(provider for scope in scopes for provider in scope.providers)

    def find(self, provider: str, names: Sequence[str]) -> Listing | None:
        """What it says about the model under any of its names.

        The most literal pattern comes first, then the price on more terms, of a tier before a region, then that of
        certain hours, then the one that began last.
        """
        found = [(scope, entry) for scope, entry in self.entries if scope.covers(provider, names)]
        if not found:
            return None
        found.sort(key=lambda pair: _rank(*pair, names), reverse=True)
        entries = [entry for _, entry in found]
        return Listing(
            provider,
            entries[0].model,
            tuple(entry for entry in entries if not entry.when),
            tuple(entry for entry in entries if entry.when),
        )


def _any(patterns: Sequence[str], names: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _rank(scope: Scope, entry: Entry, names: Sequence[str]) -> tuple[tuple[int, int], int, bool, bool, float]:
    start = entry.validity.start_ns
    return (
        _literal(scope, names),
        len(entry.when),
        on_tier(entry),
        entry.validity.window is not None,
        float("-inf") if start is None else start,
    )


def _literal(scope: Scope, names: Sequence[str]) -> tuple[int, int]:
    """How much of a name the matching pattern spells out: the letters, and how little else there is."""
    found: list[tuple[int, int]] = []
    for pattern in scope.models:
        if any(fnmatchcase(name, pattern) for name in names):
            wild = pattern.count("*") + pattern.count("?")
            found.append((len(pattern.replace("[[]", "[")) - wild, -wild))
    return max(found)
