"""Whether a ledger is whole: its file, its references, and its sums. Reads, and never writes; a receiver may go on.

The file is read as it is at one moment, so what is still being written makes no difference.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.ledger import schema, sums
from spancost_collector.ledger.scratch import keep_scratch_beside
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SHOWN: Final = 20
"""Problems of a kind that are told one by one."""


class Examined(NamedTuple):
    """What was found."""

    calls: int | None
    """None where they cannot be counted."""
    problems: list[str]
    """What is wrong, a line each; empty where the ledger is whole."""


def examine(path: Path, progress: Callable[[int], None] = lambda _calls: None) -> Examined:
    """Check the ledger at `path`; `progress` gets the number of calls added up so far.

    Raises:
        ConfigError: there is no such file, or it is a ledger of another version.
    """
    with closing(_attached(path)) as connection:
        try:
            (version,) = connection.execute("PRAGMA old.user_version").fetchone()
            check_version(connection, version, path)
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{path}: {error}; name a ledger with --ledger, or restore it from a backup") from error
        connection.execute("BEGIN")
        problems = list(_file_problems(connection))
        try:
            (calls,) = connection.execute("SELECT COUNT(*) FROM charges").fetchone()
            problems += _reference_problems(connection)
            problems += _sum_problems(connection, progress)
        except sqlite3.DatabaseError as error:
            return Examined(None, [*problems, f"sums: they cannot be compared with the calls: {error}"])
    return Examined(calls, problems)


def _attached(path: Path) -> sqlite3.Connection:
    """A connection to a scratch file that goes with it, with the ledger attached to read."""
    ledger = readable(path)
    connection = sqlite3.connect("", uri=True, isolation_level=None)
    try:
        connection.execute("ATTACH ? AS old", (ledger,))
        keep_scratch_beside(path, connection)
    except sqlite3.Error as error:
        connection.close()
        raise ConfigError(f"{path}: cannot be opened: {error}") from error
    return connection


def readable(path: Path) -> str:
    """Where SQLite finds the ledger to read it, and only that.

    Raises:
        ConfigError: there is no such file.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such ledger; name one with --ledger")
    return f"{path.resolve().as_uri()}?mode=ro"


def check_version(connection: sqlite3.Connection, found: int, path: Path) -> None:
    """See that the tables are those that this code knows; older ones are, because their ledger may be damaged, too.

    Raises:
        ConfigError: they are of a newer version, or another program's.
    """
    # A table that is damaged is there all the same; without this one, a repair would make an empty ledger of the file.
    is_without = connection.execute("PRAGMA table_info(charges)").fetchone() is None
    if schema.is_foreign(connection) or (found and is_without):
        raise ConfigError(
            f"{path}: has no table charges: it is another program's, or of a spancost before the first release."
            " Name a ledger with --ledger; the receiver begins a new one where there is none"
        )
    if not 1 <= found <= schema.VERSION:
        is_newer = found > schema.VERSION
        remedy = "A receiver that is started on an older ledger brings it up to date"
        raise ConfigError(
            f"{path}: schema version {found}; this spancost checks version {schema.VERSION}."
            f" {'Upgrade spancost' if is_newer else remedy}"
        )


def _file_problems(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        for (lines,) in connection.execute(f"PRAGMA old.integrity_check({_SHOWN})"):
            for line in lines.splitlines():  # damage to pages comes as one text, behind "*** in database old ***"
                if line != "ok" and not line.startswith("***"):
                    yield f"file: {line}"
    except sqlite3.DatabaseError as error:
        yield f"file: {error}"
    tables = connection.execute(
        "SELECT name FROM old.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (table,) in tables:
        try:
            connection.execute(f"SELECT COUNT(*) FROM old.{table} NOT INDEXED").fetchone()
        except sqlite3.DatabaseError:
            yield f"file: not all of table {table} can be read"


def _reference_problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Rows that point at nothing."""
    missing: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in connection.execute("PRAGMA old.foreign_key_check"):
        missing[table, parent] = missing.get((table, parent), 0) + 1
    for (table, parent), rows in missing.items():
        yield f"references: {rows} rows of {table} belong to {parent} that are not there"
    (lost,) = connection.execute(
        "SELECT COUNT(*) FROM charges WHERE EXISTS (SELECT 1 FROM json_each(charges.parts) AS part"
        " WHERE json_extract(part.value, '$[0]') NOT IN (SELECT id FROM rates))"
    ).fetchone()
    if lost:
        yield f"references: {lost} calls were charged by rates that are not there"


def _sum_problems(connection: sqlite3.Connection, progress: Callable[[int], None]) -> Iterator[str]:
    sums.make_tables(connection)
    sums.add_up(connection, progress)
    for table, count in sums.differing(connection).items():
        if count:
            yield f"sums: {count} rows of {table} are not what the calls add up to"
    (negative,) = connection.execute("SELECT COUNT(*) FROM old.credit WHERE usd < 0").fetchone()
    if negative:
        yield f"counters: {negative} rows of credit are below zero"
