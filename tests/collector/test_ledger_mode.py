"""A ledger names users and tenants: who may read it is its owner's decision, and not the umask's."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.collector.test_ledger import call

from spancost_collector.ledger.repair import repair
from spancost_collector.ledger.writer import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def everybody_may_do_everything() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {file.name: stat.filemode(file.stat().st_mode) for file in folder.iterdir()}


def test_a_new_ledger_and_what_lies_beside_it_are_their_owners_alone(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        ledger.record([call(1)])

        assert modes(tmp_path) == {
            "ledger.sqlite3": "-rw-------",
            "ledger.sqlite3-wal": "-rw-------",
            "ledger.sqlite3-shm": "-rw-------",
            "ledger.sqlite3.lock": "-rw-------",
        }


def test_a_ledger_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    Ledger(path).close()
    path.chmod(0o640)

    with closing(Ledger(path)) as ledger:
        ledger.record([call(1)])

        assert modes(tmp_path) == {
            "ledger.sqlite3": "-rw-r-----",
            "ledger.sqlite3-wal": "-rw-r-----",
            "ledger.sqlite3-shm": "-rw-r-----",
            "ledger.sqlite3.lock": "-rw-------",
        }


def test_a_symbolic_link_to_nothing_yet_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ledger.sqlite3").symlink_to("elsewhere/real.sqlite3")

    Ledger(tmp_path / "ledger.sqlite3").close()

    assert modes(tmp_path / "elsewhere") == {"real.sqlite3": "-rw-------", "real.sqlite3.lock": "-rw-------"}


def test_a_repaired_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    Ledger(path).close()
    path.chmod(0o644)

    repair(path, tmp_path / "new.sqlite3")

    assert modes(tmp_path)["new.sqlite3"] == "-rw-------"
