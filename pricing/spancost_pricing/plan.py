"""A route's rates for one day, decided once so that charging a call is multiplication.

Everything that depends on names, terms and dates is resolved here: which layer prices which item, what an item
without a rate falls back to, which multipliers apply, where in the day a rate changes. The result is a short list
of rate cards. This module decides; `book` remembers and multiplies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_pricing.charge import Rate
from spancost_pricing.entries import Entry, Listing, Terms, on_tier
from spancost_pricing.identity import identify, model_names, provider_ids, terms
from spancost_pricing.instants import DAY_NS, instant
from spancost_pricing.rates import ITEMS, PARENTS, TOKEN_ITEMS, UNIT_OF, Price, decimal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spancost_pricing.charge import Reason, Route
    from spancost_pricing.rates import Item
    from spancost_pricing.snapshot import Snapshot
    from spancost_pricing.tariff import FreeModels, Minimum, Multiplier, SameRate, Tariff

_NOTHING: Final = Price(Fraction(0))
_ONCE: Final = Fraction(1)


class Line(NamedTuple):
    """One item's final rate, as a person reads it and as an exact fraction of pico-USD."""

    rate: Rate
    numerator: int
    denominator: int
    minimum: int
    """The least quantity that is billed for a request."""
    rate_of_minimum: Rate
    """The rate where less was used than that."""
    assumption: str | None
    """What had to be assumed about the rate, said only where the rate is used."""

    @property
    def pico(self) -> Fraction:
        """USD x 1e-12 for one unit."""
        return Fraction(self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Card:
    """The rates of one route at one time."""

    above: tuple[int, ...]
    """Input tokens above which the next column of `columns` prices the whole request."""
    columns: tuple[Mapping[Item, Line], ...]
    free: bool
    has_hour_writes: bool
    """Whether a cache write for an hour has a rate of its own."""
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a route has no rates at some time."""

    reason: Reason
    detail: str


Plan = tuple[tuple[int, Card | Refusal], ...]
"""`(end, rates)` in order of time: the rates hold until that instant; the last until the end of the day."""


class Candidate(NamedTuple):
    """A price that could be an item's; the first of an item's candidates is."""

    price: Price
    key: Item
    """The item that it is listed for: the asked one, or the one that stands in for it."""
    entry: Entry
    tier: Multiplier | None
    """The factor that puts it on the call's tier."""
    charged_as: tuple[Item, ...]
    """The asked item and those that stand in for it, the one that has the price last; a factor on any is one on it."""
    off_terms: bool = False
    """The call is on special terms that have token rates, but none for this item."""
    times: Fraction = _ONCE
    """How many times the price of the item that stands in for it."""

    def is_about(self, rule: Multiplier) -> bool:
        """Whether a factor that holds for the call is one on this price."""
        return not rule.items.isdisjoint(self.charged_as)

    def has(self, rule: Multiplier) -> bool:
        """Whether the price is itself for the terms of a factor, which is then no longer put on top."""
        listed = self.entry.layer in (rule.layer, "user")
        return listed and any(rule.is_on(term) for term in self.entry.when)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The rates of one route at one instant, and everything that they were chosen from."""

    provider: str
    """Who bills, as price lists call it, after aliases."""
    names: tuple[str, ...]
    """Every name the model was looked up by, after aliases."""
    terms: Terms
    card: Card
    candidates: Mapping[Item, tuple[Candidate, ...]]
    """For each item of the card every price that there is; the first decides. A gift has none."""
    multipliers: tuple[Multiplier, ...]
    """Every factor that holds for the model at that instant, on whatever terms."""


_Held = tuple[tuple[list[Entry], list[Entry]], ...]
"""Per layer: the standard entries and the special ones that hold at an instant on the call's terms."""


@dataclass(frozen=True, slots=True)
class _Model:
    """A model as every layer knows it."""

    provider: str
    names: tuple[str, ...]
    terms: Terms
    listings: tuple[Listing, ...]


class Planner:
    """Compiles routes against the layers of prices, the first of which to know an item's rate decides it."""

    def __init__(self, tariffs: Sequence[Tariff], snapshot: Snapshot) -> None:
        self._tariffs = tuple(tariffs)
        self._snapshot = snapshot
        theirs = frozenset[str]().union(*(tariff.providers for tariff in tariffs))
        self._table = {**provider_ids(theirs), **provider_ids(snapshot.providers)}
        self._multipliers = tuple(rule for tariff in tariffs for rule in tariff.multipliers)

    def plan(self, route: Route, day: int) -> Plan:
        """The rates of a route through one UTC day."""
        model = self._identify(route)
        if isinstance(model, Refusal):
            return (((day + 1) * DAY_NS, model),)
        edges = {(day + 1) * DAY_NS}
        for listing in model.listings:
            for entry in listing.entries():
                edges.update(entry.validity.edges(day))
        for tariff in self._tariffs:
            for statement in (*tariff.multipliers, *tariff.same_rates, *tariff.minimums, *tariff.free):
                edges.update(statement.validity.edges(day))
        plan: list[tuple[int, Card | Refusal]] = []
        start = day * DAY_NS
        for end in sorted(edges):
            plan.append((end, self._card(model, start)))
            start = end
        return tuple(plan)

    def explain(self, route: Route, ns: int) -> Explanation | Refusal:
        """The rates of a route at an instant with every price that they were chosen from."""
        model = self._identify(route)
        if isinstance(model, Refusal):
            return model
        card = self._card(model, ns)
        if isinstance(card, Refusal):
            return card
        held, tiers = self._held(model, ns)
        candidates: dict[Item, tuple[Candidate, ...]] = {}
        for item in card.columns[0]:
            pick = self._pick(item, model, held, tiers, ns)
            candidates[item] = () if pick is None else tuple(_candidates(pick.charged_as, held, tiers))
        return Explanation(
            provider=model.provider,
            names=model.names,
            terms=model.terms,
            card=card,
            candidates=candidates,
            multipliers=tuple(
                rule
                for rule in self._multipliers
                if rule.validity.covers(ns) and rule.scope.covers(model.provider, model.names)
            ),
        )

    def listings(self, route: Route) -> tuple[Listing, ...]:
        """What each layer that knows the model says about it, first things first."""
        model = self._identify(route)
        return () if isinstance(model, Refusal) else model.listings

    def _identify(self, route: Route) -> _Model | Refusal:
        route, provider = identify(route, self._table)
        if provider is None:
            return Refusal("unknown_provider", f"no price list for provider {route.provider[:80]!r}")
        for tariff in self._tariffs:
            for alias in tariff.aliases:
                if alias.scope.covers(provider, model_names(provider, route.model, self._table)):
                    provider = alias.provider or provider
                    route = route._replace(
                        model=alias.model,
                        deployment=route.deployment or alias.deployment,
                        region=terms(route).region or alias.region,
                    )
                    break
        names = model_names(provider, route.model, self._table)
        # An ARN may contain the name of the model that a custom one was made from, which is not its price.
        base = self._snapshot.find(provider, [name for name in names if not name.startswith("arn:")])
        if base is not None:
            names = tuple(dict.fromkeys((*names, base.model.lower())))
        listings = [found for tariff in self._tariffs if (found := tariff.find(provider, names)) is not None]
        if base is not None:
            listings.append(base)
        if not listings:
            return Refusal("unknown_model", f"{provider} has no price for model {route.model[:80]!r}")
        return _Model(provider, names, terms(route), tuple(listings))

    def _card(self, model: _Model, ns: int) -> Card | Refusal:
        held, tiers = self._held(model, ns)
        if not any(standard or special for standard, special in held):
            return Refusal(
                "before_first_rate", f"no price of {model.provider} {model.names[0]!r} {_absence(model, ns)}"
            )
        unknown = self._unknown_term(model.terms, held, tiers)
        if unknown is not None:
            return Refusal("unknown_tier", f"{model.provider} {model.names[0]!r} has no price for {unknown}")

        picks: dict[Item, Candidate] = {}
        assumptions: list[str] = []
        for item in ITEMS:
            pick = self._pick(item, model, held, tiers, ns)
            if pick is not None:
                picks[item] = pick
        assumptions += [listing.guess for listing in model.listings if listing.guess is not None]
        free = all(pick.price.is_zero for pick in picks.values())
        if free and not (picks and all(pick.entry.layer == "user" for pick in picks.values())):
            gift = self._free(model, ns)
            if gift is None:
                detail = f"{model.provider} {model.names[0]!r} is listed without a price and not known to be free"
                return Refusal("unknown_model", detail)
            for item in ITEMS:
                if item in TOKEN_ITEMS:
                    picks.setdefault(item, Candidate(_NOTHING, item, gift, None, (item,)))
        others = [
            [rule for rule in self._multipliers if rule.kind == kind and self._applies(rule, model, ns)]
            for kind in ("region", "discount")
        ]
        unsaid = [rule.unreported(model.provider, model.names, model.terms, ns) for rule in self._multipliers]
        assumptions += [f"{term} not reported: the price without it taken" for term in dict.fromkeys(unsaid) if term]
        above = tuple(sorted({tokens for pick in picks.values() for tokens, _ in pick.price.steps}))
        minimums = {item: self._minimum(item, model, ns) for item in picks}
        columns: list[Mapping[Item, Line]] = []
        for tokens in (0, *(boundary + 1 for boundary in above)):
            columns.append({i: _line(i, pick, tokens, model, others, minimums[i]) for i, pick in picks.items()})
        return Card(above, tuple(columns), free, "cache_write_1h" in picks, tuple(assumptions))

    def _held(self, model: _Model, ns: int) -> tuple[_Held, list[Multiplier]]:
        held = tuple((listing.standard_at(ns), listing.special_at(ns, model.terms)) for listing in model.listings)
        return held, [rule for rule in self._multipliers if rule.kind == "tier" and self._applies(rule, model, ns)]

    def _pick(self, item: Item, model: _Model, held: _Held, tiers: Sequence[Multiplier], ns: int) -> Candidate | None:
        """The price that decides: the item's own or, without one, that of the item that stands in for it.

        That the user says what stands in for an item comes before what other layers list for it.
        """
        others: Candidate | None = None
        asked: tuple[Item, ...] = (item,)
        times = _ONCE
        while True:
            fact = self._same_rate(asked[-1], model, ns)
            pick = next(_candidates(asked, held, tiers), None)
            if pick is not None:
                pick = pick._replace(times=times)
                if pick.entry.layer == "user" or fact is None or fact.layer != "user":
                    return pick
                others = others or pick
            key = PARENTS.get(asked[-1]) if fact is None else fact.as_item
            if key is None or key in asked:
                return others
            asked = (*asked, key)
            times *= _ONCE if fact is None else fact.factor

    def _same_rate(self, item: Item, model: _Model, ns: int) -> SameRate | None:
        for tariff in self._tariffs:
            for fact in tariff.same_rates:
                if item in fact.items and _holds(fact, model, ns):
                    return fact
        return None

    @staticmethod
    def _applies(rule: Multiplier, model: _Model, ns: int) -> bool:
        return rule.applies(model.provider, model.names, model.terms, ns)

    def _minimum(self, item: Item, model: _Model, ns: int) -> int:
        for tariff in self._tariffs:
            for fact in tariff.minimums:
                if fact.item == item and _holds(fact, model, ns):
                    return fact.least
        return 0

    @staticmethod
    def _unknown_term(asked: Terms, held: _Held, tiers: Sequence[Multiplier]) -> str | None:
        special = [entry for _, entries in held for entry in entries]
        for term, value in (("tier", asked.tier), ("speed", asked.speed)):
            known = any(term in entry.when for entry in special) or any(rule.is_on(term) for rule in tiers)
            if value is not None and not known:
                return f"{term} {value[:40]!r}"
        return None

    def _free(self, model: _Model, ns: int) -> Entry | None:
        for tariff in self._tariffs:
            for fact in tariff.free:
                if _holds(fact, model, ns):
                    return Entry(tariff.layer, fact.source, model.provider, model.names[0], {})
        return None


def _holds(fact: SameRate | Minimum | FreeModels, model: _Model, ns: int) -> bool:
    return fact.validity.covers(ns) and fact.scope.covers(model.provider, model.names)


def _absence(model: _Model, ns: int) -> str:
    """Why none of a model's prices holds at an instant."""
    known = [entry for listing in model.listings for entry in listing.entries()]
    met = [entry.validity for entry in known if model.terms.meet(entry.when)]
    if any(validity.is_between(ns) for validity in met):
        return "holds at that hour"
    ended = any(validity.end_ns is not None and ns >= validity.end_ns for validity in met)
    return "was in force any more" if ended else "was in force yet"


def _candidates(asked: tuple[Item, ...], held: _Held, tiers: Sequence[Multiplier]) -> Iterator[Candidate]:
    """Every price listed for the last of the items, the one that decides first: on the call's terms, then standard.

    A layer's own prices on the call's tier come before a factor on its other ones, unless the factor is the user's.
    """
    key = asked[-1]
    tier = next((rule for rule in tiers if not rule.items.isdisjoint(asked)), None)
    behind: list[Candidate] = []
    for standard, special in held:
        for entry in special:
            if key in entry.prices and on_tier(entry):
                listed = Candidate(entry.prices[key], key, entry, None, asked)
                if tier is not None and tier.layer == "user" and entry.layer != "user":
                    behind.append(listed)
                else:
                    yield listed
        if tier is not None:
            for entry in (*special, *standard):
                if key in entry.prices and not on_tier(entry):
                    yield Candidate(entry.prices[key], key, entry, tier, asked)
    yield from behind
    for entries in (*(special for _, special in held), *(standard for standard, _ in held)):
        for entry in entries:
            if key in entry.prices and not on_tier(entry):
                yield Candidate(entry.prices[key], key, entry, None, asked, off_terms=_is_off_terms(key, held))


def _is_off_terms(item: Item, held: _Held) -> bool:
    special = [entry for _, entries in held for entry in entries if on_tier(entry)]
    return item in TOKEN_ITEMS and any(TOKEN_ITEMS & entry.prices.keys() for entry in special)


def _line(
    item: Item,
    pick: Candidate,
    tokens: int,
    model: _Model,
    others: Sequence[Sequence[Multiplier]],
    minimum: int,
) -> Line:
    entry = pick.entry
    rate = pick.price.at(tokens) * pick.times
    applied = [] if pick.tier is None else [pick.tier]
    for rules in others:
        applied += [rule for rule in rules if pick.is_about(rule) and not pick.has(rule)][:1]
    for rule in applied:
        rate *= rule.factor
    labels = [] if pick.times == 1 else [f"{pick.key} x{decimal(pick.times)}"]
    labels += [rule.label(model.terms) for rule in applied]
    seller = entry.provider if entry.layer == "genai-prices" else model.provider
    on = "".join(f"@{value}" for value in entry.when.values())
    start = entry.validity.start_ns
    found = Rate(
        unit=UNIT_OF[item],
        pico=decimal(rate),
        price_id=f"{seller}/{entry.model}:{pick.key}{on}",
        valid_from=None if start is None else instant(start),
        layer=entry.layer,
        source=entry.source,
        multipliers=tuple(labels),
    )
    return Line(
        rate=found,
        numerator=rate.numerator,
        denominator=rate.denominator,
        minimum=minimum,
        rate_of_minimum=replace(found, multipliers=(*found.multipliers, f"billed as at least {minimum}")),
        assumption=f"no {model.terms.tier or model.terms.speed} rate for {item}: the standard one taken"
        if pick.off_terms
        else None,
    )
