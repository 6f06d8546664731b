"""Where SQLite puts what it sorts and has no memory for: beside the ledger, which is on a disk that may be written.

It looks for a folder for temporary files otherwise, and a container with a read-only tree has none. What cannot be
sorted cannot be read, so a ledger that has grown would be one that no receiver starts with.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keep_scratch_beside(path: Path, connection: sqlite3.Connection) -> None:
    """Use the folder of the ledger at `path`, unless this process uses one already, or may not write there.

    SQLite has one such folder for all connections of a process, and it must not be changed while one of them is used.
    """
    found = connection.execute("PRAGMA temp_store_directory").fetchone()
    if found is None or not found[0]:
        # SQLite takes a name as the system has it, but in UTF-8 only: one that is none has to do without.
        with suppress(sqlite3.Error, UnicodeDecodeError):
            folder = os.fsencode(path.absolute().parent).decode().replace("'", "''")
            connection.execute(f"PRAGMA temp_store_directory = '{folder}'")
