"""An end to waiting for messages over gRPC: a call holds a thread until its message is there, and there are few.

Senders whose calls have a deadline end them by themselves. Those without one, or that hang with their connection open,
would take thread after thread until nobody else gets through.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

    import grpc

ARRIVAL_SECONDS: Final = 60.0
"""How long a request may take to arrive, on every listener."""
_LOOKS: Final = 12
"""How often it is looked for in that time."""


class Arrivals:
    """Cancels calls whose message takes too long, from `start` to `stop`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[grpc.ServicerContext, float] = {}
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="spancost-otlp-arrivals", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()

    @contextmanager
    def awaiting(self, context: grpc.ServicerContext) -> Generator[None]:
        """Limit what is awaited within."""
        self._since[context] = time.monotonic()
        try:
            yield
        finally:
            del self._since[context]

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds / _LOOKS):
            latest = time.monotonic() - self._seconds
            for context, since in self._since.copy().items():
                if since < latest:
                    context.cancel()
