"""The bounded queue between the threads that receive and the one that processes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spancost_collector.outcome import Refusal


def _future() -> Future[Refusal | None]:
    return Future()


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A request and the promise of its answer."""

    body: bytes | None
    """None asks for a check of everything that an export needs, without an export."""
    passed_on: bool = True
    """Whether next hops get it."""
    answer: Future[Refusal | None] = field(default_factory=_future)
    """None is OK."""

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return 0 if self.body is None else len(self.body)


class Inbox:
    """Jobs in order of arrival, bounded by the bytes that they hold; taken in groups."""

    def __init__(self, *, max_bytes: int, group_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._group_bytes = group_bytes
        self._jobs: deque[Job] = deque()
        self._size = 0
        self._closed = False
        self._changed = Condition()

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def offer(self, job: Job) -> bool:
        """Queue a job; False where it does not fit or the inbox is closed, and the job was not taken."""
        with self._changed:
            if self._closed or (self._jobs and self._size + job.size > self._max_bytes):
                return False
            self._jobs.append(job)
            self._size += job.size
            self._changed.notify()
            return True

    def take(self) -> list[Job]:
        """Wait for jobs and take what is there, up to a group; empty once the inbox is closed and empty."""
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            group: list[Job] = []
            size = 0
            while self._jobs and (not group or size + self._jobs[0].size <= self._group_bytes):
                job = self._jobs.popleft()
                size += job.size
                group.append(job)
            self._size -= size
            return group

    def close(self) -> None:
        """Take no more jobs; those that wait can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> list[Job]:
        """Close, and give back the jobs that nobody will take any more."""
        with self._changed:
            self._closed = True
            left = list(self._jobs)
            self._jobs.clear()
            self._size = 0
            self._changed.notify_all()
            return left
