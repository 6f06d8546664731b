"""What SQLite's errors mean for whoever runs a receiver: what happened, and what to do about it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PRIMARY: Final = 0xFF
"""The low byte of an extended result code, https://www.sqlite.org/rescode.html."""
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DENIED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_PASSING: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_REMEDIES: Final[Mapping[int, str]] = {
    **dict.fromkeys(_DAMAGE, "the file is damaged: stop the receiver and run `spancost doctor --ledger {path}`"),
    sqlite3.SQLITE_FULL: "make room on its disk; nothing is lost, senders send again",
    sqlite3.SQLITE_IOERR: "see that its disk works and has room; nothing is lost, senders send again",
    sqlite3.SQLITE_BUSY: "another program holds it; end what writes to {path} beside the receiver",
    sqlite3.SQLITE_LOCKED: "another program holds it; end what writes to {path} beside the receiver",
    **dict.fromkeys(_DENIED, "let the receiver write to {path} and its folder"),
}


def told(path: Path, what: str, error: sqlite3.Error) -> str:
    """Where, what, why, and what to do."""
    remedy = _REMEDIES.get(_code(error))
    said = f"{path}: {what}: {error}"
    return said if remedy is None else f"{said}; {remedy.format(path=path)}"


def moved(path: Path) -> str:
    """What to do about a file that is no longer the one that was opened under its path."""
    return (
        f"{path}: not committed: it was renamed, replaced or deleted while it was open; move it back, or stop the"
        f" receiver and move {path}-wal and -shm to the old file before another one takes its place; senders send again"
    )


def is_denied(error: sqlite3.Error) -> bool:
    """Whether a file, or one that SQLite keeps beside it, may not be opened or made by this user."""
    return _code(error) in _DENIED


def is_passing(error: sqlite3.Error) -> bool:
    """Whether something around the file is at fault, and says nothing about what is in it."""
    return _code(error) in _PASSING


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, so that waiting does not help."""
    return _code(error) in _DAMAGE


def _code(error: sqlite3.Error) -> int:
    # Errors that the sqlite3 module raises by itself carry no code.
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY
