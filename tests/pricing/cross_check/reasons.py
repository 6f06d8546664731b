"""Why the two tables disagree, as people have found out: `reasons.yaml`, read and matched.

A reason names what it explains as narrowly as it can. The first that fits explains a disagreement, and a reason of
which any part explains nothing is stale: either the tables agree by now, or it never said anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .compare import Comparison

FILE = Path(__file__).with_name("reasons.yaml")
_KEYS = frozenset({"provider", "model", "shape", "ratio", "costs_nothing", "why", "source"})
_CLOSE = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some calls are priced differently."""

    provider: str
    """Who bills, as our price lists call it."""
    models: tuple[str, ...]
    """Patterns of the second table's names."""
    shapes: tuple[str, ...]
    """Names of shapes; none is all of them."""
    ratio: tuple[Decimal, Decimal] | None
    """Least and most that ours may be as a multiple of theirs."""
    costs_nothing: bool
    """Whether it also explains that we charge nothing where the second table charges something."""
    why: str
    source: str

    def fit(self, found: Comparison) -> str | None:
        """The pattern by which it explains a disagreement; None if it does not."""
        if self.provider != found.model.route.provider or (self.shapes and found.shape.name not in self.shapes):
            return None
        if found.costs_nothing and not self.costs_nothing:
            return None
        if self.ratio is not None and not (
            found.ratio is not None and self.ratio[0] - _CLOSE <= found.ratio <= self.ratio[1] + _CLOSE
        ):
            return None
        return next((pattern for pattern in self.models if fnmatchcase(found.model.key, pattern)), None)


@dataclass(slots=True)
class Reasons:
    """All of them, and which have explained something."""

    reasons: tuple[Reason, ...]
    _used: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])

    def explain(self, found: Comparison) -> Reason | None:
        """The first that explains a disagreement."""
        for index, reason in enumerate(self.reasons):
            pattern = reason.fit(found)
            if pattern is not None:
                self._used |= {(index, pattern), (index, found.shape.name)}
                return reason
        return None

    def stale(self) -> Iterator[str]:
        """What has explained nothing: patterns and shapes, each with its reason."""
        for index, reason in enumerate(self.reasons):
            for part in (*reason.models, *reason.shapes):
                if (index, part) not in self._used:
                    yield f"reasons[{index}] {reason.provider} {part}: {reason.why}"


def read(text: str) -> Reasons:
    """The reasons of a file's text."""
    document = cast("list[dict[str, Any]]", yaml.safe_load(text))
    return Reasons(tuple(_reason(index, entry) for index, entry in enumerate(document)))


def _reason(index: int, entry: dict[str, Any]) -> Reason:
    unknown = entry.keys() - _KEYS
    if unknown or not entry.get("why") or not entry.get("source"):
        problem = f"unknown {sorted(unknown)}" if unknown else "needs why and source"
        raise ValueError(f"{FILE.name}: reasons[{index}]: {problem}")
    bounds = _many(entry.get("ratio"))
    return Reason(
        provider=entry["provider"],
        models=_many(entry["model"]),
        shapes=_many(entry.get("shape")),
        ratio=(Decimal(bounds[0]), Decimal(bounds[-1])) if bounds else None,
        costs_nothing=entry.get("costs_nothing", False),
        why=" ".join(str(entry["why"]).split()),
        source=entry["source"],
    )


def _many(value: str | list[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
