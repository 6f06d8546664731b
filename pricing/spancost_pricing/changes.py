"""What newer price data would change: models that come and go, and every rate that would be another one.

Rates are compared by what they amount to at each time and on all terms, not by how they are written down, so a price
moved from one entry to another is no change and a new dated entry is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_pricing.entries import Terms
from spancost_pricing.instants import DAY_NS, MINUTE_NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spancost_pricing.entries import Entry, Listing
    from spancost_pricing.rates import Item, Price
    from spancost_pricing.snapshot import Snapshot

JUMP: Final = Fraction(30, 100)
"""A rate that moves by more than this share of itself is not taken over unseen."""


class RateChange(NamedTuple):
    """A rate of a model that both know."""

    provider: str
    model: str
    item: Item
    terms: Mapping[str, str]
    since_ns: int | None
    """From when; None is from the beginning."""
    before: Price | None
    after: Price | None
    certain_hours: bool = False
    """Whether it may hold at some hours of the day only."""

    @property
    def share(self) -> Fraction | None:
        """The largest move as a share of the old rate; None where there is no old or no new rate, or the old is 0."""
        if self.before is None or self.after is None:
            return None
        largest = Fraction(0)
        for tokens in {0, *(above + 1 for price in (self.before, self.after) for above, _ in price.steps)}:
            old, new = self.before.at(tokens), self.after.at(tokens)
            if old == 0 and new != 0:
                return None
            if old != 0 and abs(new / old - 1) > abs(largest):
                largest = new / old - 1
        return largest

    @property
    def is_jump(self) -> bool:
        """Whether somebody has to look at it: more than `JUMP`, a rate that goes, or one that was 0 and is not."""
        if self.before is None:
            return False
        share = self.share
        return share is None or abs(share) > JUMP


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that differs between two snapshots."""

    models_before: int
    models_after: int
    providers_gone: tuple[str, ...]
    providers_new: tuple[str, ...]
    gone: tuple[tuple[str, str], ...]
    """Provider and model."""
    new: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str], ...]
    """Models that are found by other names than before."""
    rates: tuple[RateChange, ...]

    @property
    def shrinks(self) -> bool:
        """Whether less is known than before, as after a download that broke off."""
        return bool(self.providers_gone) or self.models_after < self.models_before

    @property
    def jumps(self) -> tuple[RateChange, ...]:
        """The rates that somebody has to look at."""
        return tuple(change for change in self.rates if change.is_jump)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.providers_gone or self.providers_new or self.gone or self.new or self.renamed or self.rates)


def changes(before: Snapshot, after: Snapshot) -> Changes:
    """What differs between two snapshots."""
    old = {(listing.provider, listing.model): listing for _, listing in before.listings()}
    new = {(listing.provider, listing.model): listing for _, listing in after.listings()}
    both = [key for key in old if key in new]
    return Changes(
        models_before=len(old),
        models_after=len(new),
        providers_gone=tuple(sorted(before.providers - after.providers)),
        providers_new=tuple(sorted(after.providers - before.providers)),
        gone=tuple(sorted(old.keys() - new.keys())),
        new=tuple(sorted(new.keys() - old.keys())),
        renamed=tuple(sorted(key for key in both if before.matching(*key) != after.matching(*key))),
        rates=tuple(change for key in sorted(both) for change in _rates(old[key], new[key])),
    )


def _rates(old: Listing, new: Listing) -> Iterator[RateChange]:
    entries = (*old.entries(), *new.entries())
    probes = list(_probes(entries))
    timed = any(entry.validity.window is not None for entry in entries)
    items: dict[Item, None] = dict.fromkeys(item for entry in entries for item in entry.prices)
    for when in {(): None, **dict.fromkeys(tuple(sorted(entry.when.items())) for entry in entries)}:
        for item in items:
            seen: set[tuple[Price | None, Price | None]] = set()
            for since, ns in probes:
                before, after = _price(old, item, when, ns), _price(new, item, when, ns)
                if before != after and (before, after) not in seen:
                    seen.add((before, after))
                    yield RateChange(new.provider, new.model, item, dict(when), since, before, after, timed)


def _probes(entries: Sequence[Entry]) -> Iterator[tuple[int | None, int]]:
    """Since when, and an instant to look at: the time before everything, and each start; at each hour that counts."""
    starts = sorted({entry.validity.start_ns for entry in entries if entry.validity.start_ns is not None})
    windows = [entry.validity.window for entry in entries if entry.validity.window is not None]
    minutes = sorted({0, *(minute % 1440 for window in windows for minute in window.edges())})
    for minute in minutes:
        yield None, (starts[0] if starts else DAY_NS) - DAY_NS + minute * MINUTE_NS
    for start in starts:
        for minute in minutes:
            yield start, start + minute * MINUTE_NS


def _price(listing: Listing, item: Item, when: tuple[tuple[str, str], ...], ns: int) -> Price | None:
    """The first price that holds at an instant on exactly these terms."""
    if not when:
        held = listing.standard_at(ns)
    else:
        held = [entry for entry in listing.special_at(ns, Terms(**dict(when))) if entry.when == dict(when)]
    return next((entry.prices[item] for entry in held if item in entry.prices), None)
