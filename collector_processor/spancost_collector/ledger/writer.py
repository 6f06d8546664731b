"""Where paid calls are kept: one durable transaction per group of calls, each call once.

A call is a row only when SQLite has committed it with `synchronous=FULL`; the unique key (start time, span id) turns
any redelivery into a no-op, and `record` returns just the calls that were new and what their sums moved by, so whoever
counts after it cannot count twice. One process writes a ledger; any number read it. No prompt or completion text is
ever stored.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.call import Series
from spancost_collector.election.decision import Group
from spancost_collector.election.winner import merged, ranked
from spancost_collector.errors import LedgerError, LedgerUnavailableError
from spancost_collector.ledger import kept, rows, schema
from spancost_collector.ledger.credit import settle
from spancost_collector.ledger.documents import read_call, write_call
from spancost_collector.ledger.faults import is_damage, moved, told
from spancost_collector.ledger.interning import Interned
from spancost_collector.ledger.private import PRIVATE, create_private
from spancost_collector.ledger.rollup import Rollup
from spancost_collector.ledger.schema import HOUR_NS
from spancost_collector.ledger.scratch import keep_scratch_beside
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from spancost_collector.call import Charged, Key, ModelCall
    from spancost_collector.election.decision import Member
    from spancost_collector.ledger.credit import Moves
    from spancost_collector.metrics.counting import Counter

_log: Final = logging.getLogger(__name__)

_KEYS_A_QUERY: Final = 256


@dataclass(frozen=True, slots=True)
class Total:
    """What a series has added up to since the ledger began, for one outcome, status and reason."""

    series: Series
    outcome: str
    status: str
    reason: str
    calls: int
    parts: Mapping[str, tuple[Decimal | int, int]]
    """Token class or unit -> (quantity, pico-USD)."""
    first_hour: int
    """Unix hour in which the first of the calls ended."""


@dataclass(frozen=True, slots=True)
class Credit:
    """By how much a counter of a series is above its sum; see `credit`."""

    series: Series
    counter: Counter
    label: str
    amount: int


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


class Kept(NamedTuple):
    """What was described last, as far back as was asked for."""

    alone: list[ModelCall]
    """Calls with one description, oldest first."""
    groups: list[Group]
    """The others."""
    horizon: int
    """No call that began later is missing."""


class Ledger:
    """The writing end of a ledger file; at most one per file at a time."""

    def __init__(self, path: Path, *, busy_seconds: float = 5.0) -> None:
        """Open or create the ledger at `path` and bring its schema up to date.

        Raises:
            LedgerError: the file is in use by another receiver, is not a ledger, or was written by a newer spancost.
        """
        self._path = path
        self._lock = _lock(path)
        try:
            create_private(path)
            self._connection = self._open(busy_seconds)
        except BaseException:
            self._lock.close()
            raise
        self._damaged = False
        self._file = _identity(path)
        self._interned = Interned(self._connection)

    def _open(self, busy_seconds: float) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        try:
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
                if revisions:
                    self._revise(revisions, added, withdrawn)
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
        return Recorded(fresh, [Rise(named(key[0]), key[1], key[2], amount) for key, amount in rises.items()])

    def known(self, keys: Sequence[Key]) -> set[Key]:
        """Which of these descriptions the ledger has, charged or not.

        Raises:
            LedgerUnavailableError: it cannot be read.
        """
        found: set[Key] = set()
        try:
            for first in range(0, len(keys), _KEYS_A_QUERY):
                some = keys[first : first + _KEYS_A_QUERY]
                wanted = f"WITH wanted (a, b) AS (VALUES {','.join(['(?,?)'] * len(some))}) SELECT a, b FROM wanted"
                values = [value for key in some for value in key]
                for table in ("charges", "descriptions"):
                    query = f"{wanted} CROSS JOIN {table} ON start_ns = a AND span_id = b"
                    found.update(self._connection.execute(query, values).fetchall())
        except sqlite3.Error as error:
            raise self._unavailable("cannot be read", error) from error
        return found

    def recent(self, limit: int) -> Kept:
        """The last `limit` calls in order of arrival, and all whose usage is still awaited."""
        execute = self._connection.execute
        groups, described = self._groups(limit)
        alone = [
            call
            for values in execute(
                f"{rows.SELECT} WHERE id IN (SELECT id FROM charges ORDER BY id DESC LIMIT ?)"
                f" OR (id IN (SELECT id FROM charges WHERE {schema.PENDING}) AND outcome = 'ok') ORDER BY id",
                (limit,),
            )
            if (call := rows.described(values)).key not in described
        ]
        horizon = 0
        for table in ("charges", "descriptions"):
            (missing,) = execute(f"SELECT EXISTS (SELECT 1 FROM {table} LIMIT 1 OFFSET ?)", (limit,)).fetchone()
            if missing:
                (latest,) = execute(f"SELECT MAX(start_ns) FROM {table}").fetchone()
                horizon = max(horizon, latest)
        return Kept(alone, groups, horizon)

    def _groups(self, limit: int) -> tuple[list[Group], set[Key]]:
        """The groups of the last descriptions, whole, and the keys of all that have one."""
        columns = "SELECT id, document, row_start_ns, row_span_id, instead FROM descriptions"
        newest = "FROM descriptions ORDER BY id DESC LIMIT :limit"
        found = self._connection.execute(
            f"{columns} WHERE id IN (SELECT id {newest})"
            f" UNION {columns} WHERE (row_start_ns, row_span_id) IN (SELECT row_start_ns, row_span_id {newest})"
            " ORDER BY id",
            {"limit": limit},
        )
        members: dict[Key, list[ModelCall]] = defaultdict(list)
        groups: list[Group] = []
        for _, document, start_ns, span_id, instead in found:
            call = read_call(document)
            if start_ns is None:
                groups.append(Group(None, (call,), instead))
            else:
                members[start_ns, span_id].append(call)
        for best in map(ranked, members.values()):
            groups.append(Group(merged(best), tuple(best), best[0].span_id))
        return groups, {member.key for group in groups for member in group.members}

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """All or nothing of what is written in it.

        Raises:
            LedgerUnavailableError: the file was renamed, replaced or deleted. SQLite would not mind, and commit to what
                nobody finds under this path, or anywhere once it is closed.
        """
        if _identity(self._path) != self._file:
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

    def _revise(self, revisions: Sequence[Revision], added: Rollup, withdrawn: Rollup) -> None:
        connection = self._connection
        charges = kept.find(connection, [key for revision in revisions for key in revision.withdrawn])
        kept.keep_revisions(connection, charges, time.time_ns())
        for charge in charges:
            withdrawn.add_parts(charge.summed_under, charge.amounts(self._interned.unit))
        connection.executemany(
            "DELETE FROM charges WHERE start_ns = ? AND span_id = ?", [(one.start_ns, one.span_id) for one in charges]
        )
        self._insert([revision.charged for revision in revisions if revision.charged is not None], added)

    def _keep_members(self, members: Sequence[Member]) -> None:
        self._connection.executemany(
            "INSERT INTO descriptions (start_ns, span_id, row_start_ns, row_span_id, instead, document)"
            " VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET row_start_ns = excluded.row_start_ns,"
            " row_span_id = excluded.row_span_id, instead = excluded.instead",
            [(*call.key, *(row or (None, None)), instead, write_call(call)) for call, row, instead in members],
        )

    def totals(self) -> Iterator[Total]:
        """Every series' totals since the ledger began, in the order in which the series first appeared."""
        yield from _totals(self._connection)

    def credit(self) -> Iterator[Credit]:
        """By how much counters are above the totals."""
        for counter, label, usd, pico, *series in self._connection.execute(
            "SELECT counter, label, usd, pico, feature, task, tenant, provider, model, environment, release, service"
            " FROM credit JOIN series ON series.id = series_id ORDER BY series_id, counter, label"
        ):
            yield Credit(Series(*series), counter, label, usd * PICO_USD + pico)

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


def _totals(connection: sqlite3.Connection) -> Iterator[Total]:
    parts: dict[tuple[int, str, str, str], dict[str, tuple[Decimal | int, int]]] = defaultdict(dict)
    for series_id, outcome, status, reason, unit, quantity, usd, pico in connection.execute(
        "SELECT series_id, outcome, status, reason, unit, quantity, usd, pico FROM total_parts"
    ):
        parts[series_id, outcome, status, reason][unit] = (_quantity(quantity), usd * PICO_USD + pico)
    for series_id, outcome, status, reason, calls, first_hour, *series in connection.execute(
        "SELECT series_id, outcome, status, reason, calls, first_hour, feature, task, tenant, provider, model,"
        " environment, release, service FROM totals JOIN series ON series.id = series_id"
        " ORDER BY series_id, outcome, status, reason"
    ):
        unit_parts = parts[series_id, outcome, status, reason]
        yield Total(Series(*series), outcome, status, reason, calls, unit_parts, first_hour)


def _quantity(stored: float) -> Decimal | int:
    return stored if isinstance(stored, int) else Decimal(repr(stored))


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is that has this path now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _lock(path: Path):
    if path.exists() and not path.is_file():
        raise LedgerError(f"{path}: is no file that could hold a ledger. Name one with --ledger, as ledger.sqlite3")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = Path(os.path.realpath(path))
        lock = os.fdopen(os.open(file.with_name(file.name + ".lock"), os.O_WRONLY | os.O_CREAT, PRIVATE), "a")
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be opened as a ledger: {error.strerror}: {error.filename}."
            " Let the receiver write to its folder, or name another file with --ledger"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise LedgerError(
            f"{path}: another receiver writes this ledger. Stop it, or give this one its own with --ledger"
        ) from error
    if path.exists() and path.stat().st_nlink > 1:
        lock.close()
        raise LedgerError(
            f"{path}: this file has another name as well (a hard link). What is written under one of them is missing"
            " under the other, and lost when both are written. Make the other one a copy, or a symbolic link"
        )
    return lock
