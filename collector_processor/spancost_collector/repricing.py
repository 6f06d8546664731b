"""Charging kept calls again at the prices known now: what was unknown is found, what was wrong is put right.

Nothing is lost: the charge before stays as a revision, roll-ups are corrected in the same transaction, and what a
correction takes back is kept aside, because counters may never fall. A running receiver may go on writing: each
small group of calls is a transaction of its own. Its counters take the corrections up when it next starts.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from spancost_collector import schema
from spancost_collector.counting import counted
from spancost_collector.documents import number, read_quantities, read_usage, write_parts, write_quantities
from spancost_collector.errors import LedgerError
from spancost_collector.interning import Interned
from spancost_collector.rollup import HOUR_NS, Key, Rollup, parts_of
from spancost_pricing import PICO_USD, Route
from spancost_pricing.reported import as_reported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spancost_collector.price import Book
    from spancost_collector.rollup import Parts
    from spancost_pricing import Charge

_GROUP: Final = 500
_BUSY_SECONDS: Final = 30.0
_COLUMNS: Final = (
    "calls.rowid, start_ns, span_id, end_ns, series_id, outcome, provider, model, service_tier, region, deployment,"
    " speed, usage, reported_pico, reported_by, status, reason, detail, cost_pico, quantities, parts, assumptions, book"
)


class _Kept(NamedTuple):
    """A call as the ledger holds it, in the order of `_COLUMNS`."""

    rowid: int
    start_ns: int
    span_id: bytes
    end_ns: int
    series_id: int
    outcome: str
    provider: str
    model: str
    service_tier: str | None
    region: str | None
    deployment: str | None
    speed: str | None
    usage: str | None
    reported_pico: int | None
    reported_by: str | None
    status: str
    reason: str
    detail: str
    cost_pico: int | None
    quantities: str
    parts: str
    assumptions: str
    book: str


@dataclass(slots=True)
class Change:
    """Calls whose charge changed for the same cause."""

    cause: str
    calls: int = 0
    before_pico: int = 0
    """What they were charged, as far as they had a price."""
    after_pico: int = 0


@dataclass(frozen=True, slots=True)
class Repricing:
    """What a pass over the ledger did, or would do."""

    examined: int
    changes: tuple[Change, ...]
    """Largest difference first."""


def reprice(
    path: Path,
    book: Book,
    *,
    since_ns: int,
    until_ns: int | None = None,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Repricing:
    """Charge the calls that ended in [since, until) again; with `dry_run` only say what would change.

    `progress` is called with the number of calls examined so far.

    Raises:
        LedgerError: the ledger cannot be opened, or could not be written; groups before that are done.
    """
    if not path.is_file():
        raise LedgerError(f"{path}: no such ledger. Name it with --ledger or SPANCOST_LEDGER")
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        found = schema.version(connection)
        if found != schema.VERSION:
            raise LedgerError(
                f"{path}: schema version {found}, expected {schema.VERSION}."
                " Start `spancost serve` of this version once"
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return _Pass(connection, book, dry_run=dry_run).run(since_ns, until_ns, progress)
    except sqlite3.Error as error:
        raise LedgerError(
            f"{path}: repricing stopped: {error}. Run it again: what is done is not done twice"
        ) from error
    finally:
        connection.close()


class _Pass:
    def __init__(self, connection: sqlite3.Connection, book: Book, *, dry_run: bool) -> None:
        self._connection = connection
        self._book = book
        self._dry_run = dry_run
        self._interned = Interned(connection)
        self._changes: dict[str, Change] = {}

    def run(self, since_ns: int, until_ns: int | None, progress: Callable[[int], None]) -> Repricing:
        examined = 0
        for group in self._groups(since_ns, until_ns):
            changed = [(kept, charge) for kept in group if (charge := self._charge(kept)) is not None]
            for kept, charge in changed:
                self._explain(kept, charge)
            if changed and not self._dry_run:
                self._write(changed)
            examined += len(group)
            progress(examined)
        changes = sorted(self._changes.values(), key=lambda change: -abs(change.after_pico - change.before_pico))
        return Repricing(examined, tuple(changes))

    def _groups(self, since_ns: int, until_ns: int | None) -> Iterator[list[_Kept]]:
        after = (since_ns - 1, 2**63 - 1)
        last = 2**63 - 1 if until_ns is None else until_ns - 1
        while True:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM calls JOIN series ON series.id = series_id"
                " WHERE (end_ns, calls.rowid) > (?, ?) AND end_ns <= ? ORDER BY end_ns, calls.rowid LIMIT ?",
                (*after, last, _GROUP),
            ).fetchall()
            if not rows:
                return
            group = [_Kept(*row) for row in rows]
            yield group
            after = (group[-1].end_ns, group[-1].rowid)

    def _charge(self, kept: _Kept) -> Charge | None:
        """The charge at the prices known now; None where it is the one that is kept."""
        route = Route(kept.provider, kept.model, kept.service_tier, kept.region, kept.deployment, kept.speed)
        usage = None if kept.usage is None else read_usage(kept.usage)
        charge = self._book.charge(route, usage, kept.end_ns)
        if kept.reported_pico is not None and kept.reported_by is not None:
            charge = as_reported(charge, kept.reported_pico, kept.reported_by)
        same = (charge.status, charge.reason or "", charge.total_pico) == (kept.status, kept.reason, kept.cost_pico)
        if same and _amounts(charge) == [tuple(part[1:]) for part in json.loads(kept.parts)]:
            return None
        return charge

    def _explain(self, kept: _Kept, charge: Charge) -> None:
        if (kept.status, kept.reason) != (charge.status, charge.reason or ""):
            cause = f"{_state(kept.status, kept.reason)} -> {_state(charge.status, charge.reason or '')}"
        else:
            cause = "rate from " + ", ".join(dict.fromkeys(item.layer for item in charge.items))
        change = self._changes.setdefault(cause, Change(cause))
        change.calls += 1
        change.before_pico += kept.cost_pico if kept.cost_pico is not None else 0
        change.after_pico += charge.total_pico if charge.total_pico is not None else 0

    def _write(self, changed: list[tuple[_Kept, Charge]]) -> None:
        now = time.time_ns()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            sums = Rollup()
            taken_back: dict[tuple[int, str, str], int] = defaultdict(int)
            units = dict(
                cast("list[tuple[int, str]]", self._connection.execute("SELECT id, unit FROM rates").fetchall())
            )
            for kept, charge in changed:
                if not self._replace(kept, charge, now):
                    continue  # somebody else repriced it between the reading and this transaction
                hour, before, after = kept.end_ns // HOUR_NS, _parts(kept, units), parts_of(charge)
                reason = charge.reason or ""
                sums.add(Key(hour, kept.series_id, kept.outcome, kept.status, kept.reason), before, calls=-1)
                sums.add(Key(hour, kept.series_id, kept.outcome, charge.status, reason), after)
                moved: dict[tuple[str, str], int] = defaultdict(int)
                for counter, label, amount in counted(kept.outcome, kept.status, kept.reason, 1, before):
                    moved[counter, label] += amount
                for counter, label, amount in counted(kept.outcome, charge.status, reason, 1, after):
                    moved[counter, label] -= amount
                for (counter, label), lowered in moved.items():
                    taken_back[kept.series_id, counter, label] += max(0, lowered)
            sums.write(self._connection)
            self._connection.executemany(
                "INSERT INTO taken_back VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET"
                f" usd = usd + excluded.usd + (pico + excluded.pico) / {PICO_USD},"
                f" pico = (pico + excluded.pico) % {PICO_USD}",
                [(*key, *divmod(amount, PICO_USD)) for key, amount in taken_back.items() if amount],
            )
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._interned.forget()
            raise

    def _replace(self, kept: _Kept, charge: Charge, now: int) -> bool:
        parts = write_parts([(self._interned.rate(item), item.quantity, item.amount_pico) for item in charge.items])
        replaced = self._connection.execute(
            "UPDATE calls SET status = ?, reason = ?, detail = ?, cost_pico = ?, computed_pico = ?, quantities = ?,"
            " parts = ?, assumptions = ?, book = ?"
            " WHERE rowid = ? AND status = ? AND reason = ? AND parts = ? AND book = ?",
            (
                charge.status,
                charge.reason or "",
                charge.detail,
                charge.total_pico,
                charge.computed_pico,
                write_quantities(charge.quantities),
                parts,
                json.dumps(charge.assumptions),
                charge.book,
                kept.rowid,
                kept.status,
                kept.reason,
                kept.parts,
                kept.book,
            ),
        )
        if replaced.rowcount != 1:
            return False
        self._connection.execute(
            "INSERT INTO revisions VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                kept.start_ns,
                kept.span_id,
                now,
                kept.status,
                kept.reason,
                kept.detail,
                kept.cost_pico,
                kept.parts,
                kept.assumptions,
                kept.book,
            ),
        )
        return True


def _parts(kept: _Kept, units: dict[int, str]) -> Parts:
    """What the call was added to the roll-ups with."""
    pico: dict[str, int] = defaultdict(int)
    for rate_id, _, amount in json.loads(kept.parts):
        pico[units[rate_id]] += amount
    return {unit: (quantity, pico[unit]) for unit, quantity in read_quantities(kept.quantities).items() if quantity}


def _amounts(charge: Charge) -> list[tuple[float, int]]:
    return [(number(item.quantity), item.amount_pico) for item in charge.items]


def _state(status: str, reason: str) -> str:
    return f"{status} ({reason})" if reason else status
