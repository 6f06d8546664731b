"""Charging kept calls again at the prices known now: what was unknown is found, what was wrong is put right.

Nothing is lost: the charge before stays as a revision, roll-ups are corrected in the same transaction, and what a
correction takes back becomes credit, because counters may never fall. A running receiver may go on writing: each
small group of calls is a transaction of its own. Its counters take the corrections up when it next starts.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.call import Reported
from spancost_collector.errors import LedgerError
from spancost_collector.ledger import kept, schema
from spancost_collector.ledger.credit import settle
from spancost_collector.ledger.documents import number, write_quantities
from spancost_collector.ledger.faults import is_damage, is_denied
from spancost_collector.ledger.interning import Interned
from spancost_collector.ledger.kept import KeptCharge
from spancost_collector.ledger.rollup import Rollup
from spancost_collector.ledger.rows import USAGE_COLUMNS, usage_of
from spancost_collector.ledger.scratch import keep_scratch_beside
from spancost_collector.price import what_is_owed
from spancost_pricing import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from spancost_collector.ledger.credit import Moves
    from spancost_collector.price import Book
    from spancost_pricing import Charge, Usage

_GROUP: Final = 500
_BUSY_SECONDS: Final = 30.0


class _Terms(NamedTuple):
    """What decides the price of a kept call, beside the book and the usage."""

    id: int
    provider: str
    model: str
    service_tier: str | None
    region: str | None
    deployment: str | None
    speed: str | None
    reported_pico: int | None
    reported_by: str | None
    cached: int
    assumed: str | None


class _Kept(NamedTuple):
    """A call as the ledger holds it."""

    terms: _Terms
    usage: Usage | None
    charge: KeptCharge


_TERMS: Final = slice(0, len(_Terms._fields))
_USAGE: Final = slice(_TERMS.stop, _TERMS.stop + len(USAGE_COLUMNS))
_CHARGE: Final = slice(_USAGE.stop, None)
_COLUMNS: Final = ", ".join((*_Terms._fields, *USAGE_COLUMNS, *KeptCharge._fields))


@dataclass(slots=True)
class Change:
    """Calls whose charge changed for the same cause."""

    cause: str
    calls: int = 0
    before_pico: int = 0
    """What was spent on them, as far as they had a price; what a subscription covers is no spend."""
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
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise _stopped(path, error) from error
    try:
        if schema.is_foreign(connection):
            raise LedgerError(f"{path}: not a ledger (it is another program's database)")
        found = schema.version(connection)
        if found != schema.VERSION:
            is_newer = found > schema.VERSION
            remedy = "Upgrade spancost" if is_newer else "Start `spancost serve` once: it migrates the file"
            raise LedgerError(f"{path}: schema version {found}, expected {schema.VERSION}. {remedy}")
        keep_scratch_beside(path, connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        return _Pass(connection, book, dry_run=dry_run).run(since_ns, until_ns, progress)
    except sqlite3.Error as error:
        raise _stopped(path, error) from error
    finally:
        connection.close()


def _stopped(path: Path, error: sqlite3.Error) -> LedgerError:
    remedy = "Run it again: what is done is not done twice"
    if is_denied(error):
        remedy = "Run it as the receiver's user, where the ledger and its folder may be written"
    elif is_damage(error):
        remedy = f"Check it with `spancost doctor --ledger {path}`"
    return LedgerError(f"{path}: repricing stopped: {error}. {remedy}")


class _Pass:
    def __init__(self, connection: sqlite3.Connection, book: Book, *, dry_run: bool) -> None:
        self._connection = connection
        self._book = book
        self._dry_run = dry_run
        self._interned = Interned(connection)
        self._changes: dict[str, Change] = {}
        self._rates: dict[int, tuple[str, tuple[str, str, tuple[str, ...]]]] = {}

    def run(self, since_ns: int, until_ns: int | None, progress: Callable[[int], None]) -> Repricing:
        examined = 0
        for group in self._groups(since_ns, until_ns):
            changed = [(call, charge) for call in group if (charge := self._charge(call)) is not None]
            for call, charge in changed:
                self._explain(call.charge, charge)
            if changed and not self._dry_run:
                self._write(changed)
            examined += len(group)
            progress(examined)
        changes = sorted(self._changes.values(), key=lambda change: -abs(change.after_pico - change.before_pico))
        return Repricing(examined, tuple(changes))

    def _groups(self, since_ns: int, until_ns: int | None) -> Iterator[list[_Kept]]:
        after = (schema.storable(since_ns - 1), 2**63 - 1)
        last = 2**63 - 1 if until_ns is None else schema.storable(until_ns - 1)
        while True:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM calls WHERE (end_ns, id) > (?, ?) AND end_ns <= ? ORDER BY end_ns, id LIMIT ?",
                (*after, last, _GROUP),
            ).fetchall()
            if not rows:
                return
            group = [_Kept(_Terms(*row[_TERMS]), usage_of(row[_USAGE]), KeptCharge(*row[_CHARGE])) for row in rows]
            yield group
            after = (group[-1].charge.end_ns, group[-1].terms.id)

    def _charge(self, call: _Kept) -> Charge | None:
        """The charge at the prices known now; None where it is the one that is kept."""
        terms, usage, before = call
        route = Route(terms.provider, terms.model, terms.service_tier, terms.region, terms.deployment, terms.speed)
        reported = None
        if terms.reported_pico is not None and terms.reported_by is not None:
            reported = Reported(terms.reported_pico, terms.reported_by)
        charge = what_is_owed(
            self._book.charge(route, usage, before.end_ns), reported, cached=bool(terms.cached), assumed=terms.assumed
        )
        same = (charge.status, charge.reason or "", charge.total_pico) == (
            before.status,
            before.reason,
            before.cost_pico,
        )
        if same and _amounts(charge) == [tuple(part[1:]) for part in json.loads(before.parts)]:
            return None
        return charge

    def _explain(self, before: KeptCharge, charge: Charge) -> None:
        if (before.status, before.reason) != (charge.status, charge.reason or ""):
            cause = f"{_state(before.status, before.reason)} -> {_state(charge.status, charge.reason or '')}"
        else:
            cause = ("imputed: " if charge.status == "imputed" else "") + self._difference(before, charge)
        change = self._changes.setdefault(cause, Change(cause))
        change.calls += 1
        change.before_pico += before.spent_pico or 0
        change.after_pico += charge.spent_pico or 0

    def _difference(self, before: KeptCharge, charge: Charge) -> str:
        """What is another price of the same call: other rates, or the same ones under other factors."""
        layers = "rate from " + ", ".join(dict.fromkeys(rate.layer for rate, _, _ in charge.items))
        then = dict(self._rate(rate_id) for rate_id, _, _ in json.loads(before.parts))
        now = {rate.unit: (rate.price_id, rate.layer, rate.multipliers) for rate, _, _ in charge.items}
        factors = dict.fromkeys(
            f"{_factors(then[unit][2])} -> {_factors(rate[2])}"
            for unit, rate in now.items()
            if unit in then and then[unit][2] != rate[2]
        )
        if not factors:
            return layers
        same_rates = {unit: rate[:2] for unit, rate in then.items()} == {unit: rate[:2] for unit, rate in now.items()}
        return ("" if same_rates else f"{layers}, ") + "factors: " + "; ".join(factors)

    def _rate(self, rate_id: int) -> tuple[str, tuple[str, str, tuple[str, ...]]]:
        """The unit of a rate that was charged, and which rate it was, from which layer, under which factors."""
        found = self._rates.get(rate_id)
        if found is None:
            query = "SELECT unit, price_id, layer, multipliers FROM rates WHERE id = ?"
            unit, price_id, layer, multipliers = self._connection.execute(query, (rate_id,)).fetchone()
            found = self._rates[rate_id] = unit, (price_id, layer, tuple(json.loads(multipliers)))
        return found

    def _write(self, changed: list[tuple[_Kept, Charge]]) -> None:
        now = time.time_ns()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            added, withdrawn = Rollup(), Rollup(takes_back=True)
            replaced: list[KeptCharge] = []
            for (terms, _, before), charge in changed:
                if not self._replace(terms.id, before, charge):
                    continue  # somebody else changed it between the reading and this transaction
                replaced.append(before)
                withdrawn.add_parts(before.summed_under, before.amounts(self._interned.unit))
                key = before.summed_under._replace(status=charge.status, reason=charge.reason or "")
                added.add(key, charge)
            kept.keep_revisions(self._connection, replaced, now)
            moves: Moves = {}
            for sums in (added, withdrawn):
                sums.write(self._connection)
                sums.count(moves)
            settle(self._connection, moves)
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._interned.forget()
            raise

    def _replace(self, charge_id: int, before: KeptCharge, charge: Charge) -> bool:
        replaced = self._connection.execute(
            "UPDATE charges SET status = ?, reason = ?, detail = ?, cost_pico = ?, computed_pico = ?, quantities = ?,"
            " parts = ?, assumptions = ?, book = ?"
            " WHERE id = ? AND start_ns = ? AND span_id = ?"
            " AND status = ? AND reason = ? AND parts = ? AND book = ?",
            (
                charge.status,
                charge.reason or "",
                charge.detail,
                charge.total_pico,
                charge.computed_pico,
                write_quantities(charge.quantities),
                self._interned.parts(charge.items),
                json.dumps(charge.assumptions),
                charge.book,
                charge_id,
                before.start_ns,
                before.span_id,
                before.status,
                before.reason,
                before.parts,
                before.book,
            ),
        )
        return replaced.rowcount == 1


def _amounts(charge: Charge) -> list[tuple[float, int]]:
    return [(number(quantity), amount) for _, quantity, amount in charge.items]


def _factors(multipliers: tuple[str, ...]) -> str:
    return ", ".join(multipliers) or "none"


def _state(status: str, reason: str) -> str:
    return f"{status} ({reason})" if reason else status
