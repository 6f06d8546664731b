"""What a ledger tells whoever goes on with it: the calls it has, what was described last, what counters stand at."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.call import Series
from spancost_collector.election.decision import Group
from spancost_collector.election.winner import merged, ranked
from spancost_collector.ledger import rows, schema
from spancost_collector.ledger.documents import read_call
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from spancost_collector.call import Key, ModelCall
    from spancost_collector.metrics.counting import Counter

_KEYS_A_QUERY: Final = 256


@dataclass(frozen=True, slots=True)
class Total:
    """What a series has added up to since the ledger began, for one outcome, status and reason."""

    series_id: int
    """Series that appeared earlier have smaller ones."""
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

    series_id: int
    series: Series
    counter: Counter
    label: str
    amount: int


class Kept(NamedTuple):
    """What was described last, as far back as was asked for."""

    alone: list[ModelCall]
    """Calls with one description, oldest first."""
    groups: list[Group]
    """The others."""
    horizon: int
    """No call that began later is missing."""


def known(connection: sqlite3.Connection, keys: Sequence[Key]) -> set[Key]:
    """Which of these descriptions the ledger has, charged or not."""
    found: set[Key] = set()
    for first in range(0, len(keys), _KEYS_A_QUERY):
        some = keys[first : first + _KEYS_A_QUERY]
        wanted = f"WITH wanted (a, b) AS (VALUES {','.join(['(?,?)'] * len(some))}) SELECT a, b FROM wanted"
        values = [value for key in some for value in key]
        for table in ("charges", "descriptions"):
            query = f"{wanted} CROSS JOIN {table} ON start_ns = a AND span_id = b"
            found.update(connection.execute(query, values).fetchall())
    return found


def recent(connection: sqlite3.Connection, limit: int) -> Kept:
    """The last `limit` calls in order of arrival, and all whose usage is still awaited."""
    execute = connection.execute
    groups, described = _groups(connection, limit)
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


def _groups(connection: sqlite3.Connection, limit: int) -> tuple[list[Group], set[Key]]:
    """The groups of the last descriptions, whole, and the keys of all that have one."""
    columns = "SELECT id, document, row_start_ns, row_span_id, instead FROM descriptions"
    newest = "FROM descriptions ORDER BY id DESC LIMIT :limit"
    found = connection.execute(
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


def totals(connection: sqlite3.Connection) -> Iterator[Total]:
    """Every series' totals since the ledger began, in the order in which the series first appeared."""
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
        yield Total(series_id, Series(*series), outcome, status, reason, calls, unit_parts, first_hour)


def credit(connection: sqlite3.Connection) -> Iterator[Credit]:
    """By how much counters are above the totals."""
    for series_id, counter, label, usd, pico, *series in connection.execute(
        "SELECT series_id, counter, label, usd, pico, feature, task, tenant, provider, model, environment, release,"
        " service FROM credit JOIN series ON series.id = series_id ORDER BY series_id, counter, label"
    ):
        yield Credit(series_id, Series(*series), counter, label, usd * PICO_USD + pico)


def _quantity(stored: float) -> Decimal | int:
    return stored if isinstance(stored, int) else Decimal(repr(stored))
