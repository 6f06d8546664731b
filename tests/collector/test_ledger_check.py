"""What is wrong with a ledger is found, and what can be read of it makes a new one; the old one is never touched."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from spancost_collector.call import Attribution, Charged, ModelCall, Resource, series_of
from spancost_collector.cli import app
from spancost_collector.ledger.check import examine
from spancost_collector.ledger.repair import repair
from spancost_collector.ledger.writer import Ledger, Revision
from spancost_pricing import Charge, ConfigError, LineItem, Rate, Route, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spancost_pricing import TokenClass

HOUR_NS = 3_600_000_000_000
NOON = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z
CALLS = 3000
PAGE = 4096


def line(unit: TokenClass, quantity: int, rate_pico: int) -> LineItem:
    rate = Rate(unit, Decimal(rate_pico), f"acme/one:{unit}", None, "user", "prices.yaml")
    return LineItem(rate, quantity, quantity * rate_pico)


def charged(n: int) -> Charged:
    """1000 tokens at 2 and 10 at 8 micro-USD: 2,080 micro-USD. A hundred calls an hour, of two features."""
    call = ModelCall(
        trace_id=n.to_bytes(16, "big"),
        span_id=n.to_bytes(8, "big"),
        start_ns=NOON + n // 100 * HOUR_NS,
        end_ns=NOON + n // 100 * HOUR_NS + 1_000_000,
        operation="chat",
        route=Route("acme", "one"),
        request_model="one",
        response_model="one",
        response_id=f"response-{n}",
        usage=Usage(input_tokens=1000, output_tokens=10),
        outcome="ok",
        attribution=Attribution(feature=f"feature {n % 2}", user="u" * 200),
        resource=Resource(service="shop"),
        dialect="otel",
    )
    items = (line("input", 1000, 2_000_000), line("output", 10, 8_000_000))
    charge = Charge(
        status="priced",
        reason=None,
        total_pico=2_080_000_000,
        items=items,
        book="book-1",
        quantities={"input": 1000, "output": 10},
    )
    return Charged(call, charge, series_of(call))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed ledger of all calls, of which each test has a copy."""
    path = tmp_path_factory.mktemp("whole") / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        for first in range(0, CALLS, 500):
            ledger.record([charged(n) for n in range(first, first + 500)])
    assert not path.with_name("ledger.sqlite3-wal").exists(), "not all of it is in the one file"
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite3"
    shutil.copyfile(whole, path)
    return path


@pytest.fixture
def edit(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else's hand in the ledger."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def scribble(path: Path, table: str, pages: int) -> None:
    """Overwrite some leaf pages from the middle of a table, as a failing disk would."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path"
        leaves = [number for (number,) in connection.execute(query, (table,))]
    middle = len(leaves) // 2
    with path.open("r+b") as file:
        for number in leaves[middle : middle + pages]:
            file.seek((number - 1) * PAGE)
            file.write(b"\xa5" * PAGE)


def spent(path: Path) -> tuple[int, int]:
    """Calls and micro-USD, by the sums that reports read."""
    with closing(sqlite3.connect(path)) as connection:
        (calls,) = connection.execute("SELECT SUM(calls) FROM hourly").fetchone()
        (micro,) = connection.execute("SELECT SUM(usd * 1000000 + pico / 1000000) FROM hourly_parts").fetchone()
    return calls, micro


def test_a_ledger_that_is_whole_has_no_problems_and_every_call_was_added_up(path: Path) -> None:
    seen: list[int] = []
    assert examine(path, seen.append) == (3000, [])
    assert seen[-1] == 3000


def test_a_ledger_in_use_can_be_examined(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        ledger.record([charged(CALLS)])
        assert examine(path) == (3001, [])


def test_sums_that_are_not_those_of_the_calls_are_found_and_made_anew(
    path: Path, edit: sqlite3.Connection, tmp_path: Path
) -> None:
    edit.execute(
        "UPDATE hourly_parts SET pico = pico + 1 WHERE unit = 'output' AND hour = (SELECT MIN(hour) FROM hourly)"
    )
    edit.execute("DELETE FROM hourly WHERE hour = (SELECT MAX(hour) FROM hourly)")

    assert examine(path).problems == [
        "sums: 2 rows of hourly are not what the calls add up to",
        "sums: 2 rows of hourly_parts are not what the calls add up to",
    ]
    new = tmp_path / "new.sqlite3"
    assert repair(path, new) == (3000, 0, 0, False)
    assert examine(new) == (3000, [])
    assert spent(new) == (3000, 6_240_000)  # 3000 x 2,080 micro-USD


@pytest.mark.parametrize("seconds", [("0.1", "0.2", "0.3"), ("0.5", "1", "2")])
def test_seconds_that_are_taken_back_one_by_one_leave_nothing_behind(tmp_path: Path, seconds: tuple[str, ...]) -> None:
    path = tmp_path / "heard.sqlite3"
    plain = [charged(2 * n) for n in range(len(seconds))]
    problems: list[list[str]] = []
    with closing(Ledger(path)) as ledger:
        for one, second in zip(plain, seconds, strict=True):
            quantities = {**one.charge.quantities, "second": Decimal(second)}
            ledger.record([one._replace(charge=one.charge._replace(quantities=quantities))])
        for one in plain:
            ledger.record([], [Revision([one.call.key], one)])
            problems.append(examine(path).problems)
    assert problems == [[], [], []]

    with closing(sqlite3.connect(path)) as kept:
        query = "SELECT DISTINCT unit FROM {} ORDER BY unit"
        units = [kept.execute(query.format(table)).fetchall() for table in ("hourly_parts", "total_parts")]
    assert units == [[("input",), ("output",)], [("input",), ("output",)]]


def test_references_to_nothing_are_found_and_such_calls_keep_their_cost(
    path: Path, edit: sqlite3.Connection, tmp_path: Path
) -> None:
    edit.execute("PRAGMA foreign_keys = OFF")
    edit.execute("DELETE FROM series WHERE feature = 'feature 1'")
    edit.execute("DELETE FROM rates WHERE unit = 'output'")

    problems = examine(path).problems

    assert "references: 1 rows of kinds belong to series that are not there" in problems
    assert "references: 3000 calls were charged by rates that are not there" in problems
    new = tmp_path / "new.sqlite3"
    repair(path, new)
    assert examine(new) == (3000, [])
    assert spent(new) == (3000, 6_240_000)
    with closing(sqlite3.connect(new)) as connection:
        assert connection.execute("SELECT unit, source FROM rates ORDER BY id").fetchall() == [
            ("input", "prices.yaml"),
            ("output", ""),
        ]
        assert connection.execute("SELECT feature, model FROM series ORDER BY id").fetchall() == [
            ("feature 0", "one"),
            ("", "(lost)"),
        ]


def test_calls_whose_kind_is_lost_keep_their_cost(path: Path, edit: sqlite3.Connection, tmp_path: Path) -> None:
    edit.execute("PRAGMA foreign_keys = OFF")
    edit.execute("DELETE FROM kinds WHERE id = 2")

    assert "references: 1500 rows of charges belong to kinds that are not there" in examine(path).problems
    new = tmp_path / "new.sqlite3"
    repair(path, new)
    assert examine(new) == (3000, [])
    assert spent(new) == (3000, 6_240_000)
    with closing(sqlite3.connect(new)) as connection:
        assert connection.execute(
            "SELECT provider, model, service, operation, outcome, COUNT(*) FROM calls GROUP BY kind_id ORDER BY 1"
        ).fetchall() == [
            ("(lost)", "(lost)", "kind 2", "(lost)", "ok", 1500),
            ("acme", "one", "shop", "chat", "ok", 1500),
        ]


def test_what_lies_around_damaged_pages_is_kept_and_the_damaged_file_stays_as_it_is(path: Path, tmp_path: Path) -> None:
    scribble(path, "charges", 3)
    before = hashlib.sha256(path.read_bytes()).digest()

    found = examine(path)
    new = tmp_path / "new.sqlite3"
    repaired = repair(path, new)

    assert "file: not all of table charges can be read" in found.problems
    assert [problem for problem in found.problems if "\n" in problem or "***" in problem] == []
    assert hashlib.sha256(path.read_bytes()).digest() == before
    with closing(sqlite3.connect(new)) as connection:
        kept = {int.from_bytes(span_id, "big") for (span_id,) in connection.execute("SELECT span_id FROM calls")}
    lost = set(range(CALLS)) - kept
    assert (repaired.calls, repaired.gaps, repaired.refused) == (len(kept), 1, 0)
    assert 3 <= len(lost) <= 60  # three pages of some 600 bytes a row
    assert max(lost) - min(lost) == len(lost) - 1
    assert examine(new) == (len(kept), [])


def test_counters_do_not_fall_when_calls_are_lost(path: Path, tmp_path: Path) -> None:
    scribble(path, "charges", 3)
    new = tmp_path / "new.sqlite3"
    lost = CALLS - repair(path, new).calls

    with closing(Ledger(new)) as ledger:
        calls = sum(total.calls for total in ledger.totals())
        credit = sum(one.amount for one in ledger.credit() if one.counter == "calls")
        cost = sum(one.amount for one in ledger.credit() if one.counter == "cost")
    assert (calls, credit, cost) == (CALLS - lost, lost, lost * 2_080_000_000)


@pytest.mark.parametrize(("table", "counters_restart"), [("hourly_parts", False), ("total_parts", True)])
def test_sums_that_cannot_be_read_are_made_of_the_calls(
    table: str, counters_restart: bool, path: Path, tmp_path: Path
) -> None:
    scribble(path, table, 1)
    new = tmp_path / "new.sqlite3"

    assert repair(path, new) == (3000, 0, 0, counters_restart)
    assert spent(new) == (3000, 6_240_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a database" * 1000, "file is not a database"),
        (b"", "schema version 0; this spancost checks version 2"),
    ],
    ids=["garbage", "empty"],
)
def test_what_is_no_ledger_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other.sqlite3"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        examine(path)


def test_a_file_of_which_nothing_can_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    path, new = tmp_path / "other.sqlite3", tmp_path / "new.sqlite3"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(ConfigError, match="file is not a database"):
        repair(path, new)
    assert not new.exists()


def test_an_interrupted_repair_leaves_no_empty_ledger_behind(path: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.sqlite3"

    def interrupt(_calls: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repair(path, new, interrupt)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("new")] == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "PRAGMA user_version = 3",
            "{path}: schema version 3; this spancost checks version 2. Upgrade spancost",
        ),
        (
            "PRAGMA user_version = 0",
            "{path}: schema version 0; this spancost checks version 2."
            " A receiver that is started on an older ledger brings it up to date",
        ),
        (
            "ALTER TABLE charges RENAME TO paid",
            "{path}: has no table charges: it is another program's, or of a spancost before the first release."
            " Name a ledger with --ledger; the receiver begins a new one where there is none",
        ),
    ],
    ids=["newer", "older", "other tables"],
)
def test_whole_files_that_this_code_does_not_know_are_neither_damaged_nor_repaired(
    path: Path, edit: sqlite3.Connection, tmp_path: Path, statement: str, message: str
) -> None:
    edit.execute(statement)
    new = tmp_path / "new.sqlite3"
    with pytest.raises(ConfigError) as examined:
        examine(path)
    with pytest.raises(ConfigError) as repaired:
        repair(path, new)
    assert (str(examined.value), str(repaired.value)) == (message.format(path=path),) * 2
    assert not new.exists()


def test_nothing_is_ever_overwritten(path: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.sqlite3"
    new.write_text("mine")
    with pytest.raises(ConfigError, match=r"new\.sqlite3: is there already"):
        repair(path, new)
    with pytest.raises(ConfigError, match=r"missing\.sqlite3: there is no such ledger"):
        examine(tmp_path / "missing.sqlite3")
    assert new.read_text() == "mine"


def test_the_command_says_what_is_wrong_what_to_do_and_what_it_did(
    path: Path, edit: sqlite3.Connection, tmp_path: Path
) -> None:
    doctor = ["doctor", "--ledger", str(path)]
    whole = CliRunner().invoke(app, doctor)
    edit.execute("UPDATE hourly SET calls = calls + 1 WHERE hour = (SELECT MIN(hour) FROM hourly)")
    wrong = CliRunner().invoke(app, doctor)
    new = tmp_path / "new.sqlite3"
    repaired = CliRunner().invoke(app, [*doctor, "--repair-into", str(new), "--json"])

    assert (whole.exit_code, whole.stdout) == (
        0,
        f"{path}: 3,000 calls; the file is whole, and every sum is that of its calls\n",
    )
    assert wrong.exit_code == 1
    assert wrong.stdout.splitlines() == [
        f"{path}: 3,000 calls; problems: 1",
        "  sums: 2 rows of hourly are not what the calls add up to",
        f"  `spancost doctor --ledger {path} --repair-into NEW` makes a new ledger of what can be read",
    ]
    assert repaired.exit_code == 1
    assert json.loads(repaired.stdout)["repaired"] == {
        "ledger": str(new),
        "calls": 3000,
        "gaps": 0,
        "refused": 0,
        "counters_restart": False,
    }
    assert examine(new) == (3000, [])
