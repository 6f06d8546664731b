"""Reading the ledger: what was spent, by any dimensions, over any span of time.

All of time comes from the totals, and whole hours from the roll-ups; the ragged hours at the ends of a range, and
dimensions that are never rolled up (user, session, …), come from the calls themselves, and so do days of a time zone
that is not whole hours away from UTC. Sums are exact integers. Calls that have no price are rows of their own with no
cost: an amount that is not known is never added up as zero. So are calls that a subscription covers: what they would
have cost is no spend.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from spancost_collector.call import UNATTRIBUTED
from spancost_collector.errors import LedgerError
from spancost_collector.ledger import local_time, schema
from spancost_collector.ledger.faults import is_denied, is_passing, told
from spancost_collector.ledger.schema import HOUR_NS
from spancost_collector.ledger.scratch import keep_scratch_beside
from spancost_pricing import PICO_USD, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

CALENDAR: Final = ("hour", "day", "month")
"""Dimensions that are times, by the clocks of the reader's time zone."""


def _said(column: str) -> str:
    """Who pays; whoever is called as those are whom nobody named is one of them, or two rows would have one name."""
    return f"coalesce(nullif({column}, '{UNATTRIBUTED}'), '')"


_ROLLED_UP: Final[Mapping[str, str]] = {
    **{name: _said(name) for name in ("feature", "task", "tenant")},
    "provider": "provider",
    "model": "model",
    "environment": "environment",
    "release": "release",
    "service": "service",
    "outcome": "outcome",
    "status": "status",
    "reason": "reason",
    **{name: f"local_{name}(t.hour * {local_time.QUARTERS_AN_HOUR})" for name in CALENDAR},
}
_PER_CALL: Final[Mapping[str, str]] = {
    **_ROLLED_UP,
    **{name: f"local_{name}(t.end_ns / {local_time.QUARTER_NS})" for name in CALENDAR},
    "user": _said("t.user"),
    "session": _said("t.session"),
    "operation": "t.operation",
    "request_model": "coalesce(t.request_model, '')",
    "service_tier": "coalesce(t.service_tier, '')",
    "region": "coalesce(t.region, '')",
    "dialect": "t.dialect",
    "repository": (
        "coalesce((SELECT substr(value, 12) FROM json_each(t.tags) WHERE value LIKE 'repository:%' LIMIT 1), '')"
    ),
    "trace": "lower(hex(t.trace_id))",
}
DIMENSIONS: Final = tuple(_PER_CALL)
"""What `--by` accepts."""
_WHO_PAYS: Final = frozenset({"feature", "task", "tenant", "user", "session"})

# A failed call for which no usage was reported consumed nothing that anyone billed; it is an error, not a hole in
# the prices. Everything else without a price is one.
_UNPRICED: Final = "(t.status IN ('unpriced', 'invalid_usage') AND NOT (t.outcome = 'error' AND t.reason = 'no_usage'))"
_SPEND, _MISSING, _COVERED = range(3)
"""What a row's figures are: what is owed, what nobody knows, and what a subscription covers."""
_KIND: Final = f"CASE WHEN t.status = 'imputed' THEN {_COVERED} WHEN {_UNPRICED} THEN {_MISSING} ELSE {_SPEND} END"
_INPUT: Final = "('input','cache_read','cache_write_5m','cache_write_1h','input_audio','input_image')"
_OUTPUT: Final = "('output','reasoning','output_audio','output_image')"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report."""

    key: tuple[str | None, ...]
    """The values of the report's dimensions; None is unset."""
    calls: int
    errors: int
    """Calls that failed; part of `calls`."""
    input_tokens: int
    output_tokens: int
    cost_pico: int | None
    """None where the calls have no price, or nobody pays for them."""
    partial_calls: int
    """Calls of which some quantity has no rate; what has one is in `cost_pico`."""
    imputed_pico: int | None = None
    """What calls would have cost that a subscription covers; None where there are none. Part of no spend."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Calls whose cost nobody knows, and why."""

    provider: str
    model: str
    reason: str
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Report:
    """Rows, dearest first, and what they add up to."""

    by: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    rows: tuple[Row, ...]
    total: Row
    """`cost_pico` is the sum of what is priced, 0 where nothing is; `unpriced` says what is missing from it."""
    unpriced: tuple[Unpriced, ...]


class LedgerReader:
    """A read-only view of a ledger, beside any receiver that writes it."""

    def __init__(self, path: Path, *, zone: tzinfo = UTC) -> None:
        """Open the ledger at `path`, for hours, days and months of `zone`.

        Raises:
            LedgerError: there is no such file, this user may not open it, or it is no ledger that this version reads.
        """
        if not path.is_file():
            raise LedgerError(
                f"{path}: no such ledger. Start `spancost serve`, or name its ledger with --ledger or SPANCOST_LEDGER"
            )
        self._zone = zone
        try:
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise _unreadable(path, error) from error
        try:
            keep_scratch_beside(path, self._connection)
            found = schema.version(self._connection)
            is_foreign = schema.is_foreign(self._connection)
        except sqlite3.Error as error:
            self._connection.close()
            raise _unreadable(path, error) from error
        if is_foreign:
            self._connection.close()
            raise LedgerError(f"{path}: not a ledger (it is another program's database)")
        if found != schema.VERSION:
            self._connection.close()
            raise LedgerError(
                f"{path}: schema version {found}, expected {schema.VERSION}."
                + (
                    " Upgrade spancost"
                    if found > schema.VERSION
                    else " Start `spancost serve` once: it migrates the file"
                )
            )
        local_time.register(self._connection, zone)

    def report(self, by: Sequence[str], *, since: datetime | None = None, until: datetime | None = None) -> Report:
        """Sum the calls that ended in [since, until) by the dimensions `by`.

        Raises:
            ConfigError: an unknown dimension, or `since` not before `until`.
        """
        _check(by, since, until)
        sums: dict[tuple[tuple[str, ...], int], list[int]] = defaultdict(lambda: [0] * 6)
        missing: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._connection.execute("BEGIN")
        try:
            for key, kind, values in self._sums(by, since, until):
                _add(sums[key, kind], values)
            for key, values in self._missing(since, until):
                _add(missing[key], values)
        finally:
            self._connection.execute("ROLLBACK")
        rows = sorted((_row(by, key, kind, v) for (key, kind), v in sums.items()), key=_dearest_first)
        total = added_up(rows)
        return Report(
            tuple(by),
            since,
            until,
            tuple(rows),
            total if total.cost_pico is not None else replace(total, cost_pico=0),
            tuple(Unpriced(*key, *values) for key, values in sorted(missing.items())),
        )

    def _sums(
        self, by: Sequence[str], since: datetime | None, until: datetime | None
    ) -> Iterator[tuple[tuple[str, ...], int, list[int]]]:
        first, last = _nanoseconds(since), _nanoseconds(until)
        low = None if first is None else -(-first // HOUR_NS)
        high = None if last is None else last // HOUR_NS
        empty = low is not None and high is not None and low >= high
        if empty or not all(name in _ROLLED_UP for name in by) or not self._hours_fit(by, low, high):
            yield from self._from_calls(by, first, last)
            return
        yield from self._from_sums(by, low, high)
        if first is not None and low is not None and first < low * HOUR_NS:
            yield from self._from_calls(by, first, schema.storable(low * HOUR_NS))
        if last is not None and high is not None and high * HOUR_NS < last:
            yield from self._from_calls(by, schema.storable(high * HOUR_NS), last)

    def _hours_fit(self, by: Sequence[str], low: int | None, high: int | None) -> bool:
        """Whether no hour of the roll-ups is in two hours of `by`."""
        if not any(name in CALENDAR for name in by):
            return True
        kept = self._connection.execute("SELECT (SELECT MIN(hour) FROM hourly), (SELECT MAX(hour) FROM hourly)")
        first, last = kept.fetchone()
        if first is None:
            return True
        first, last = max(first, first if low is None else low), min(last, last if high is None else high - 1)
        return first > last or local_time.begins_with_utc_hours(self._zone, first, last)

    def _from_sums(
        self, by: Sequence[str], low: int | None, high: int | None
    ) -> Iterator[tuple[tuple[str, ...], int, list[int]]]:
        dimensions = "".join(f"{_ROLLED_UP[name]}, " for name in by)
        groups = ", ".join(str(n + 1) for n in range(len(by) + 1))
        where, bounds = _between("t.hour", low, high)
        by_hour = where or any(name in CALENDAR for name in by)
        calls_in, parts_in = ("hourly", "hourly_parts") if by_hour else ("totals", "total_parts")
        counts = (
            f"SELECT {dimensions}{_KIND}, SUM(t.calls), SUM((t.outcome = 'error') * t.calls),"
            " 0, 0, 0, SUM((t.status = 'partial') * t.calls)"
            f" FROM {calls_in} t JOIN series ON series.id = t.series_id {where} GROUP BY {groups}"
        )
        parts = (
            f"SELECT {dimensions}{_KIND}, 0, 0,"
            f" SUM((t.unit IN {_INPUT}) * t.quantity), SUM((t.unit IN {_OUTPUT}) * t.quantity),"
            " SUM(t.usd), SUM(t.pico / 1000000), SUM(t.pico % 1000000)"
            f" FROM {parts_in} t JOIN series ON series.id = t.series_id {where} GROUP BY {groups}"
        )
        for row in self._connection.execute(counts, bounds):
            yield row[: len(by)], row[len(by)], list(row[len(by) + 1 :])
        for row in self._connection.execute(parts, bounds):
            calls, errors, tokens_in, tokens_out, usd, high_pico, low_pico = row[len(by) + 1 :]
            pico = usd * PICO_USD + high_pico * 1_000_000 + low_pico
            yield row[: len(by)], row[len(by)], [calls, errors, int(tokens_in), int(tokens_out), pico, 0]

    def _from_calls(
        self, by: Sequence[str], first: int | None, last: int | None
    ) -> Iterator[tuple[tuple[str, ...], int, list[int]]]:
        dimensions = "".join(f"{_PER_CALL[name]}, " for name in by)
        groups = ", ".join(str(n + 1) for n in range(len(by) + 1))
        where, bounds = _between("t.end_ns", first, last)
        query = (
            f"SELECT {dimensions}{_KIND}, COUNT(*), SUM(t.outcome = 'error'),"
            " SUM(max(coalesce(t.input_tokens, 0), 0)), SUM(max(coalesce(t.output_tokens, 0), 0)),"
            " SUM(t.status = 'partial'),"
            " SUM(coalesce(t.cost_pico, 0) / 1000000), SUM(coalesce(t.cost_pico, 0) % 1000000)"
            f" FROM calls t {where} GROUP BY {groups}"
        )
        for row in self._connection.execute(query, bounds):
            calls, errors, tokens_in, tokens_out, partial, high, low = row[len(by) + 1 :]
            pico = high * 1_000_000 + low
            yield row[: len(by)], row[len(by)], [calls, errors, tokens_in, tokens_out, pico, partial]

    def _missing(
        self, since: datetime | None, until: datetime | None
    ) -> Iterator[tuple[tuple[str, str, str], list[int]]]:
        """(provider, model, reason) -> [calls, tokens], for the calls without a price."""
        sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        for key, kind, values in self._sums(("provider", "model", "reason"), since, until):
            if kind == _MISSING:
                provider, model, reason = key
                _add(sums[provider, model, reason], [values[0], values[2] + values[3]])
        yield from sums.items()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _unreadable(path: Path, error: sqlite3.Error) -> LedgerError:
    if is_passing(error):
        return LedgerError(told(path, "cannot be read", error))
    if not is_denied(error):
        return LedgerError(f"{path}: not a ledger ({error})")
    return LedgerError(
        f"{path}: this user may not open it ({error}). Reading a ledger takes its {path.name}-wal and {path.name}-shm"
        " beside it, or leave to create them in its folder. Run this as the receiver's user, or copy it and those"
        " two, as far as they are there, to a folder of your own and name the copy with --ledger"
    )


def _check(by: Sequence[str], since: datetime | None, until: datetime | None) -> None:
    for name in by:
        if name not in _PER_CALL:
            near = get_close_matches(name, DIMENSIONS, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise ConfigError(f'--by: unknown dimension "{name}"{hint}; expected any of {", ".join(DIMENSIONS)}')
    if since is not None and until is not None and since >= until:
        raise ConfigError(f"--since {since.isoformat()} is not before --until {until.isoformat()}")


def _between(column: str, low: int | None, high: int | None) -> tuple[str, list[int]]:
    clauses, bounds = list[str](), list[int]()
    if low is not None:
        clauses.append(f"{column} >= ?")
        bounds.append(low)
    if high is not None:
        clauses.append(f"{column} < ?")
        bounds.append(high)
    return ("WHERE " + " AND ".join(clauses) if clauses else "", bounds)


def _nanoseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return schema.storable((delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1_000)


def _add(into: list[int], values: Sequence[int]) -> None:
    for n, value in enumerate(values):
        into[n] += value


def _row(by: Sequence[str], key: Sequence[str], kind: int, values: Sequence[int]) -> Row:
    calls, errors, tokens_in, tokens_out, pico, partial = values
    named = tuple((value or (UNATTRIBUTED if name in _WHO_PAYS else None)) for name, value in zip(by, key, strict=True))
    cost = pico if kind == _SPEND else None
    return Row(
        named, calls, errors, tokens_in, tokens_out, cost, partial, imputed_pico=pico if kind == _COVERED else None
    )


def added_up(rows: Sequence[Row]) -> Row:
    """All calls and tokens; of their cost only what is owed, None where nobody knows any of it."""
    costs = [row.cost_pico for row in rows if row.cost_pico is not None]
    imputed = [row.imputed_pico for row in rows if row.imputed_pico is not None]
    return Row(
        key=(),
        calls=sum(row.calls for row in rows),
        errors=sum(row.errors for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost_pico=sum(costs) if costs else None,
        partial_calls=sum(row.partial_calls for row in rows),
        imputed_pico=sum(imputed) if imputed else None,
    )


def _dearest_first(row: Row) -> tuple[int, int, tuple[str, ...]]:
    """Spend, then what is covered, then what nobody knows."""
    names = tuple(value or "" for value in row.key)
    if row.cost_pico is not None:
        return 0, -row.cost_pico, names
    return (2, 0, names) if row.imputed_pico is None else (1, -row.imputed_pico, names)
