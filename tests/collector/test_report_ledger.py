"""The ledger that a report reads may be in use; one that cannot be read is an error that says what to do."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from tests.collector.kept import call, keep

from spancost_collector.errors import LedgerError
from spancost_collector.ledger import schema
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.writer import Ledger

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_ledger_says_what_to_do(path: Path) -> None:
    with pytest.raises(LedgerError, match="no such ledger"):
        LedgerReader(path)


def test_a_ledger_whose_shared_memory_cannot_be_made_says_what_to_do(path: Path) -> None:
    keep(path, [call(1)])
    # SQLite never follows a link there, so this is a place where nobody can make the file.
    path.with_name(path.name + "-shm").symlink_to("nowhere")

    with pytest.raises(LedgerError, match=r"this user may not open it .* Run this as the receiver's user, or copy it"):
        LedgerReader(path)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_DIRECTORY])
def test_a_ledger_in_a_folder_that_may_not_be_written_is_still_called_a_ledger(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    keep(path, [call(1)])
    refused = sqlite3.OperationalError("attempt to write a readonly database")
    refused.sqlite_errorcode = code

    def version(_connection: sqlite3.Connection) -> int:
        raise refused

    monkeypatch.setattr(schema, "version", version)

    with pytest.raises(LedgerError, match="this user may not open it") as caught:
        LedgerReader(path)
    assert "not a ledger" not in str(caught.value)


def test_a_ledger_can_be_read_while_it_is_written(path: Path) -> None:
    ledger = Ledger(path)
    ledger.record([call(1)])
    reader = LedgerReader(path)
    before = reader.report(["feature"]).total.calls
    ledger.record([call(2)])
    after = reader.report(["feature"]).total.calls
    reader.close()
    ledger.close()

    assert (before, after) == (1, 2)
