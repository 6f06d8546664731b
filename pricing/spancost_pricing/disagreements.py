"""Where two layers state different prices for the same thing: which decides, and why.

Precedence is a rule, so no disagreement is ever settled by accident; this module makes each of them visible. It asks
the book itself at every instant and on all terms at which the answer may change, so what it reports is what is charged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_pricing.catalogue import known_models
from spancost_pricing.charge import Route
from spancost_pricing.entries import on
from spancost_pricing.instants import DAY_NS, MINUTE_NS
from spancost_pricing.plan import Candidate, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from fractions import Fraction

    from spancost_pricing.book import Book
    from spancost_pricing.charge import Layer
    from spancost_pricing.entries import Listing
    from spancost_pricing.instants import Validity
    from spancost_pricing.rates import Item
    from spancost_pricing.tariff import Multiplier

LAYER_NAMES: Final[Mapping[Layer, str]] = {
    "user": "your prices",
    "correction": "our corrections",
    "genai-prices": "the price data",
}
"""Layers as they are named to people, in the order in which they are asked."""

_WEEK: Final = 7


class Disagreement(NamedTuple):
    """Two layers with different prices for the same item of the same model on the same terms."""

    provider: str
    model: str
    item: Item
    terms: str
    """`tier batch`; empty for the standard prices."""
    since_ns: int | None
    """From when; None is from the beginning."""
    until_ns: int | None
    decides: Candidate
    other: Candidate
    why: str


def disagreements(book: Book) -> Iterator[Disagreement]:
    """Every disagreement between the layers of a book, over every model that two of them know."""
    for known in known_models(book):
        yield from _of_model(book, known.provider, known.model, known.name)


def rate_of(candidate: Candidate, input_tokens: int = 0) -> Fraction:
    """What a candidate would charge for one unit, in pico-USD, in a request of that many input tokens."""
    rate = candidate.price.at(input_tokens)
    return rate if candidate.tier is None else rate * candidate.tier.factor


def why(decides: Candidate, other: Candidate) -> str:
    """Why one of an item's candidates comes before another."""
    first, second = decides.entry, other.entry
    if _on_terms(decides) and not _on_terms(other):
        return "it is for the call's own terms, the other is the standard price"
    if decides.tier is not None and decides.tier.layer == "user" and other.tier is None:
        return "your factor comes before what other layers list for the call's own terms"
    if first.layer != second.layer:
        return f"{LAYER_NAMES[first.layer]} come before {LAYER_NAMES[second.layer]}"
    if decides.tier is None and other.tier is not None:
        return "it is listed for the call's own terms, the other is the standard price times a factor"
    if len(first.when) > len(second.when):
        return "it is for more of the call's own terms"
    if first.model != second.model:
        return "it spells out more of the model's name"
    if first.validity.window is not None and second.validity.window is None:
        return "it is for these hours"
    return "it began later"


def _of_model(book: Book, provider: str, model: str, name: str) -> Iterator[Disagreement]:
    route = Route(provider, name)
    listings = book.listings(route)
    aliased = _unaliased(book, provider, name, listings)
    if len(listings) < 2 and aliased is None:
        return
    rules = [
        rule
        for tariff in book.tariffs
        for rule in tariff.multipliers
        if rule.kind == "tier" and rule.scope.covers(provider, (name, *(listing.model for listing in listings)))
    ]
    validities = [entry.validity for listing in listings for entry in listing.entries()]
    instants = sorted(set(_instants([*validities, *(rule.validity for rule in rules)])))
    seen: set[object] = set()
    for terms in _terms(listings, rules):
        asked = on(route, terms)
        shown = " ".join(f"{term} {value}" for term, value in terms.items())
        for ns in instants:
            for decides, other in _differing(book, asked, ns, aliased if not terms else None):
                period = _since(decides, other), _until(decides, other)
                key = (decides.key, shown, decides.entry.source, decides.price, other.price, period)
                if key in seen:
                    continue
                seen.add(key)
                renamed = aliased is not None and other.entry.model == aliased.model
                reason = "an alias names another model" if renamed else why(decides, other)
                yield Disagreement(provider, model, decides.key, shown, *period, decides, other, reason)


def _since(*candidates: Candidate) -> int | None:
    return max((c.entry.validity.start_ns for c in candidates if c.entry.validity.start_ns is not None), default=None)


def _until(*candidates: Candidate) -> int | None:
    return min((c.entry.validity.end_ns for c in candidates if c.entry.validity.end_ns is not None), default=None)


def _unaliased(book: Book, provider: str, name: str, listings: Iterable[Listing]) -> Listing | None:
    """What the price data says of a name that an alias takes elsewhere."""
    found = book.snapshot.find(provider, [name])
    return None if found is None or any(found.model == listing.model for listing in listings) else found


def _differing(book: Book, route: Route, ns: int, aliased: Listing | None) -> Iterator[tuple[Candidate, Candidate]]:
    explanation = book.explain(route, ns)
    if isinstance(explanation, Refusal):
        return
    terms_given = any((route.service_tier, route.region, route.deployment, route.speed))
    for item, candidates in explanation.candidates.items():
        if not candidates or candidates[0].key != item:
            continue
        decides = candidates[0]
        if terms_given and not _on_terms(decides):
            continue  # the standard price, which the standard terms have shown
        others: dict[Layer, Candidate] = {}
        for candidate in candidates[1:]:
            # The same factor on both is no disagreement of its own: it follows from that on the standard price.
            follows = candidate.tier is not None and candidate.tier is decides.tier
            if _on_terms(candidate) == _on_terms(decides) and not follows:
                others.setdefault(candidate.entry.layer, candidate)
        others.pop(decides.entry.layer, None)
        rivals = list(others.values())
        if aliased is not None:
            rivals += [
                Candidate(e.prices[item], item, e, None, (item,)) for e in aliased.standard_at(ns) if item in e.prices
            ]
        for other in rivals:
            bounds = {0, *(above + 1 for one in (decides, other) for above, _ in one.price.steps)}
            if any(rate_of(decides, tokens) != rate_of(other, tokens) for tokens in bounds):
                yield decides, other


def _on_terms(candidate: Candidate) -> bool:
    return candidate.tier is not None or bool(candidate.entry.when)


def _terms(listings: Iterable[Listing], rules: Iterable[Multiplier]) -> list[dict[str, str]]:
    """The standard terms, and all others on which some layer states a price."""
    found: dict[tuple[tuple[str, str], ...], None] = {(): None}
    for listing in listings:
        found.update(dict.fromkeys(tuple(sorted(entry.when.items())) for entry in listing.special))
    for rule in rules:
        for test in rule.terms:
            found.update(dict.fromkeys(((test.term, value),) for value in test.values if "*" not in value))
    return [dict(terms) for terms in found]


def _instants(validities: Iterable[Validity]) -> Iterator[int]:
    """Where the prices of a model may change: before everything, at each edge, and at each hour of a week after it."""
    validities = tuple(validities)
    edges = {ns for one in validities for ns in (one.start_ns, one.end_ns) if ns is not None}
    edges.add(min(edges, default=DAY_NS) - DAY_NS)
    minutes = {minute % 1440 for one in validities if one.window is not None for minute in one.window.edges()}
    for edge in edges:
        yield edge
        if minutes:
            first = edge // DAY_NS
            for day in range(first, first + _WEEK):
                yield from (ns for minute in minutes if (ns := day * DAY_NS + minute * MINUTE_NS) >= edge)
