"""A ledger names users and tenants, so a new one is its owner's alone, whatever the umask says.

SQLite makes `-wal` and `-shm` with the mode of the file that they belong to. A ledger that is there keeps the mode that
somebody gave it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE: Final = 0o600


def create_private(path: Path) -> None:
    """See that there is a file at `path`; SQLite takes an empty one for a new database.

    What keeps it from being made is left for SQLite to find.
    """
    if not path.exists():
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE))
