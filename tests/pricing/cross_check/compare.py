"""Every model that both tables know, priced by both: where they disagree, which of our layers decides and why.

The comparison stands at one instant. Two explanations are found here, because they follow from the tables themselves:
the second table has no rate for what the call turns on, or it has a price that ours has at another date. Everything
else is explained in `reasons.yaml`, or it is not explained.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spancost_pricing import Book, Route
from spancost_pricing.plan import Refusal

from .shapes import KEYS, SHAPES, stepped, theirs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spancost_pricing import Charge
    from spancost_pricing.plan import Card
    from spancost_pricing.snapshot import Snapshot

    from .second_table import Listed
    from .shapes import Shape, Theirs

NOON: Final = 1_795_176_000_000_000_000
"""2026-11-20T12:00:00Z, a Friday."""

_SAME: Final = Decimal("1e-6")
"""The second table's figures have passed through floats; what is closer than this is the same price."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One call, priced by both."""

    model: Listed
    shape: Shape
    ours: Charge
    theirs: Theirs

    @property
    def agrees(self) -> bool:
        """Whether both say the same; a charge of ours that leaves something out never does."""
        if self.ours.usd is None or self.ours.status == "partial":
            return False
        return _same(self.ours.usd, self.theirs.usd)

    @property
    def ratio(self) -> Decimal | None:
        """Ours as a multiple of theirs; None where one of them has no figure."""
        return None if self.ours.usd is None or not self.theirs.usd else self.ours.usd / self.theirs.usd

    @property
    def costs_nothing(self) -> bool:
        """Whether we would let a call pass for nothing that costs something by the second table."""
        return self.ours.status in ("priced", "free") and self.ours.total_pico == 0 and self.theirs.usd > 0

    @property
    def decided_by(self) -> str:
        """Which layers and sources priced the call, since when; what is missing where none did."""
        if not self.ours.items:
            return f"{self.ours.status}: {self.ours.detail}"
        deciding = dict.fromkeys(
            f"{item.rate.layer} ({item.rate.source}"
            + (f", since {_date(item.rate.valid_from)}" if item.rate.valid_from else "")
            + ")"
            + "".join(f" {multiplier}" for multiplier in item.rate.multipliers)
            for item in self.ours.items
        )
        return " + ".join(deciding)


def compare(book: Book, models: Iterable[Listed]) -> Iterator[Comparison]:
    """Every call that applies to a model that both tables know."""
    for model in models:
        if not book.listings(model.route):
            continue
        card = book.rates(model.route, NOON)
        for shape in SHAPES:
            if model.mode in shape.modes and _applies(shape, card, model):
                yield Comparison(model, shape, book.charge(model.route, shape.usage, NOON), theirs(model, shape))


def derived(book: Book, found: Comparison) -> str | None:
    """Why they disagree, where that follows from the tables."""
    if found.theirs.lacks and found.ours.usd:
        return f"the second table states no {' and no '.join(found.theirs.lacks)}"
    edges = _edges(book, found.model.route)
    for word, shift in (("until", -1), ("from", 0)):
        for edge in edges:
            dated = book.charge(found.model.route, found.shape.usage, edge + shift)
            if dated.status == "priced" and dated.usd is not None and _same(dated.usd, found.theirs.usd):
                when = _date(datetime.fromtimestamp(edge // 10**9, UTC))
                return f"the second table has the price that holds {word} {when}"
    return None


def lost(book: Book, snapshot: Snapshot, providers: frozenset[str]) -> Iterator[str]:
    """What the price data has a price for and the whole book lets pass for nothing."""
    alone = Book([], snapshot)
    for name, listing in snapshot.listings():
        if listing.provider not in providers:
            continue
        route = Route(listing.provider, name)
        for shape in SHAPES:
            if not alone.charge(route, shape.usage, NOON).total_pico:
                continue
            charge = book.charge(route, shape.usage, NOON)
            if charge.status in ("priced", "free") and charge.total_pico == 0:
                yield f"{listing.provider} {name} {shape.name}: {charge.status}"


def _applies(shape: Shape, card: Card | Refusal, model: Listed) -> bool:
    keys = [KEYS[item] for item in shape.turns_on] or list(shape.quantities)
    own = not isinstance(card, Refusal) and any(_own(card, item) for item in shape.turns_on)
    if not own and not any(model.has(key) for key in keys):
        return False
    if not shape.long:
        return True
    return stepped(model) or (not isinstance(card, Refusal) and any(above < 300_000 for above in card.above))


def _own(card: Card, item: str) -> bool:
    """Whether the item has a rate of its own, above nothing, and not only what it falls back on."""
    return any(
        key == item and line.numerator and line.rate.price_id.partition("@")[0].endswith(f":{item}")
        for key, line in card.columns[0].items()
    )


def _edges(book: Book, route: Route) -> list[int]:
    edges = {
        edge
        for listing in book.listings(route)
        for entry in listing.entries()
        for edge in (entry.validity.start_ns, entry.validity.end_ns)
        if edge is not None
    }
    return sorted(edges)


def _same(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= _SAME * max(one, other)


def _date(at: datetime) -> str:
    return at.strftime("%Y-%m-%d" if (at.hour, at.minute) == (0, 0) else "%Y-%m-%d %H:%M")
