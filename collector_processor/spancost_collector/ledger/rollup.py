"""The sums by hour and since the ledger began: what a transaction adds, or takes back, gathered first, written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.ledger.documents import number
from spancost_collector.metrics.counting import counted
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from decimal import Decimal

    from spancost_collector.ledger.credit import Moves
    from spancost_pricing import Charge

_CALLS: Final = "DO UPDATE SET calls = calls + excluded.calls"
_PARTS: Final = (
    "DO UPDATE SET quantity = quantity + excluded.quantity,"
    f" usd = usd + excluded.usd + (pico + excluded.pico) / {PICO_USD}, pico = (pico + excluded.pico) % {PICO_USD}"
)
_ADD_CALLS: Final = (
    f"INSERT INTO hourly (hour, series_id, outcome, status, reason, calls) VALUES (?,?,?,?,?,?) ON CONFLICT {_CALLS}",
    "INSERT INTO totals (first_hour, series_id, outcome, status, reason, calls) VALUES (?,?,?,?,?,?)"
    f" ON CONFLICT {_CALLS}, first_hour = min(first_hour, excluded.first_hour)",
)
_ADD_PARTS: Final = (
    f"INSERT INTO hourly_parts VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT {_PARTS}",
    f"INSERT INTO total_parts VALUES (?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT {_PARTS}",
)
_KEY: Final = "series_id = ?2 AND outcome = ?3 AND status = ?4 AND reason = ?5"
# Of quantities that are not whole (0.1 s and 0.2 s) something is left when all that was added is taken back.
_NOTHING: Final = "abs(quantity) < 1e-6 AND usd = 0 AND pico = 0"
_REMOVE_EMPTY: Final = (
    f"DELETE FROM hourly WHERE hour = ?1 AND {_KEY} AND calls = 0",
    f"DELETE FROM hourly_parts WHERE hour = ?1 AND {_KEY}"
    f" AND ({_NOTHING} OR NOT EXISTS (SELECT 1 FROM hourly WHERE hour = ?1 AND {_KEY}))",
    f"DELETE FROM totals WHERE {_KEY} AND calls = 0",
    f"DELETE FROM total_parts WHERE {_KEY} AND ({_NOTHING} OR NOT EXISTS (SELECT 1 FROM totals WHERE {_KEY}))",
)

Parts = dict[str, "tuple[Decimal | int, int]"]
"""Token class or unit -> (quantity, pico-USD)."""


class Key(NamedTuple):
    """What a call is added up under."""

    hour: int
    series_id: int
    outcome: str
    status: str
    reason: str


class _Sum:
    __slots__ = ("calls", "pico", "quantities")

    def __init__(self) -> None:
        self.calls = 0
        self.quantities: dict[str, Decimal | int] = {}
        self.pico: dict[str, int] = {}


class Rollup:
    """The changes of one transaction; all of them add, or all of them take back."""

    def __init__(self, *, takes_back: bool = False) -> None:
        self._sign = -1 if takes_back else 1
        self._sums: dict[tuple[int, int, str, str, str], _Sum] = {}

    def add(self, key: tuple[int, int, str, str, str], charge: Charge) -> None:
        """Count a call; what was used without a rate is included at 0 pico-USD."""
        found = self._sum(key)
        quantities, pico = found.quantities, found.pico
        for unit, quantity in charge.quantities.items():
            if quantity:
                quantities[unit] = quantities.get(unit, 0) + quantity
        for rate, _, amount in charge.items:
            unit = rate.unit
            pico[unit] = pico.get(unit, 0) + amount

    def add_parts(self, key: Key, parts: Mapping[str, tuple[Decimal | int, int]]) -> None:
        """Count a call that is known by its parts."""
        found = self._sum(key)
        for unit, (quantity, pico) in parts.items():
            found.quantities[unit] = found.quantities.get(unit, 0) + quantity
            found.pico[unit] = found.pico.get(unit, 0) + pico

    def _sum(self, key: tuple[int, int, str, str, str]) -> _Sum:
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = _Sum()
        found.calls += 1
        return found

    def count(self, moves: Moves) -> None:
        """Add to `moves` what counters move by."""
        for (_, series_id, outcome, status, reason), found in self._sums.items():
            for counter, label, amount in counted(outcome, status, reason, found.calls, _parts(found)):
                move = (series_id, counter, label)
                moves[move] = moves.get(move, 0) + self._sign * amount

    def write(self, connection: sqlite3.Connection) -> None:
        """Apply everything inside the caller's transaction."""
        sign = self._sign
        calls = [(*key, sign * found.calls) for key, found in self._sums.items()]
        parts = [
            (*key, unit, number(sign * quantity), *divmod(sign * pico, PICO_USD))
            for key, found in self._sums.items()
            for unit, (quantity, pico) in _parts(found).items()
        ]
        for statement in _ADD_CALLS:
            connection.executemany(statement, calls)
        for statement in _ADD_PARTS:
            connection.executemany(statement, parts)
        if sign < 0:
            for statement in _REMOVE_EMPTY:
                connection.executemany(statement, list(self._sums))


def _parts(found: _Sum) -> Parts:
    return {unit: (quantity, found.pico.get(unit, 0)) for unit, quantity in found.quantities.items()}
