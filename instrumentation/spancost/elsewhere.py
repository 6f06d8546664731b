"""Ending what is given up half-way, which can happen anywhere.

What nobody refers to any more is finalised wherever the garbage collector happens to run: also inside a span processor,
an exporter or a mapping that holds a lock, on the very thread that holds it. Whoever took that lock there once more
would wait for ever. So another thread does what is left to do, and the one that gave up waits a moment for it: nearly
always it is done at once, and where it needs such a lock, it is done as soon as that is free.
"""

from __future__ import annotations

import sys

# Not `threading`: starting one of its threads takes locks, which may be held here as well.
from _thread import allocate_lock, start_new_thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE: Final = 0.25
"""Seconds after which a step that is not done waits for something of this thread's."""


def elsewhere(step: Callable[[], None]) -> None:
    """Has another thread run `step`, which raises nothing; returns when it is done, or waits for this thread."""
    if sys.is_finalizing():
        step()
        return
    done = allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            step()
        finally:
            done.release()

    try:
        start_new_thread(run, ())
    except RuntimeError:  # the system gives no more threads
        step()
        return
    done.acquire(timeout=_PATIENCE)
