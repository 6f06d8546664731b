"""Which values may become labels: a closed set of dimensions, and bounds on what they may add up to.

The first values to appear are admitted, later ones past the bound become `__other__`. So do combinations: each
dimension within its bound could still make thousands of millions of series together. A combination past the bound
keeps what most questions are about, feature, provider, model and environment, as long as there is room for those, and
becomes `__other__` altogether after that; what it counts stays counted. The ledger hands out its totals in order of
first appearance, so a restart admits the same values again and no series changes its name.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.call import UNATTRIBUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.call import Series

DIMENSIONS: Final = ("feature", "task", "provider", "model", "environment", "release", "service")
"""The labels of every metric about calls. A feature that nobody said is `UNATTRIBUTED`, a row of its own; any other
dimension that is not known is an empty label."""
TENANT: Final = "tenant"
"""A dimension only where the operator says that there are few of them."""
OTHER: Final = "__other__"
"""Stands for every value past the bound."""
COMBINATIONS: Final = "combinations"
"""Said in place of a dimension where it was the combination that there was no room for."""

MAX_VALUES: Final = 200
MAX_COMBINATIONS: Final = 5_000
MAX_HISTOGRAM_COMBINATIONS: Final = 1_000

_MAX_CACHED: Final = 50_000
_KEPT: Final = frozenset({"feature", "provider", "model", "environment"})
"""What a combination past the bound keeps while it can."""
_KEPT_SHARE: Final = 5
"""One part in so many of the combinations is held back for those."""


class Labels(NamedTuple):
    """The label values of a series, and what had to be folded to get them: dimensions, or `COMBINATIONS`."""

    values: tuple[str, ...]
    folded: tuple[str, ...]


class LabelBounds:
    """Admits label values until there is no room; shared by everything that shows calls, whatever thread asks."""

    def __init__(
        self,
        *,
        max_values: int = MAX_VALUES,
        tenant: bool = False,
        max_combinations: int = MAX_COMBINATIONS,
        max_histogram_combinations: int = MAX_HISTOGRAM_COMBINATIONS,
    ) -> None:
        self.dimensions: tuple[str, ...] = (*DIMENSIONS, TENANT) if tenant else DIMENSIONS
        self._max_values = max_values
        self.max_histogram_combinations = max_histogram_combinations
        self._admitted: dict[str, set[str]] = {dimension: set() for dimension in self.dimensions}
        self._room = _Room(max_combinations, [dimension in _KEPT for dimension in self.dimensions])
        self._lock = Lock()

    def labels(self, series: Series) -> Labels:
        """The label values of `series`, in the order of `dimensions`."""
        with self._lock:
            return self._labels(series)

    def narrowed(self, names: Sequence[str]) -> Narrowed:
        """For histograms, which have these dimensions only and a bound of their own."""
        return Narrowed(self, names, self.max_histogram_combinations)

    def _labels(self, series: Series) -> Labels:
        values: list[str] = []
        folded: list[str] = []
        for dimension, admitted in self._admitted.items():
            value: str = getattr(series, dimension)
            if dimension == "feature" and not value:
                value = UNATTRIBUTED
            if value and value != UNATTRIBUTED and value not in admitted:
                if len(admitted) < self._max_values:
                    admitted.add(value)
                else:
                    folded.append(dimension)
                    value = OTHER
            values.append(value)
        wanted = tuple(values)
        found = self._room.find(wanted)
        return Labels(found, (*folded, COMBINATIONS) if found != wanted else tuple(folded))


class Narrowed(dict["Series", tuple[str, ...]]):
    """The label values of a series, in the order of the names, for a family with fewer dimensions; used by one thread
    at a time.

    What was admitted once is for good, and so is what was not, because room is never made: so each is looked up once.
    """

    def __init__(self, bounds: LabelBounds, names: Sequence[str], most: int) -> None:
        super().__init__()
        self._bounds = bounds
        self._picked = [bounds.dimensions.index(name) for name in names]
        self._others = (OTHER,) * len(names)
        self._most = most
        self._admitted: set[tuple[str, ...]] = {self._others}

    def __missing__(self, series: Series) -> tuple[str, ...]:
        if len(self) >= _MAX_CACHED:
            self.clear()
        self[series] = found = self._find(series)
        return found

    def _find(self, series: Series) -> tuple[str, ...]:
        values = self._bounds.labels(series).values
        picked = tuple(values[index] for index in self._picked)
        if picked not in self._admitted:
            if len(self._admitted) >= self._most:
                return self._others
            self._admitted.add(picked)
        return picked


class _Room:
    """The combinations of label values that there are, `most` of them at most."""

    def __init__(self, most: int, kept: Sequence[bool]) -> None:
        self._others = (OTHER,) * len(kept)
        self._kept = kept
        self._most = most
        self._most_whole = most - max(1, most // _KEPT_SHARE)
        self._admitted: set[tuple[str, ...]] = {self._others}

    def find(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """`wanted` itself, or what it is shown as."""
        if self._admits(wanted, self._most_whole):
            return wanted
        kept = tuple(value if keep else OTHER for value, keep in zip(wanted, self._kept, strict=True))
        return kept if self._admits(kept, self._most) else self._others

    def _admits(self, values: tuple[str, ...], most: int) -> bool:
        if values not in self._admitted:
            if len(self._admitted) >= most:
                return False
            self._admitted.add(values)
        return True
