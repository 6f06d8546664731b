"""A ledger's calls added up anew, to hold against the sums that it keeps, or to take their place."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from spancost_collector.ledger import schema
from spancost_collector.ledger.kept import COLUMNS, KeptCharge
from spancost_collector.ledger.rollup import Rollup
from spancost_collector.metrics.counting import counted
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_collector.ledger.credit import Moves
    from spancost_collector.ledger.rollup import Parts

_CALLS_A_STEP: Final = 20_000
_LOST_UNIT: Final = "lost"
"""Of a rate that the ledger does not have: such a call's amounts cannot be right, and show as a difference."""

_KEY: Final = "series_id, outcome, status, reason"
# Quantities that are not whole were added in another order: those of an hour differ little, those of years by more.
_OF_AN_HOUR: Final = "CASE typeof(quantity) WHEN 'real' THEN ROUND(quantity, 6) ELSE quantity END"
# One that was not whole may be kept as 1.0 once a part of it was taken back, and add up to 1.
_OF_ALL_TIME: Final = "CASE WHEN unit <> 'second' AND typeof(quantity) = 'integer' THEN quantity END"
_SUMS: Final = {
    "hourly": (f"hour, {_KEY}", "calls"),
    "hourly_parts": (f"hour, {_KEY}, unit", f"{_OF_AN_HOUR}, usd, pico"),
    "totals": (_KEY, "calls"),
    "total_parts": (f"{_KEY}, unit", f"{_OF_ALL_TIME}, usd, pico"),
}
"""Table -> what a sum is found by, and what is compared of it."""
TABLES: Final = tuple(_SUMS)


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of sums in the main database, which has no others: a ledger is attached to it."""
    with closing(sqlite3.connect(":memory:")) as current:
        schema.migrate(current, 0)
        for table in TABLES:
            (script,) = current.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            connection.execute(script)


def add_up(connection: sqlite3.Connection, progress: Callable[[int], None]) -> Moves:
    """Write the sums of all calls to the main database; what their counters come to. `progress` gets the calls so far.

    The calls may be in an attached database, where the main one has none.
    """
    units: dict[int, str] = dict(connection.execute("SELECT id, unit FROM rates"))
    rows = connection.execute(f"SELECT {COLUMNS} FROM calls")
    moves: Moves = {}
    done = 0
    while some := rows.fetchmany(_CALLS_A_STEP):
        sums = Rollup()
        for row in some:
            call = KeptCharge(*row)
            sums.add_parts(call.summed_under, call.amounts(lambda rate_id: units.get(rate_id, _LOST_UNIT)))
        sums.write(connection)
        sums.count(moves)
        done += len(some)
        progress(done)
    return moves


def counters(connection: sqlite3.Connection) -> Moves:
    """What the counters of a ledger come to by the sums that it keeps."""
    parts: dict[tuple[int, str, str, str], Parts] = {}
    for *key, unit, quantity, usd, pico in connection.execute(
        f"SELECT {_KEY}, unit, quantity, usd, pico FROM total_parts"
    ):
        series_id, outcome, status, reason = key
        parts.setdefault((series_id, outcome, status, reason), {})[unit] = (quantity, usd * PICO_USD + pico)
    moves: Moves = {}
    for series_id, outcome, status, reason, calls in connection.execute(f"SELECT {_KEY}, calls FROM totals"):
        found = parts.get((series_id, outcome, status, reason), {})
        for counter, label, amount in counted(outcome, status, reason, calls, found):
            moves[series_id, counter, label] = moves.get((series_id, counter, label), 0) + amount
    return moves


def differing(connection: sqlite3.Connection) -> dict[str, int]:
    """By table, how many sums of main are not those of the ledger attached as `old`, or are only in one of the two.

    Tables that a ledger of an older version does not have are left out.
    """
    kept = {name for (name,) in connection.execute("SELECT name FROM old.sqlite_master")}
    found: dict[str, int] = {}
    for table, (key, amounts) in _SUMS.items():
        if table not in kept:
            continue
        ours, theirs = (f"SELECT {key}, {amounts} FROM {ledger}.{table}" for ledger in ("main", "old"))
        (found[table],) = connection.execute(
            f"SELECT COUNT(*) FROM (SELECT DISTINCT {key} FROM"
            f" (SELECT * FROM ({ours} EXCEPT {theirs}) UNION ALL SELECT * FROM ({theirs} EXCEPT {ours})))"
        ).fetchone()
    return found
