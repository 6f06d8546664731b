"""The hourly sums: what a transaction adds to them, or takes back, gathered first and written once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.documents import number
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from decimal import Decimal

    from spancost_pricing import Charge

HOUR_NS: Final = 3_600_000_000_000

Parts = dict[str, "tuple[Decimal | int, int]"]
"""Token class or unit -> (quantity, pico-USD)."""


class Key(NamedTuple):
    """What a call is added up under."""

    hour: int
    series_id: int
    outcome: str
    status: str
    reason: str


def parts_of(charge: Charge) -> Parts:
    """What was used and what it cost, by class or unit; quantities without a rate are included at 0 pico-USD."""
    pico: dict[str, int] = {}
    for item in charge.items:
        pico[item.unit] = pico.get(item.unit, 0) + item.amount_pico
    return {unit: (quantity, pico.get(unit, 0)) for unit, quantity in charge.quantities.items() if quantity}


class Rollup:
    """The changes of one transaction."""

    def __init__(self) -> None:
        self._calls: dict[Key, int] = defaultdict(int)
        self._quantities: dict[tuple[Key, str], Decimal | int] = defaultdict(int)
        self._pico: dict[tuple[Key, str], int] = defaultdict(int)

    def add(self, key: Key, parts: Mapping[str, tuple[Decimal | int, int]], *, calls: int = 1) -> None:
        """Add `calls` with these parts; -1 takes a call back."""
        self._calls[key] += calls
        for unit, (quantity, pico) in parts.items():
            self._quantities[key, unit] += calls * quantity
            self._pico[key, unit] += calls * pico

    def write(self, connection: sqlite3.Connection) -> None:
        """Apply everything inside the caller's transaction."""
        connection.executemany(
            "INSERT INTO hourly VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET calls = calls + excluded.calls",
            [(*key, calls) for key, calls in self._calls.items()],
        )
        connection.executemany(
            "INSERT INTO hourly_parts VALUES (?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity,"
            f" usd = usd + excluded.usd + (pico + excluded.pico) / {PICO_USD},"
            f" pico = (pico + excluded.pico) % {PICO_USD}",
            [
                (*key, unit, number(quantity), *divmod(self._pico[key, unit], PICO_USD))
                for (key, unit), quantity in self._quantities.items()
            ],
        )
        lowered = [key for key, calls in self._calls.items() if calls < 0]
        for table in ("hourly", "hourly_parts"):
            nothing = "calls = 0" if table == "hourly" else "quantity = 0 AND usd = 0 AND pico = 0"
            connection.executemany(
                f"DELETE FROM {table} WHERE hour = ? AND series_id = ? AND outcome = ? AND status = ? AND reason = ?"
                f" AND {nothing}",
                lowered,
            )
