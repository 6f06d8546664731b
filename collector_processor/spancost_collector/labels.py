"""Which values may become labels: a closed set of dimensions, each with a bound on its values.

The first values to appear are admitted, later ones past the bound become `__other__`. The ledger hands out its
totals in order of first appearance, so a restart admits the same values again and no series changes its name.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from spancost_collector.interning import Series

DIMENSIONS: Final = ("feature", "task", "provider", "model", "environment", "release", "service")
"""The labels of every metric about calls."""
TENANT: Final = "tenant"
"""A dimension only where the operator says that there are few of them."""
OTHER: Final = "__other__"
"""Stands for every value past the bound."""
UNATTRIBUTED: Final = "unattributed"
"""The feature of calls without one: a row of its own. Any other dimension that is not known is an empty label."""


class Labels(NamedTuple):
    """The label values of a series, and which dimensions had to be folded to get them."""

    values: tuple[str, ...]
    folded: tuple[str, ...]


class LabelBounds:
    """Admits label values until a dimension is full; shared by everything that shows calls, whatever thread asks."""

    def __init__(self, *, max_values: int, tenant: bool) -> None:
        self.dimensions: tuple[str, ...] = (*DIMENSIONS, TENANT) if tenant else DIMENSIONS
        self._max_values = max_values
        self._admitted: dict[str, set[str]] = {dimension: set() for dimension in self.dimensions}
        self._lock = Lock()

    def labels(self, series: Series) -> Labels:
        """The label values of `series`, in the order of `dimensions`."""
        with self._lock:
            return self._labels(series)

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
        return Labels(tuple(values), tuple(folded))
