"""How often a process that only ever drops what nothing points to looks for cycles: rarely.

What the receiver makes of a span are tuples, by the thousand and without cycles, and Python's collector counts them all
the same. What it remembers of calls is a hundred thousand more, which a full search would walk through each time.
"""

from __future__ import annotations

import gc


def look_for_cycles_rarely() -> None:
    """Leave out of every search what is there now, and search far less often than usual. Call it once all is set up."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
