"""A ledger of an older version becomes a current one with everything that it holds, or stays what it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spancost_collector.call import Attribution, Charged, ModelCall, Resource, series_of
from spancost_collector.errors import LedgerError
from spancost_collector.ledger.check import examine
from spancost_collector.ledger.repair import repair
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.writer import Ledger
from spancost_pricing import Charge, LineItem, Rate, Route, Usage

if TYPE_CHECKING:
    from pathlib import Path

HOUR_NS = 3_600_000_000_000
FIRST_HOUR = 498_660
"""2026-11-20T12:00:00Z."""


def charged(n: int, *, feature: str, hour: int) -> Charged:
    """$0.70 for tokens and $0.90 for a second and a half."""
    call = ModelCall(
        trace_id=n.to_bytes(16, "big"),
        span_id=n.to_bytes(8, "big"),
        start_ns=hour * HOUR_NS,
        end_ns=hour * HOUR_NS + 1,
        operation="chat",
        route=Route("acme", "one"),
        request_model="one",
        response_model="one",
        response_id=None,
        usage=Usage(input_tokens=1000),
        outcome="ok",
        attribution=Attribution(feature=feature),
        resource=Resource(service="shop"),
        dialect="otel",
    )
    items = (
        LineItem(Rate("input", Decimal(700_000_000), "acme/one:input", None, "user", "p"), 1000, 700_000_000_000),
        LineItem(
            Rate("second", Decimal(600_000_000_000), "acme/one:second", None, "user", "p"),
            Decimal("1.5"),
            900_000_000_000,
        ),
    )
    charge = Charge(
        status="priced",
        reason=None,
        total_pico=1_600_000_000_000,
        items=items,
        book="book-1",
        quantities={"input": 1000, "second": Decimal("1.5")},
    )
    return Charged(call, charge, series_of(call))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger as version 1 left it: three hours of one feature, the last of another."""
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        ledger.record([charged(n, feature="search", hour=FIRST_HOUR + n) for n in range(1, 4)])
        ledger.record([charged(4, feature="chat", hour=FIRST_HOUR + 3)])
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE totals; DROP TABLE total_parts; PRAGMA user_version = 1")
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    return found


def test_a_ledger_of_version_1_gets_its_totals_from_its_hours(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        totals = [(one.series.feature, one.calls, dict(one.parts), one.first_hour) for one in ledger.totals()]
        assert totals == [
            ("search", 3, {"input": (3000, 2_100_000_000_000), "second": (Decimal("4.5"), 2_700_000_000_000)}, 498_661),
            ("chat", 1, {"input": (1000, 700_000_000_000), "second": (Decimal("1.5"), 900_000_000_000)}, 498_663),
        ]
        ledger.record([charged(5, feature="chat", hour=FIRST_HOUR)])
        assert [(one.calls, one.first_hour) for one in ledger.totals()] == [(3, 498_661), (2, 498_660)]

    assert version(path) == 2
    assert examine(path) == (5, [])


def test_reports_of_all_time_and_of_its_hours_are_the_same_afterwards(path: Path) -> None:
    Ledger(path).close()

    with closing(LedgerReader(path)) as reader:
        rows = [(row.key, row.calls, row.input_tokens, row.cost_pico) for row in reader.report(["feature"]).rows]
        assert rows == [(("search",), 3, 3000, 4_800_000_000_000), (("chat",), 1, 1000, 1_600_000_000_000)]
        days = reader.report(["day", "feature"]).rows
        assert [(row.key[1:], row.calls, row.input_tokens, row.cost_pico) for row in days] == rows


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE total_parts (somebody TEXT)")

    with pytest.raises(LedgerError, match="cannot be opened as a ledger: table total_parts already exists"):
        Ledger(path)

    assert version(path) == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'totals'").fetchall() == []


def test_a_ledger_of_version_1_can_be_checked_and_repaired(path: Path, tmp_path: Path) -> None:
    assert examine(path) == (4, [])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE hourly SET calls = 9 WHERE series_id = 2")
    assert examine(path) == (4, ["sums: 1 rows of hourly are not what the calls add up to"])

    new = tmp_path / "new.sqlite3"
    assert repair(path, new) == (4, 0, 0, True)
    assert examine(new) == (4, [])
    with closing(LedgerReader(new)) as reader:
        assert reader.report([]).total.cost_pico == 6_400_000_000_000


def test_a_ledger_of_version_1_is_read_once_a_receiver_has_had_it(path: Path) -> None:
    with pytest.raises(LedgerError, match=r"schema version 1, expected 2\. Start `spancost serve` once: it migrates"):
        LedgerReader(path)
