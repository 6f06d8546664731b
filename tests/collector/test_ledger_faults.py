"""A ledger that cannot go on says why and what to do, and is not called ready."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.collector.test_ledger_check import charged, scribble

from spancost_collector.errors import LedgerError, LedgerUnavailableError
from spancost_collector.ledger.faults import is_damage, told
from spancost_collector.ledger.writer import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable


def busy(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as one, closing(sqlite3.connect(path, timeout=0)) as two:
        one.execute("BEGIN IMMEDIATE")
        two.execute("BEGIN IMMEDIATE")


def full(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE filler (value BLOB)")
        connection.execute("INSERT INTO filler VALUES (zeroblob(100000))")


def garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 100)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version")


@pytest.mark.parametrize(
    ("break_it", "message", "damage"),
    [
        (busy, "database is locked; another program holds it; end what writes to {path} beside the receiver", False),
        (full, "database or disk is full; make room on its disk; nothing is lost, senders send again", False),
        (
            garbage,
            "file is not a database; the file is damaged: stop the receiver and run `spancost doctor --ledger {path}`",
            True,
        ),
    ],
)
def test_each_fault_comes_with_what_to_do(
    tmp_path: Path, break_it: Callable[[Path], None], message: str, damage: bool
) -> None:
    path = tmp_path / "ledger.sqlite3"
    with pytest.raises(sqlite3.Error) as raised:
        break_it(path)
    assert told(path, "not committed", raised.value) == f"{path}: not committed: {message.format(path=path)}"
    assert is_damage(raised.value) is damage


def test_a_fault_that_nobody_knows_is_told_as_it_is() -> None:
    error = sqlite3.ProgrammingError("closed")
    assert told(Path("l"), "not committed", error) == "l: not committed: closed"
    assert not is_damage(error)


def test_a_ledger_that_met_damage_refuses_retryably_and_is_not_ready_any_more(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        ledger.record([charged(n) for n in range(3000)])
    scribble(path, "sqlite_autoindex_charges_1", 1000)

    with closing(Ledger(path)) as ledger:
        with pytest.raises(LedgerUnavailableError, match=r"malformed; the file is damaged: stop the receiver and run"):
            ledger.record([charged(n) for n in range(4000)])
        assert not ledger.writable()


def rename(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replace(path: Path) -> None:
    rename(path)
    shutil.copy(path.with_name("elsewhere"), path)


@pytest.mark.parametrize("move", [rename, replace, Path.unlink])
def test_nothing_is_committed_to_a_file_that_is_no_longer_at_its_path(
    tmp_path: Path, move: Callable[[Path], None]
) -> None:
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        ledger.record([charged(1)])
        move(path)

        assert not ledger.writable()
        with pytest.raises(LedgerUnavailableError) as raised:
            ledger.record([charged(2)])
        assert str(raised.value) == (
            f"{path}: not committed: it was renamed, replaced or deleted while it was open; move it back, or stop the"
            f" receiver and move {path}-wal and -shm to the old file before another one takes its place;"
            " senders send again"
        )


def test_a_ledger_that_is_moved_back_goes_on_with_all_that_it_had(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        ledger.record([charged(1)])
        rename(path)
        assert not ledger.writable()
        path.with_name("elsewhere").rename(path)

        assert ledger.writable()
        assert len(ledger.record([charged(1), charged(2)]).fresh) == 1

    with closing(Ledger(path)) as ledger:
        assert sum(total.calls for total in ledger.totals()) == 2


def test_a_file_that_is_no_ledger_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerError, match=r"file is not a database; the file is damaged"):
        Ledger(path)
