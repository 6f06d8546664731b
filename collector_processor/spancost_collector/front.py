"""Where requests come in, are read and go on: the listeners, the queue, the pipeline's thread and the next hops.

Everything of a receiver that there may be several of. What there is one of (ledger, prices, counters) is behind the
`Charges` that it is given: the object itself, or the way to the process that has it.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from spancost_collector.agents.intake import destinations as agents_destinations
from spancost_collector.dialects import DIALECTS
from spancost_collector.forward import open_next_hops
from spancost_collector.inbox import Inbox
from spancost_collector.intake.listeners import Listeners
from spancost_collector.intake.signals import TRACES
from spancost_collector.outcome import STOPPING, Refusal
from spancost_collector.own_traces import OwnTraces, untraced
from spancost_collector.pipeline import Pipeline
from spancost_collector.reading.normalise import Normaliser
from spancost_collector.reading.personal import Disguise
from spancost_collector.worker import Worker

if TYPE_CHECKING:
    from spancost_collector.config import Address, Settings
    from spancost_collector.intake.signals import Destinations
    from spancost_collector.metrics.receiver import ReceiverMetrics
    from spancost_collector.pipeline import Charges

_GROUP_BYTES: Final = 16 * 1024 * 1024
"""Enough requests to share a commit, few enough to answer the first of them soon."""
CHECK_SECONDS: Final = 5.0
"""How long a check may take."""


class Front:
    """Listens as soon as it is made, and works from `start` to `stop`."""

    def __init__(
        self, settings: Settings, charging: Charges, metrics: ReceiverMetrics, *, mark: str, shared: bool = False
    ) -> None:
        """Take the addresses; where they are `shared`, other processes may listen on them as well.

        `mark` is the receiver's own (`own_requests`).

        Raises:
            ConfigError: an address cannot be listened on, or a certificate cannot be used.
        """
        inbox = Inbox(max_bytes=settings.intake.max_queue_bytes, group_bytes=_GROUP_BYTES)
        metrics.workers.set(1)
        metrics.watch_queue(lambda: len(inbox), lambda: inbox.size)
        self._stopping: Refusal | None = None
        self._forwarder = open_next_hops(settings.forward, metrics, mark)
        self._traces = None if settings.own_traces is None else OwnTraces(settings.own_traces, mark)
        pipeline = Pipeline(
            normaliser=configured_normaliser(settings),
            charging=charging,
            metrics=metrics,
            forward=self._forwarder,
            stage=untraced if self._traces is None else self._traces.stage,
        )
        self._worker = Worker(pipeline, inbox)
        with ExitStack() as undo:
            if self._traces is not None:
                undo.callback(self._traces.stop, 0.0)
            if self._forwarder is not None:
                undo.callback(self._forwarder.stop, 0.0)
            charged_only = partial(self._worker.submit, passed_on=False)
            destinations: Destinations = {TRACES: self._worker.submit, **agents_destinations(charged_only, metrics)}
            self._listeners = Listeners(settings, destinations, metrics, self.check, mark=mark, shared=shared)
            undo.pop_all()

    @property
    def grpc_address(self) -> Address | None:
        """Where OTLP/gRPC is accepted; None where it is off."""
        return self._listeners.grpc_address

    @property
    def http_address(self) -> Address | None:
        """Where OTLP/HTTP is accepted; None where it is off."""
        return self._listeners.http_address

    def start(self) -> None:
        """Begin to accept and process."""
        self._worker.start()
        self._listeners.start()

    def check(self) -> Refusal | None:
        """What would keep an export from being acknowledged at this moment; None when nothing would."""
        problem = self._stopping or self._ask_worker()
        self._listeners.report(problem)
        return problem

    def stop(self, grace: float) -> None:
        """Accept nothing more, and answer what was accepted within `grace` seconds.

        What is not answered in time is refused as unavailable; nothing that was acknowledged is lost.
        """
        deadline = time.monotonic() + grace
        self._stopping = STOPPING
        self._listeners.stop_intake(grace)
        self._worker.stop(max(0.0, deadline - time.monotonic()), hurry=self._hurry)
        if self._forwarder is not None:
            self._forwarder.stop(max(0.0, deadline - time.monotonic()))
        if self._traces is not None:
            self._traces.stop(max(0.0, deadline - time.monotonic()))
        self._listeners.stop()

    def _ask_worker(self) -> Refusal | None:
        answer = self._worker.submit(None)
        if answer is None:
            return Refusal("overloaded", "the queue is full or the receiver is stopping")
        try:
            return answer.result(CHECK_SECONDS)
        except (TimeoutError, CancelledError):
            answer.cancel()
            return Refusal("unavailable", f"the pipeline did not answer within {CHECK_SECONDS:g} s")

    def _hurry(self) -> None:
        if self._forwarder is not None:
            self._forwarder.hurry()


def configured_normaliser(settings: Settings) -> Normaliser:
    """Reads spans as the settings say."""
    attribution = settings.attribution
    salt = attribution.salt if attribution.hash_identifiers else None
    disguise = None if salt is None else Disguise(salt.get_secret_value())
    return Normaliser(DIALECTS, attribution={**attribution.keys}, disguise=disguise)
