"""Takes in what the receiver does, for a while, and hands it to somebody instead of keeping it.

For looking at what a sender sends: nothing is written, counted or passed on, and every well-formed request is
acknowledged, so a sender that is pointed here is not held up, and what it sends meanwhile is in no ledger.
"""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from spancost_collector.agents.intake import destinations as agents_destinations
from spancost_collector.inbox import Inbox, Job
from spancost_collector.intake.listeners import Listeners
from spancost_collector.intake.signals import TRACES
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.outcome import Refusal
from spancost_collector.own_requests import new_mark
from spancost_collector.reading.decode import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from spancost_collector.config import Address, Settings
    from spancost_collector.intake.signals import Destinations

_ONE_AT_A_TIME: Final = 1
"""Bytes of a group: a request that cannot be read costs no other."""
_GRACE_SECONDS: Final = 1.0
_OVER: Final = Refusal("unavailable", "the tap is closed; send again")


class Tap:
    """Listens as soon as it is made, and takes requests while it runs."""

    def __init__(self, settings: Settings) -> None:
        """Take the addresses of the settings.

        Raises:
            ConfigError: one cannot be listened on.
        """
        self._inbox = Inbox(max_bytes=settings.intake.max_queue_bytes, group_bytes=_ONE_AT_A_TIME)
        metrics = ReceiverMetrics(CollectorRegistry())
        destinations: Destinations = {TRACES: self._submit, **agents_destinations(self._submit, metrics)}
        self._listeners = Listeners(settings, destinations, metrics, lambda: None, mark=new_mark(), shared=False)

    @property
    def grpc_address(self) -> Address | None:
        """Where OTLP/gRPC is accepted; None where it is off."""
        return self._listeners.grpc_address

    @property
    def http_address(self) -> Address | None:
        """Where OTLP/HTTP is accepted; None where it is off."""
        return self._listeners.http_address

    def run(self, seconds: float, take: Callable[[bytes], None]) -> None:
        """Hand each request to `take`, on this thread, for so long or until `close`; then let go of the addresses.

        A request that `take` finds malformed is refused as such.
        """
        timer = Timer(seconds, self.close)
        timer.daemon = True
        timer.start()
        self._listeners.start()
        try:
            while group := self._inbox.take():
                for job in group:
                    _answer(job, take)
        finally:
            timer.cancel()
            for job in self._inbox.abandon():
                if job.answer.set_running_or_notify_cancel():
                    job.answer.set_result(_OVER)
            self._listeners.stop_intake(_GRACE_SECONDS)
            self._listeners.stop()

    def close(self) -> None:
        """Take nothing more; what has arrived is still handed over. For another thread than that of `run`."""
        self._inbox.close()

    def _submit(self, body: bytes | None) -> Future[Refusal | None] | None:
        job = Job(body)
        return job.answer if self._inbox.offer(job) else None


def _answer(job: Job, take: Callable[[bytes], None]) -> None:
    if not job.answer.set_running_or_notify_cancel():
        return
    refusal = None
    try:
        if job.body is not None:
            take(job.body)
    except MalformedRequestError as error:
        refusal = Refusal("malformed", str(error))
    except BaseException:
        job.answer.set_result(_OVER)
        raise
    job.answer.set_result(refusal)
