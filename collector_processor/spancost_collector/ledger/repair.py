"""A new ledger from what can be read of a damaged one; the damaged one stays as it is.

Rows are read in the order in which they were written, around the pages that cannot be read. What is derived is made
anew: the sums from the calls, and the counters' credit so that none of them falls. A call whose series, kind or rate is
lost keeps its cost, under a name that says so.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.call import Series
from spancost_collector.ledger import schema, sums
from spancost_collector.ledger.check import check_version, readable
from spancost_collector.ledger.credit import settle
from spancost_collector.ledger.documents import read_quantities
from spancost_collector.ledger.private import create_private
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_ROWS_A_STEP: Final = 1000
_LAST_ROWID: Final = 2**62
_LOST: Final = "(lost)"


class Repaired(NamedTuple):
    """What became of the rows."""

    calls: int
    gaps: int
    """Places where rows could not be read."""
    refused: int
    """Rows that could be read and make no sense."""
    counters_restart: bool
    """The sums could not be read, so the counters start from those of the calls and may fall."""


def repair(path: Path, into: Path, progress: Callable[[int], None] = lambda _calls: None) -> Repaired:
    """Write what can be read of the ledger at `path` to a new one at `into`.

    Raises:
        ConfigError: there is no ledger at `path`, something at `into`, or nothing that can be read.
    """
    if into.exists():
        raise ConfigError(f"{into}: is there already; name a new file with --repair-into")
    source = readable(path)
    create_private(into)
    try:
        # Two connections: what one meets in the damaged file must not keep the other from committing.
        with (
            closing(sqlite3.connect(source, uri=True, isolation_level=None)) as old,
            closing(sqlite3.connect(into, isolation_level=None)) as new,
        ):
            check_version(old, schema.version(old), path)
            schema.migrate(new, 0)
            new.execute("BEGIN")
            repaired = _Copy(old, new).run(progress)
            new.execute("COMMIT")
    except BaseException as error:
        # Also when it is interrupted: what is there so far would pass for a ledger that is whole, without a call.
        into.unlink(missing_ok=True)
        if not isinstance(error, sqlite3.Error):
            raise
        raise ConfigError(f"{path}: it cannot be repaired into {into}: {error}. Restore it from a backup") from error
    return repaired


class _Copy:
    """From the damaged ledger to the new one."""

    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection) -> None:
        self._old = old
        self._new = new
        self._gaps = 0
        self._refused = 0

    def run(self, progress: Callable[[int], None]) -> Repaired:
        tables = [
            name
            for (name,) in self._new.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        for table in tables:
            if table not in sums.TABLES:
                self._copy(table)
        self._replace_lost_series()
        self._replace_lost_kinds()
        self._replace_lost_rates()
        moves = sums.add_up(self._new, progress)
        restart = False
        try:
            before = sums.counters(self._old)
        except sqlite3.DatabaseError:
            restart = True
        else:
            keys = before.keys() | moves.keys()
            settle(self._new, {key: moves.get(key, 0) - before.get(key, 0) for key in keys})
        (calls,) = self._new.execute("SELECT COUNT(*) FROM charges").fetchone()
        return Repaired(calls, self._gaps, self._refused, restart)

    def _copy(self, table: str) -> None:
        columns = [name for _, name, *_ in self._new.execute(f"PRAGMA table_info({table})")]
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({','.join('?' * len(columns))})"
        (script,) = self._new.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        read = self._all if "WITHOUT ROWID" in script else self._around_gaps
        waiting: list[tuple[object, ...]] = []
        for row in read(table, ", ".join(columns)):
            waiting.append(row)
            if len(waiting) == _ROWS_A_STEP:
                self._insert(insert, waiting)
                waiting.clear()
        self._insert(insert, waiting)

    def _insert(self, insert: str, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            self._new.execute("SAVEPOINT step")
            self._new.executemany(insert, rows)
        except sqlite3.Error:
            self._new.execute("ROLLBACK TO step")
            for row in rows:
                try:
                    self._new.execute(insert, row)
                except sqlite3.IntegrityError:
                    self._refused += 1
        self._new.execute("RELEASE step")

    def _all(self, table: str, columns: str) -> Iterator[tuple[object, ...]]:
        """Small tables: as far as they can be read."""
        try:
            yield from self._old.execute(f"SELECT {columns} FROM {table}")
        except sqlite3.DatabaseError:
            self._gaps += 1

    def _around_gaps(self, table: str, columns: str) -> Iterator[tuple[object, ...]]:
        last = 0
        while True:
            rows = f"SELECT rowid, {columns} FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid"
            try:
                for rowid, *row in self._old.execute(rows, (last,)):
                    last = rowid
                    yield tuple(row)
                return
            except sqlite3.DatabaseError:
                self._gaps += 1
            beyond = self._beyond_gap(f"{rows} LIMIT 1", last)
            if beyond is None:
                return
            last = beyond

    def _beyond_gap(self, query: str, last: int) -> int | None:
        """The smallest rowid after `last` behind which a row can be read again; None where there is none."""

        def readable(rowid: int) -> bool:
            try:
                self._old.execute(query, (rowid,)).fetchone()
            except sqlite3.DatabaseError:
                return False
            return True

        step = 1
        while not readable(last + step):
            step *= 2
            if last + step > _LAST_ROWID:
                return None
        low, high = last + step // 2, last + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if readable(middle) else (middle, high)
        return high

    def _replace_lost_series(self) -> None:
        lost = self._new.execute(
            "SELECT DISTINCT series_id FROM kinds WHERE series_id NOT IN (SELECT id FROM series)"
        ).fetchall()
        for (series_id,) in lost:
            self._insert_series(series_id, f"series {series_id}")
        self._new.execute("DELETE FROM credit WHERE series_id NOT IN (SELECT id FROM series)")

    def _replace_lost_kinds(self) -> None:
        lost = self._new.execute(
            "SELECT DISTINCT kind_id FROM charges WHERE kind_id NOT IN (SELECT id FROM kinds)"
        ).fetchall()
        for (kind_id,) in lost:
            series_id = self._insert_series(None, f"kind {kind_id}")
            made = (_LOST, *[""] * 6, _LOST, "", "", "leaf", "ok")
            self._new.execute(f"INSERT INTO kinds VALUES ({','.join('?' * 14)})", (kind_id, series_id, *made))

    def _insert_series(self, series_id: int | None, service: str) -> int | None:
        named = Series("", "", "", _LOST, _LOST, "", "", service)
        return self._new.execute("INSERT INTO series VALUES (?,?,?,?,?,?,?,?,?)", (series_id, *named)).lastrowid

    def _replace_lost_rates(self) -> None:
        """What a lost rate was a rate of, by the quantity that was charged with it."""
        lost = self._new.execute(
            "SELECT json_extract(part.value, '$[0]') AS rate_id, json_extract(part.value, '$[1]'), quantities"
            " FROM charges, json_each(charges.parts) AS part WHERE rate_id NOT IN (SELECT id FROM rates)"
            " GROUP BY rate_id"
        ).fetchall()
        for rate_id, quantity, document in lost:
            quantities = {unit: float(found) for unit, found in read_quantities(document).items()}
            unit = next((unit for unit, found in quantities.items() if found == float(quantity)), _LOST)
            values = (rate_id, unit, "0", f"{_LOST} {rate_id}", "", "", "", json.dumps([]))
            self._new.execute("INSERT INTO rates VALUES (?,?,?,?,?,?,?,?)", values)
