"""Every model that a book knows, whichever layer it knows it from.

Price files speak in patterns and the price data in names and matching rules; here each becomes one line with a name
by which the book can be asked.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_pricing.book import Book
    from spancost_pricing.tariff import Scope


class Known(NamedTuple):
    """A model that some layer knows."""

    provider: str
    model: str
    """As the layer writes it; may be a pattern."""
    name: str
    """A name that finds it."""


def known_models(book: Book) -> tuple[Known, ...]:
    """Every model of every layer, in order of provider and model, each once.

    A pattern is a line of its own only where it covers nothing that the price data or a plain name lists. A price on
    special terms names no model: it stands beside a standard price from elsewhere.
    """
    listed = {
        (listing.provider, name): Known(listing.provider, listing.model, name)
        for name, listing in book.snapshot.listings()
    }
    known = {(one.provider, one.model.lower()): one for one in listed.values()}
    patterns: list[tuple[str, str]] = []
    for scope in _scopes(book):
        for provider in sorted(scope.providers):
            for pattern in scope.models:
                plain = pattern.replace("[[]", "[")
                if "*" in plain or "?" in plain:
                    patterns.append((provider, pattern))
                elif (provider, plain) not in listed:
                    known.setdefault((provider, plain), Known(provider, plain, plain))
    names: dict[str, list[str]] = {}
    for one in known.values():
        names.setdefault(one.provider, []).append(one.name)
    for provider, pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names.get(provider, ())):
            known.setdefault((provider, pattern), Known(provider, pattern.replace("[[]", "["), name_of(pattern)))
    return tuple(sorted(known.values()))


def name_of(pattern: str) -> str:
    """A name that a pattern covers, as short as it can be but never empty: a call without a name has no price."""
    return pattern.replace("[[]", "[").replace("*", "").replace("?", "x") or "x"


def _scopes(book: Book) -> Iterator[Scope]:
    """What the price files say a price or a name of."""
    for tariff in book.tariffs:
        for scope, entry in tariff.entries:
            if not entry.when:
                yield scope
        for alias in tariff.aliases:
            yield alias.scope
