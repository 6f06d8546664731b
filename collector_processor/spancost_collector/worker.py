"""The one thread that processes requests, in groups: whatever has arrived meanwhile shares a commit and a forward."""

from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING, Final

from spancost_collector.inbox import Job
from spancost_collector.outcome import FAULT, STOPPING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from spancost_collector.inbox import Inbox
    from spancost_collector.outcome import Refusal
    from spancost_collector.pipeline import Pipeline

_log: Final = logging.getLogger(__name__)


class Worker:
    """Runs a pipeline over an inbox; every job that was taken in gets an answer."""

    def __init__(self, pipeline: Pipeline, inbox: Inbox) -> None:
        self._pipeline = pipeline
        self._inbox = inbox
        self._thread = Thread(target=self._run, name="spancost-pipeline", daemon=True)

    def start(self) -> None:
        """Begin to process."""
        self._thread.start()

    def submit(self, body: bytes | None, *, passed_on: bool = True) -> Future[Refusal | None] | None:
        """Hand in a request, or None to ask for a check; None in return where there is no room.

        A request that is not passed on is charged only: it holds what nobody sent as spans.
        """
        job = Job(body, passed_on)
        return job.answer if self._inbox.offer(job) else None

    def stop(self, grace: float, *, hurry: Callable[[], None]) -> None:
        """Finish what waits within `grace` seconds, refuse what is left, and call `hurry` to cut short the rest."""
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(grace)
        if self._thread.is_alive():
            for job in self._inbox.abandon():
                if job.answer.set_running_or_notify_cancel():
                    job.answer.set_result(STOPPING)
            hurry()
            self._thread.join()

    def _run(self) -> None:
        while group := self._inbox.take():
            awaited = [job for job in group if job.answer.set_running_or_notify_cancel()]
            for pipeline, passed_on in ((self._pipeline, True), (self._pipeline.keep, False)):
                exports = [(job, job.body) for job in awaited if job.body is not None and job.passed_on is passed_on]
                if exports:
                    answers = self._process(pipeline, [body for _, body in exports])
                    for (job, _), answer in zip(exports, answers, strict=True):
                        job.answer.set_result(answer)
            for job in awaited:
                if job.body is None:
                    job.answer.set_result(self._check())
            # Whoever no longer waits may send again, or not: the calls were made, so they are charged. They are not
            # forwarded: a slow next hop would be busy with the past for ever.
            given_up = [job.body for job in group if job.answer.cancelled() and job.body is not None]
            if given_up:
                self._process(self._pipeline.keep, given_up)

    def _process(
        self, pipeline: Callable[[Sequence[bytes]], list[Refusal | None]], bodies: Sequence[bytes]
    ) -> list[Refusal | None]:
        """The group's answers; where the group fails on a fault of ours, only the request that causes it does."""
        try:
            return pipeline(bodies)
        except Exception:
            if len(bodies) == 1:
                _log.exception("a request of %d bytes could not be processed", len(bodies[0]))
                return [FAULT]
        return [self._process(pipeline, [body])[0] for body in bodies]

    def _check(self) -> Refusal | None:
        try:
            return self._pipeline.check()
        except Exception:
            _log.exception("the readiness check failed")
            return FAULT
