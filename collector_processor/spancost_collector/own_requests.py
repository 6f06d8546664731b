"""A receiver knows what it has sent itself, by a mark of this start of it and all its processes.

A next hop may lead back to who sends to it: by another name of this machine, through a proxy or a tunnel. Without an
answer of its own to that, the same spans would go round for ever.
"""

from __future__ import annotations

import secrets
from typing import Final

from spancost_collector.outcome import Refusal

HEADER: Final = "spancost-receiver"
"""Of every request that a receiver sends, on both protocols."""
LOOPED: Final = Refusal(
    "looped", "sent by this receiver itself: forward or own_traces leads back to it; name the next receiver"
)


def new_mark() -> str:
    """What no other receiver sends."""
    return secrets.token_hex(16)
