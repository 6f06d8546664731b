"""The outcome of a cross-check: one line for each disagreement, the totals by cause, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spancost_pricing.snapshot import Snapshot

from .compare import compare, derived, lost
from .reasons import FILE, read
from .second_table import PACKAGE, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spancost_pricing import Book

    from .compare import Comparison


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One call that both tables price differently."""

    found: Comparison
    why: str | None
    """None where nobody has found out."""
    source: str
    is_derived: bool
    """Whether the reason follows from the tables themselves."""
    costs_nothing: bool
    """Whether we charge nothing and no reason says that this is right."""

    def __str__(self) -> str:
        one = self.found
        ours = one.ours.status if one.ours.usd is None else f"{one.ours.usd.normalize():f}"
        ratio = "-" if one.ratio is None else f"{one.ratio:.3f}"
        why = self.why or "NOT EXPLAINED: correct our price, or say why in reasons.yaml"
        cells = (
            one.model.route.provider,
            one.model.key,
            one.shape.name,
            f"ours {ours}",
            f"theirs {one.theirs.usd.normalize():f}",
            f"x{ratio}",
            one.decided_by,
            f"{why} [{self.source}]" if self.source else why,
        )
        return " | ".join(cells)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a cross-check has found."""

    models: int
    calls: int
    disagreements: tuple[Disagreement, ...]
    stale: tuple[str, ...]
    lost: tuple[str, ...]
    """What the price data has a price for and the book lets pass for nothing."""

    @classmethod
    def of(cls, book: Book, table: Mapping[str, Mapping[str, Any]]) -> Report:
        """Compare the book with the second table."""
        reasons = read(FILE.read_text(encoding="utf-8"))
        models = list(listed(table))
        found = list(compare(book, models))
        apart: list[Disagreement] = []
        for one in found:
            if one.agrees:
                continue
            why = derived(book, one)
            if why is not None:
                apart.append(Disagreement(one, why, PACKAGE, is_derived=True, costs_nothing=one.costs_nothing))
                continue
            reason = reasons.explain(one)
            apart.append(
                Disagreement(one, None, "", is_derived=False, costs_nothing=one.costs_nothing)
                if reason is None
                else Disagreement(one, reason.why, reason.source, is_derived=False, costs_nothing=False)
            )
        return cls(
            models=len({one.model.key for one in found}),
            calls=len(found),
            disagreements=tuple(apart),
            stale=tuple(reasons.stale()),
            lost=tuple(lost(book, Snapshot(), frozenset(model.route.provider for model in models))),
        )

    def unexplained(self) -> list[str]:
        """Disagreements that nobody has explained."""
        return [str(one) for one in self.disagreements if one.why is None]

    def free_of_charge(self) -> list[str]:
        """Calls that cost something by either table and nothing by our book."""
        return [str(one) for one in self.disagreements if one.costs_nothing] + list(self.lost)

    def problems(self) -> list[str]:
        """All that is to be put right."""
        return [
            *self.unexplained(),
            *self.free_of_charge(),
            *(f"explains nothing any more: {one}" for one in self.stale),
        ]

    def lines(self) -> Iterator[str]:
        """The report for a person: what is not right last."""
        for one in sorted(self.disagreements, key=lambda one: (one.found.model.route.provider, one.found.model.key)):
            yield str(one)
        apart = len({one.found.model.key for one in self.disagreements})
        yield ""
        yield f"{len(self.disagreements)} of {self.calls} calls differ, of {apart} of {self.models} models, by cause:"
        causes = Counter(one.why or "not explained" for one in self.disagreements)
        for why, count in causes.most_common():
            yield f"{count:6}  {why}"
        for problem in self.problems():
            yield f"PROBLEM  {problem}"
