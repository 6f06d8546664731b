"""What is worth a second look in a user's price file: nothing in here is a mistake for sure.

A figure far from the price of the layers below may be a negotiated rate or a slip of a thousand; a pattern that covers
no known model may be somebody's own deployment or a typing error. Only the user can tell.
"""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from spancost_pricing.catalogue import known_models, name_of
from spancost_pricing.changes import JUMP
from spancost_pricing.charge import Route
from spancost_pricing.disagreements import rate_of
from spancost_pricing.entries import on
from spancost_pricing.instants import ALWAYS
from spancost_pricing.plan import Card, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence, Set
    from fractions import Fraction

    from spancost_pricing.book import Book
    from spancost_pricing.charge import Layer
    from spancost_pricing.instants import Validity
    from spancost_pricing.rates import Item
    from spancost_pricing.tariff import Multiplier, Scope, Tariff, TermTest


class Shadow(NamedTuple):
    """A price in the file that is far from what the layers below say."""

    source: str
    provider: str
    model: str
    item: Item
    mine: Fraction
    """Pico-USD for one unit."""
    theirs: Fraction
    layer: Layer
    """Whose price it hides."""

    @property
    def share(self) -> Fraction | None:
        """How far it is off, as a share of the price it hides; None where that is 0."""
        return None if self.theirs == 0 else self.mine / self.theirs - 1


def shadows(tariff: Tariff, below: Book, at_ns: int) -> Iterator[Shadow]:
    """Every price of a file that is further than a jump from the price it hides."""
    models = known_models(below)
    for scope, entry in tariff.entries:
        start = entry.validity.start_ns
        ns = at_ns if start is None else max(start, at_ns)
        for known in models:
            if not scope.covers(known.provider, (known.name, known.model.lower())):
                continue
            explanation = below.explain(on(Route(known.provider, known.name), entry.when), ns)
            if isinstance(explanation, Refusal):
                continue
            for item, price in entry.prices.items():
                hidden = explanation.candidates.get(item)
                if not hidden or hidden[0].key != item:
                    continue
                shadow = Shadow(
                    entry.source,
                    known.provider,
                    known.model,
                    item,
                    price.base,
                    rate_of(hidden[0]),
                    hidden[0].entry.layer,
                )
                share = shadow.share
                if (share is None and price.base) or (share is not None and abs(share) > JUMP):
                    yield shadow


def unknown_names(tariff: Tariff, below: Book) -> Iterator[str]:
    """One line for every pattern and alias target of a file that no layer below knows a model for.

    What a price or an alias of the file itself names is known to the file's other statements.
    """
    names: dict[str, list[str]] = {}
    for known in known_models(below):
        names.setdefault(known.provider, []).append(known.name)
    for scope, entry in tariff.entries:
        yield from _unmatched(entry.source, scope, names, below)
    for scope in (*(scope for scope, _ in tariff.entries), *(alias.scope for alias in tariff.aliases)):
        for provider in scope.providers:
            names.setdefault(provider, []).extend(name_of(pattern) for pattern in scope.models)
    for place, scope in _statements(tariff)[len(tariff.entries) :]:
        yield from _unmatched(place, scope, names, below)
    for index, alias in enumerate(tariff.aliases):
        for provider in sorted(alias.scope.providers):
            seller = alias.provider or provider
            own = any(scope.covers(seller, (alias.model.lower(),)) for scope, _ in tariff.entries)
            if not own and not below.listings(Route(seller, alias.model)):
                yield f"aliases[{index}]: {_unknown(seller, alias.model, names)}"


def without_effect(tariff: Tariff, book: Book, at_ns: int) -> Iterator[str]:
    """One line for every statement to which an earlier one leaves no call, and for gifts of what has a price.

    And for what is about a name of which an alias makes another one. `book` is the one with the file.
    """
    for source, scope in _statements(tariff):
        for index, alias in enumerate(tariff.aliases):
            sellers = scope.providers if alias.provider is None else {alias.provider}
            if _includes(alias.scope, scope) and not any(scope.covers(one, (alias.model.lower(),)) for one in sellers):
                yield f"{source}: has no effect: aliases[{index}] makes {alias.model} of it; name that instead"
                break
    for index, rule in enumerate(tariff.multipliers):
        first = next((one for one in tariff.multipliers[:index] if _hides(one, rule)), None)
        if first is not None:
            yield (
                f"{rule.source}: has no effect: {_statement(first.source)} stands before it and is about the same"
                " calls; end that with valid_to, or put this first"
            )
    yield from _behind("same_rate", [(fact.scope, fact.items, fact.validity) for fact in tariff.same_rates])
    yield from _behind("minimums", [(fact.scope, {fact.item}, fact.validity) for fact in tariff.minimums])
    yield from _behind("aliases", [(alias.scope, frozenset[str](), ALWAYS) for alias in tariff.aliases])
    for fact in tariff.free:
        start = fact.validity.start_ns
        ns = at_ns if start is None else max(start, at_ns)
        given = [one for one in known_models(book) if fact.scope.covers(one.provider, (one.name, one.model.lower()))]
        cards = [book.rates(Route(one.provider, one.name), ns) for one in given]
        if given and not any(isinstance(card, Card) and card.free for card in cards):
            yield (
                f"{fact.source}: has no effect: {given[0].provider} {given[0].model} is not listed without a price; "
                'what is to cost nothing for you needs a price of "0"'
            )


def _behind(name: str, statements: Sequence[tuple[Scope, Set[str], Validity]]) -> Iterator[str]:
    """Of statements of which the first that applies counts, those to which an earlier one leaves no call."""
    for index, (scope, items, validity) in enumerate(statements):
        for place, (theirs, all_items, always) in enumerate(statements[:index]):
            if all_items >= items and always.includes(validity) and _includes(theirs, scope):
                yield f"{name}[{index}]: has no effect: {name}[{place}] stands before it and covers it"
                break


def _statements(tariff: Tariff) -> list[tuple[str, Scope]]:
    """Every statement about models by their names, and where it stands; prices come first."""
    return [
        *((entry.source, scope) for scope, entry in tariff.entries),
        *((rule.source, rule.scope) for rule in tariff.multipliers),
        *((f"same_rate[{index}]", fact.scope) for index, fact in enumerate(tariff.same_rates)),
        *((f"minimums[{index}]", fact.scope) for index, fact in enumerate(tariff.minimums)),
        *((fact.source, fact.scope) for fact in tariff.free),
    ]


def _statement(source: str) -> str:
    """Which statement of the file it is: `discounts[0]`."""
    return source.partition(" (")[0].rpartition(": ")[2]


def _hides(first: Multiplier, second: Multiplier) -> bool:
    """Whether the first of two factors of one kind, of which the first that applies counts, always does."""
    return (
        first.kind == second.kind
        and first.items >= second.items
        and first.validity.includes(second.validity)
        and _includes(first.scope, second.scope)
        and all(any(_follows(test, other) for other in second.terms) for test in first.terms)
    )


def _includes(first: Scope, second: Scope) -> bool:
    """Whether every model that the second is about is one of the first."""
    return (
        first.providers >= second.providers
        and _all_fit(second.models, first.models)
        and set(first.but) <= set(second.but)
    )


def _follows(test: TermTest, other: TermTest) -> bool:
    """Whether a call that meets the other condition meets the one."""
    return test.term == other.term and _all_fit(other.values, test.values) and set(test.but) <= set(other.but)


def _all_fit(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    """Whether each pattern of the one fits a pattern of the other, and with it all that it matches."""
    return all(any(fnmatchcase(one.replace("[[]", "["), pattern) for pattern in wide) for one in narrow)


def _unmatched(place: str, scope: Scope, names: Mapping[str, list[str]], below: Book) -> Iterator[str]:
    for provider in sorted(scope.providers):
        for pattern in scope.models:
            if any(fnmatchcase(name, pattern) for name in names.get(provider, ())):
                continue
            if not below.listings(Route(provider, name_of(pattern))):
                yield f"{place}: {_unknown(provider, pattern, names)}"


def _unknown(provider: str, pattern: str, names: Mapping[str, list[str]]) -> str:
    if provider not in names:
        near = get_close_matches(provider, names, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        return f'no price list knows a provider "{provider}"{hint}'
    sought = name_of(pattern)
    others = [name for name in names[provider] if name.lower() != sought.lower()]
    near = get_close_matches(sought, others, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return f'no known model of {provider} fits "{pattern}"{hint}'
