"""A next hop that no sender waits for: acknowledged requests queue up for it, within bounds, and drops are counted.

Its outage costs nobody anything but the spans that the queue has no room for. Nothing is queued that has not been
acknowledged, and nothing in the queue is on disk: a hop whose spans must not be lost is a required one.
"""

from __future__ import annotations

import logging
from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final, Literal, Protocol, get_args

from spancost_collector.forward.hop import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spancost_collector.outcome import Refusal

_log: Final = logging.getLogger(__name__)

PERSISTENT: Final = Patience(total_seconds=300.0, first_pause_seconds=1.0, longest_pause_seconds=30.0, when_down=True)
"""For a hop that nobody waits for."""
_GROUP_BYTES: Final = 4 * 1024 * 1024

DropReason = Literal["queue_full", "not_taken", "stopping"]
DROP_REASONS: Final[tuple[DropReason, ...]] = get_args(DropReason)


class BoundedHop(Protocol):
    """`hop.Hop`."""

    name: str

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Send requests on; one answer for each."""
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


class BestEffort:
    """The queue in front of a hop, and the thread that empties it."""

    def __init__(self, hop: BoundedHop, *, max_bytes: int, dropped: Callable[[DropReason, int], None]) -> None:
        self._hop = hop
        self._max_bytes = max_bytes
        self._dropped = dropped
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._stopping = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name=f"spancost-forward-{hop.name}", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def offer(self, bodies: Sequence[bytes]) -> None:
        """Queue requests; those that there is no room for are dropped and counted."""
        full = 0
        with self._changed:
            for body in bodies:
                if self._size + len(body) > self._max_bytes:
                    full += 1
                    continue
                self._waiting.append(body)
                self._size += len(body)
            self._changed.notify()
        if full:
            self._dropped("queue_full", full)

    def finish(self) -> None:
        """Send what waits, and then no more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def stop(self, grace: float) -> None:
        """Send what waits within `grace` seconds; drop and count the rest."""
        self.finish()
        self._thread.join(max(0.0, grace))
        self._hop.close()
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
            self._size = 0
        self._thread.join()
        if left:
            self._dropped("stopping", left)
            _log.warning(
                "next hop %s: %d requests dropped: the receiver stopped before they were taken", self._hop.name, left
            )

    def _run(self) -> None:
        while group := self._take():
            try:
                lost = sum(1 for answer in self._hop(group) if answer is not None)
            except Exception:
                _log.exception("next hop %s: %d requests dropped by a fault of ours", self._hop.name, len(group))
                lost = len(group)
            if lost:
                self._dropped("not_taken", lost)

    def _take(self) -> list[bytes]:
        """Wait for requests, up to a group; empty once told to stop and there is nothing left."""
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            group: list[bytes] = []
            size = 0
            while self._waiting and (not group or size + len(self._waiting[0]) <= _GROUP_BYTES):
                body = self._waiting.popleft()
                size += len(body)
                group.append(body)
            self._size -= size
            return group
