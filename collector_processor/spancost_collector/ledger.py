"""Where paid calls are kept: one durable transaction per group of calls, each call once.

A call is a row only when SQLite has committed it with `synchronous=FULL`; the unique key (start time, span id) turns
any redelivery into a no-op, and `record` returns just the calls that were new, so whoever counts after it cannot
count twice. One process writes a ledger; any number read it. No prompt or completion text is ever stored.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from spancost_collector import schema
from spancost_collector.documents import write_parts, write_quantities, write_usage
from spancost_collector.errors import LedgerError, LedgerUnavailableError
from spancost_collector.interning import Interned, Series
from spancost_collector.rollup import HOUR_NS, Key, Rollup, parts_of
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from spancost_collector.call import Charged, ModelCall
    from spancost_collector.counting import Counter


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


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What repricing has lowered a counter by since the ledger began; counters go on carrying it."""

    series: Series
    counter: Counter
    label: str
    amount: int


def series_of(call: ModelCall) -> Series:
    """The roll-up key of a call."""
    who, where, route = call.attribution, call.resource, call.route
    return Series(
        who.feature or "",
        who.task or "",
        who.tenant or "",
        route.provider,
        route.model,
        where.environment or "",
        where.release or "",
        where.service or "",
    )


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
            self._connection = self._open(busy_seconds)
        except BaseException:
            self._lock.close()
            raise
        self._interned = Interned(self._connection)

    def _open(self, busy_seconds: float) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            found = schema.version(connection)
            if found > schema.VERSION:
                raise LedgerError(
                    f"{self._path}: schema version {found}; this spancost reads up to {schema.VERSION}."
                    " Upgrade spancost, or point --ledger at another file"
                )
            if found < schema.VERSION:
                schema.migrate(connection, found)
        except sqlite3.Error as error:
            connection.close()
            raise LedgerError(
                f"{self._path}: cannot be opened as a ledger ({error}). "
                "Check that it is a spancost ledger, that the disk has room and that the folder is writable"
            ) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def record(self, calls: Sequence[Charged]) -> list[Charged]:
        """Commit `calls` durably and return those that were not in the ledger yet, in order.

        Raises:
            LedgerUnavailableError: nothing of `calls` was kept (disk full, file locked or damaged).
        """
        if not calls:
            return []
        try:
            with self._transaction():
                fresh = [call for call in calls if self._insert(call)]
                self._roll_up(fresh)
        except sqlite3.Error as error:
            self._interned.forget()
            raise LedgerUnavailableError(f"{self._path}: not committed: {error}") from error
        except BaseException:
            self._interned.forget()
            raise
        return fresh

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite rolls back by itself on some errors (disk full); a second ROLLBACK then has nothing to undo.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _insert(self, charged: Charged) -> bool:
        call, charge = charged
        usage, route, rate = call.usage, call.route, self._interned.rate
        cursor = self._connection.execute(
            "INSERT INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT (start_ns, span_id) DO NOTHING",
            (
                call.start_ns,
                call.span_id,
                call.trace_id,
                call.end_ns,
                self._interned.series(series_of(call)),
                call.attribution.user,
                call.attribution.session,
                call.operation,
                call.request_model,
                call.response_model,
                call.response_id,
                route.service_tier,
                route.region,
                route.deployment,
                route.speed,
                call.dialect,
                call.outcome,
                charge.status,
                charge.reason or "",
                charge.detail,
                charge.total_pico,
                charge.computed_pico,
                None if call.reported is None else call.reported.pico,
                None if call.reported is None else call.reported.by,
                None if usage is None else usage.input_tokens,
                None if usage is None else usage.output_tokens,
                None if usage is None else write_usage(usage),
                write_quantities(charge.quantities),
                write_parts([(rate(item), item.quantity, item.amount_pico) for item in charge.items]),
                json.dumps(charge.assumptions) if charge.assumptions else "[]",
                charge.book,
            ),
        )
        return cursor.rowcount == 1

    def _roll_up(self, calls: Sequence[Charged]) -> None:
        sums = Rollup()
        for call, charge in calls:
            series_id = self._interned.series(series_of(call))
            key = Key(call.end_ns // HOUR_NS, series_id, call.outcome, charge.status, charge.reason or "")
            sums.add(key, parts_of(charge))
        sums.write(self._connection)

    def totals(self) -> Iterator[Total]:
        """Every series' totals since the ledger began, in the order in which the series first appeared."""
        yield from _totals(self._connection)

    def taken_back(self) -> Iterator[TakenBack]:
        """What repricing took out of the totals."""
        for counter, label, usd, pico, *series in self._connection.execute(
            "SELECT counter, label, usd, pico, feature, task, tenant, provider, model, environment, release, service"
            " FROM taken_back JOIN series ON series.id = series_id ORDER BY series_id, counter, label"
        ):
            yield TakenBack(Series(*series), counter, label, usd * PICO_USD + pico)

    def writable(self) -> bool:
        """Whether a commit would be accepted at this moment, found out by making one."""
        try:
            with self._transaction():
                # The value that it has: an empty transaction would not touch the disk, and a full one go unnoticed.
                self._connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        except sqlite3.Error:
            return False
        return True

    def close(self) -> None:
        """Close the file and let another receiver have it; a second call does nothing."""
        self._connection.close()
        self._lock.close()


def _totals(connection: sqlite3.Connection) -> Iterator[Total]:
    parts: dict[tuple[int, str, str, str], dict[str, tuple[Decimal | int, int]]] = defaultdict(dict)
    for series_id, outcome, status, reason, unit, quantity, usd, high, low in connection.execute(
        "SELECT series_id, outcome, status, reason, unit, SUM(quantity), SUM(usd),"
        " SUM(pico / 1000000), SUM(pico % 1000000)"
        " FROM hourly_parts GROUP BY series_id, outcome, status, reason, unit"
    ):
        pico = usd * PICO_USD + high * 1_000_000 + low
        parts[series_id, outcome, status, reason][unit] = (_quantity(quantity), pico)
    for series_id, outcome, status, reason, calls, *series in connection.execute(
        "SELECT series_id, outcome, status, reason, SUM(calls), feature, task, tenant, provider, model, environment,"
        " release, service FROM hourly JOIN series ON series.id = series_id"
        " GROUP BY series_id, outcome, status, reason ORDER BY series_id, outcome, status, reason"
    ):
        yield Total(Series(*series), outcome, status, reason, calls, parts[series_id, outcome, status, reason])


def _quantity(stored: float) -> Decimal | int:
    return stored if isinstance(stored, int) else Decimal(repr(stored))


def _lock(path: Path):
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise LedgerError(
            f"{path}: another receiver writes this ledger. Stop it, or give this one its own with --ledger"
        ) from error
    return lock
