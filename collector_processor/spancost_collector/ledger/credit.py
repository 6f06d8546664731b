"""What the counters show beyond the ledger's sums, because a counter may never fall.

A correction that lowers a sum leaves its difference as credit of that series; whatever is added to the series next
uses the credit up before the counter moves again. A counter is thus the highest that its sum has been, and once the
credit is used up the two are equal. Kept in the same transaction as the sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from spancost_collector.metrics.counting import Counter

Moves = dict[tuple[int, "Counter", str], int]
"""(id of the series, counter, its own label) -> by how much."""


def settle(connection: sqlite3.Connection, moves: Mapping[tuple[int, Counter, str], int]) -> Moves:
    """By how much counters rise when their sums move, inside the caller's transaction."""
    (some,) = connection.execute("SELECT EXISTS (SELECT 1 FROM credit)").fetchone()
    falling = any(amount < 0 for amount in moves.values())
    if not some and not falling:
        return dict(moves)
    found = _credit(connection)
    shown: Moves = {}
    changed: Moves = {}
    for key, amount in moves.items():
        before = found.get(key, 0)
        after = max(0, before - amount)
        if after != before:
            changed[key] = after
        shown[key] = amount - before + after
    connection.executemany(
        "INSERT INTO credit VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET usd = excluded.usd, pico = excluded.pico",
        [(*key, *divmod(amount, PICO_USD)) for key, amount in changed.items() if amount],
    )
    connection.executemany(
        "DELETE FROM credit WHERE series_id = ? AND counter = ? AND label = ?",
        [key for key, amount in changed.items() if not amount],
    )
    return shown


def _credit(connection: sqlite3.Connection) -> Moves:
    rows = connection.execute("SELECT series_id, counter, label, usd, pico FROM credit")
    return {
        (series_id, cast("Counter", counter), label): usd * PICO_USD + pico
        for series_id, counter, label, usd, pico in rows
    }
