"""How many files and connections this process may have open at the same time."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress


def raise_limit() -> None:
    """Take as many as the system grants; what it gives without being asked is often no more than 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems name a limit that they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def limit() -> int:
    """How many there may be."""
    granted, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if granted == resource.RLIM_INFINITY else granted
