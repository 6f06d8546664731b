"""Charges that the ledger has kept, for whoever has to change them: what they were added up with, and what stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.ledger.documents import read_quantities
from spancost_collector.ledger.rollup import Key
from spancost_collector.ledger.schema import HOUR_NS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from spancost_collector import call
    from spancost_collector.ledger.rollup import Parts


class KeptCharge(NamedTuple):
    """What a call was charged, as its row says; in the order of `COLUMNS`."""

    start_ns: int
    span_id: bytes
    end_ns: int
    series_id: int
    outcome: str
    status: str
    reason: str
    detail: str
    cost_pico: int | None
    quantities: str
    parts: str
    assumptions: str
    book: str
    user: str | None
    tenant: str

    @property
    def spent_pico(self) -> int | None:
        """What somebody pays of it: as `Charge.spent_pico`."""
        return None if self.status == "imputed" else self.cost_pico

    @property
    def summed_under(self) -> Key:
        """What it was added up under."""
        return Key(self.end_ns // HOUR_NS, self.series_id, self.outcome, self.status, self.reason)

    def amounts(self, unit_of: Callable[[int], str]) -> Parts:
        """What it was added up with; `unit_of` is that of a rate."""
        pico: dict[str, int] = {}
        for rate_id, _, amount in json.loads(self.parts):
            unit = unit_of(rate_id)
            pico[unit] = pico.get(unit, 0) + amount
        quantities = read_quantities(self.quantities).items()
        return {unit: (quantity, pico.get(unit, 0)) for unit, quantity in quantities if quantity}


COLUMNS: Final = ", ".join(KeptCharge._fields)


def find(connection: sqlite3.Connection, keys: Iterable[call.Key]) -> list[KeptCharge]:
    """The charges under these keys, as far as there are any."""
    found: list[KeptCharge] = []
    for key in keys:
        rows = connection.execute(f"SELECT {COLUMNS} FROM calls WHERE start_ns = ? AND span_id = ?", key)
        found += [KeptCharge(*values) for values in rows]
    return found


def keep_revisions(connection: sqlite3.Connection, charges: Iterable[KeptCharge], revised_ns: int) -> None:
    """Put what will be changed on record, inside the caller's transaction."""
    connection.executemany(
        "INSERT INTO revisions VALUES (?,?,?,?,?,?,?,?,?,?)",
        [
            (
                kept.start_ns,
                kept.span_id,
                revised_ns,
                kept.status,
                kept.reason,
                kept.detail,
                kept.cost_pico,
                kept.parts,
                kept.assumptions,
                kept.book,
            )
            for kept in charges
        ],
    )
