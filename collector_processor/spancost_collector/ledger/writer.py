"""Where paid calls are kept: one durable transaction per group of calls, each call once.

A call is a row only when SQLite has committed it with `synchronous=FULL`; the unique key (start time, span id) turns
any redelivery into a no-op, and `record` returns just the calls that were new and what their sums moved by, so whoever
counts after it cannot count twice. One process writes a ledger; any number read it. No prompt or completion text is
ever stored.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.errors import LedgerError, LedgerUnavailableError
from spancost_collector.ledger import kept, one_writer, recall, rows, schema
from spancost_collector.ledger.credit import settle
from spancost_collector.ledger.documents import write_call
from spancost_collector.ledger.faults import is_damage, moved, told
from spancost_collector.ledger.interning import Interned
from spancost_collector.ledger.private import create_private
from spancost_collector.ledger.rollup import Rollup
from spancost_collector.ledger.schema import HOUR_NS
from spancost_collector.ledger.scratch import keep_scratch_beside

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from spancost_collector.call import Charged, Key, Series
    from spancost_collector.election.decision import Member
    from spancost_collector.ledger.credit import Moves
    from spancost_collector.ledger.kept import KeptCharge
    from spancost_collector.ledger.recall import Credit, Kept, Total
    from spancost_collector.metrics.counting import Counter

_log: Final = logging.getLogger(__name__)


class Rise(NamedTuple):
    """By how much a counter of a series goes up."""

    series: Series
    counter: Counter
    label: str
    amount: int


class Revision(NamedTuple):
    """Rows that no longer hold, and what takes their place."""

    withdrawn: Sequence[Key]
    charged: Charged | None


class Recorded(NamedTuple):
    """What a commit changed."""

    fresh: list[Charged]
    """The calls that the ledger did not have."""
    rises: list[Rise]
    withdrawn: Sequence[KeptCharge] = ()
    """What no longer holds."""
    replaced: Sequence[Charged] = ()
    """What took its place."""


class Ledger:
    """The writing end of a ledger file; at most one per file at a time."""

    def __init__(self, path: Path, *, busy_seconds: float = 5.0) -> None:
        """Open or create the ledger at `path` and bring its schema up to date.

        Raises:
            LedgerError: the file is in use by another receiver, is not a ledger, or was written by a newer spancost.
        """
        self._path = path
        self._lock = one_writer.take(path)
        try:
            create_private(path)
            self._connection = self._open(busy_seconds)
        except BaseException:
            self._lock.close()
            raise
        self._damaged = False
        self._file = one_writer.identity(path)
        self._interned = Interned(self._connection)

    def _open(self, busy_seconds: float) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            if schema.is_foreign(connection):
                raise LedgerError(f"{self._path}: is another program's database. Point --ledger at another file")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            keep_scratch_beside(self._path, connection)
            found = schema.version(connection)
            if found > schema.VERSION:
                raise LedgerError(
                    f"{self._path}: schema version {found}; this spancost reads up to {schema.VERSION}."
                    " Upgrade spancost, or point --ledger at another file"
                )
            if found < schema.VERSION:
                if found:
                    _log.info(
                        "ledger %s: from schema version %d to %d, which may take a minute",
                        self._path,
                        found,
                        schema.VERSION,
                    )
                schema.migrate(connection, found)
        except sqlite3.Error as error:
            connection.close()
            raise LedgerError(told(self._path, "cannot be opened as a ledger", error)) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def record(
        self, calls: Sequence[Charged], revisions: Sequence[Revision] = (), members: Sequence[Member] = ()
    ) -> Recorded:
        """Commit `calls`, and what they change about earlier ones, durably and together.

        Raises:
            LedgerUnavailableError: nothing of it was kept (disk full; file locked, damaged, or no longer at its path).
        """
        if not calls and not revisions and not members:
            return Recorded([], [])
        try:
            with self._transaction():
                added, withdrawn = Rollup(), Rollup(takes_back=True)
                fresh = self._insert(calls, added)
                revised = self._revise(revisions, added, withdrawn) if revisions else ((), ())
                if members:
                    self._keep_members(members)
                moves: Moves = {}
                for sums in (added, withdrawn):
                    sums.write(self._connection)
                    sums.count(moves)
                rises = settle(self._connection, moves)
        except sqlite3.Error as error:
            self._interned.forget()
            raise self._unavailable("not committed", error) from error
        except BaseException:
            self._interned.forget()
            raise
        named = self._interned.named
        return Recorded(fresh, [Rise(named(key[0]), key[1], key[2], amount) for key, amount in rises.items()], *revised)

    def known(self, keys: Sequence[Key]) -> set[Key]:
        """Which of these descriptions the ledger has, charged or not.

        Raises:
            LedgerUnavailableError: it cannot be read.
        """
        try:
            return recall.known(self._connection, keys)
        except sqlite3.Error as error:
            raise self._unavailable("cannot be read", error) from error

    def recent(self, limit: int) -> Kept:
        """The last `limit` calls in order of arrival, and all whose usage is still awaited."""
        return recall.recent(self._connection, limit)

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """All or nothing of what is written in it.

        Raises:
            LedgerUnavailableError: the file was renamed, replaced or deleted. SQLite would not mind, and commit to what
                nobody finds under this path, or anywhere once it is closed.
        """
        if one_writer.identity(self._path) != self._file:
            raise LedgerUnavailableError(moved(self._path))
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite rolls back by itself on some errors (disk full); a second ROLLBACK then has nothing to undo.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _insert(self, calls: Sequence[Charged], sums: Rollup) -> list[Charged]:
        """Add the calls that are not there yet, and to the sums; those calls."""
        connection, interned = self._connection, self._interned
        kinds = [interned.kind(call, series) for call, _, series in calls]
        (last,) = connection.execute("SELECT MAX(id) FROM charges").fetchone()
        made = [rows.row(charged, kind.id, interned) for charged, kind in zip(calls, kinds, strict=True)]
        inserted = sum(connection.executemany(rows.INSERT[width], some).rowcount for width, some in groupby(made, len))
        new: set[Key] | None = None
        if inserted != len(calls):
            found = connection.execute("SELECT start_ns, span_id FROM charges WHERE id > ?", (last or 0,))
            new = set(found.fetchall())
        fresh: list[Charged] = []
        for charged, (_, series_id) in zip(calls, kinds, strict=True):
            call, charge, _ = charged
            if new is not None:
                if call.key not in new:
                    continue
                new.discard(call.key)
            fresh.append(charged)
            sums.add((call.end_ns // HOUR_NS, series_id, call.outcome, charge.status, charge.reason or ""), charge)
        return fresh

    def _revise(
        self, revisions: Sequence[Revision], added: Rollup, withdrawn: Rollup
    ) -> tuple[list[KeptCharge], list[Charged]]:
        """Take back what no longer holds, and add what takes its place; both."""
        connection = self._connection
        charges = kept.find(connection, [key for revision in revisions for key in revision.withdrawn])
        kept.keep_revisions(connection, charges, time.time_ns())
        for charge in charges:
            withdrawn.add_parts(charge.summed_under, charge.amounts(self._interned.unit))
        connection.executemany(
            "DELETE FROM charges WHERE start_ns = ? AND span_id = ?", [(one.start_ns, one.span_id) for one in charges]
        )
        return charges, self._insert([one.charged for one in revisions if one.charged is not None], added)

    def _keep_members(self, members: Sequence[Member]) -> None:
        self._connection.executemany(
            "INSERT INTO descriptions (start_ns, span_id, row_start_ns, row_span_id, instead, document)"
            " VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET row_start_ns = excluded.row_start_ns,"
            " row_span_id = excluded.row_span_id, instead = excluded.instead",
            [(*call.key, *(row or (None, None)), instead, write_call(call)) for call, row, instead in members],
        )

    def totals(self) -> Iterator[Total]:
        """Every series' totals since the ledger began, in the order in which the series first appeared."""
        return recall.totals(self._connection)

    def credit(self) -> Iterator[Credit]:
        """By how much counters are above the totals."""
        return recall.credit(self._connection)

    def writable(self) -> bool:
        """Whether a commit would be accepted at this moment, found out by making one; never once damage was met."""
        if self._damaged:
            return False
        try:
            with self._transaction():
                # The value that it has: an empty transaction would not touch the disk, and a full one go unnoticed.
                self._connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        except LedgerUnavailableError:
            return False
        except sqlite3.Error as error:
            self._damaged = is_damage(error)
            return False
        return True

    def _unavailable(self, what: str, error: sqlite3.Error) -> LedgerUnavailableError:
        self._damaged = self._damaged or is_damage(error)
        return LedgerUnavailableError(told(self._path, what, error))

    def close(self) -> None:
        """Close the file and let another receiver have it; a second call does nothing."""
        self._connection.close()
        self._lock.close()
