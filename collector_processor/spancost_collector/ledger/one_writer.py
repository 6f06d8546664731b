"""One receiver per ledger: who writes it, and whether it is still the file that was opened.

Two writers would each count what the other one charges. A lock beside the file says that there is one, under whatever
symbolic link; a file with a hard link is refused, because no lock would be the same under both names.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from spancost_collector.errors import LedgerError
from spancost_collector.ledger.private import PRIVATE

if TYPE_CHECKING:
    from typing import TextIO


def identity(path: Path) -> tuple[int, int] | None:
    """Which file it is that has this path now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def take(path: Path) -> TextIO:
    """Lock the ledger at `path`, whose folder is made where it is missing, until what is returned is closed.

    Raises:
        LedgerError: another receiver has it, it is no file, or this user may not write there.
    """
    if path.exists() and not path.is_file():
        raise LedgerError(f"{path}: is no file that could hold a ledger. Name one with --ledger, as ledger.sqlite3")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = Path(os.path.realpath(path))
        lock = os.fdopen(os.open(file.with_name(file.name + ".lock"), os.O_WRONLY | os.O_CREAT, PRIVATE), "a")
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be opened as a ledger: {error.strerror}: {error.filename}."
            " Let the receiver write to its folder, or name another file with --ledger"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise LedgerError(
            f"{path}: another receiver writes this ledger. Stop it, or give this one its own with --ledger"
        ) from error
    if path.exists() and path.stat().st_nlink > 1:
        lock.close()
        raise LedgerError(
            f"{path}: this file has another name as well (a hard link). What is written under one of them is missing"
            " under the other, and lost when both are written. Make the other one a copy, or a symbolic link"
        )
    return lock
