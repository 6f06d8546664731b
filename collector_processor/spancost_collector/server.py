"""The receiver as one object: what it is made of, and in which order it starts and stops."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from spancost_collector.accounts import Accounts
from spancost_collector.dialects import DIALECTS
from spancost_collector.election.elect import open_election
from spancost_collector.enrich import Enricher
from spancost_collector.forward import open_next_hops
from spancost_collector.inbox import Inbox
from spancost_collector.intake.listeners import Listeners
from spancost_collector.intake.signals import TRACES
from spancost_collector.labels import LabelBounds
from spancost_collector.measures import Measures
from spancost_collector.metrics import ReceiverMetrics
from spancost_collector.normalise import Normaliser
from spancost_collector.outcome import Refusal
from spancost_collector.personal import Disguise
from spancost_collector.pipeline import Pipeline
from spancost_collector.price import Price
from spancost_collector.reload import reload
from spancost_collector.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_collector.charging import Ledger
    from spancost_collector.config import Address, Settings
    from spancost_collector.intake.signals import Destinations
    from spancost_collector.price import Book

_GROUP_BYTES: Final = 16 * 1024 * 1024
"""Enough requests to share a commit, few enough to answer the first of them soon."""
_CHECK_SECONDS: Final = 5.0


class Receiver:
    """Listens as soon as it is made, works from `start` to `stop`, and owns the ledger it was given."""

    def __init__(self, settings: Settings, *, book: Book, ledger: Ledger) -> None:
        """Take the addresses and load the counters from the ledger.

        Raises:
            ConfigError: an address cannot be listened on. The ledger is still the caller's then.
        """
        registry = CollectorRegistry()
        metrics = ReceiverMetrics(registry)
        bounds = LabelBounds(max_values=settings.labels.max_values, tenant=settings.labels.tenant)
        accounts = Accounts(bounds, folded=lambda dimension, calls: metrics.folded.labels(dimension).inc(calls))
        accounts.load(ledger.totals(), ledger.credit())
        registry.register(accounts)
        measures = Measures(registry, bounds, ledger=settings.ledger, zone=settings.time_zone)
        inbox = Inbox(max_bytes=settings.intake.max_queue_bytes, group_bytes=_GROUP_BYTES)
        metrics.watch_queue(lambda: len(inbox), lambda: inbox.size)
        self._ledger = ledger
        self._stopping: Refusal | None = None
        self._forwarder = open_next_hops(settings.forward, metrics)
        self._metrics = metrics
        self._pipeline = Pipeline(
            normaliser=_normaliser(settings),
            price=Price(book),
            enricher=Enricher(),
            election=open_election(
                ledger,
                max_calls=settings.election.max_calls,
                max_age_seconds=settings.election.window_seconds,
            ),
            ledger=ledger,
            accounts=accounts,
            metrics=metrics,
            forward=self._forwarder,
            observers=(measures,),
        )
        self._worker = Worker(self._pipeline, inbox)
        with ExitStack() as undo:
            if self._forwarder is not None:
                undo.callback(self._forwarder.stop, 0.0)
            destinations: Destinations = {TRACES: self._worker.submit}
            self._listeners = Listeners(settings, destinations, metrics, registry, self.check)
            undo.pop_all()

    @property
    def grpc_address(self) -> Address | None:
        """Where OTLP/gRPC is accepted; None where it is off."""
        return self._listeners.grpc_address

    @property
    def http_address(self) -> Address | None:
        """Where OTLP/HTTP is accepted; None where it is off."""
        return self._listeners.http_address

    @property
    def web_address(self) -> Address | None:
        """Where metrics and health are served; None where they are off."""
        return self._listeners.web_address

    def start(self) -> None:
        """Begin to accept and process."""
        self._worker.start()
        self._listeners.start()

    def check(self) -> Refusal | None:
        """What would keep an export from being acknowledged at this moment; None when nothing would."""
        problem = self._stopping or self._ask_worker()
        self._listeners.report(problem)
        return problem

    def reload_prices(self, load: Callable[[], Book]) -> bool:
        """Charge by what `load` returns from now on; False where it could not, and the prices in use stay."""
        return reload(load, lambda book: self._pipeline.use_prices(Price(book)), self._metrics)

    def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, answer what was accepted within `grace` seconds, then close the ledger.

        What is not answered in time is refused as unavailable; nothing that was acknowledged is lost.
        """
        deadline = time.monotonic() + grace
        self._stopping = Refusal("unavailable", "the receiver is stopping")
        self._listeners.stop_intake(grace)
        self._worker.stop(max(0.0, deadline - time.monotonic()), hurry=self._hurry)
        if self._forwarder is not None:
            self._forwarder.stop(max(0.0, deadline - time.monotonic()))
        self._listeners.stop()
        self._ledger.close()

    def _ask_worker(self) -> Refusal | None:
        answer = self._worker.submit(None)
        if answer is None:
            return Refusal("overloaded", "the queue is full or the receiver is stopping")
        try:
            return answer.result(_CHECK_SECONDS)
        except (TimeoutError, CancelledError):
            answer.cancel()
            return Refusal("unavailable", f"the pipeline did not answer within {_CHECK_SECONDS:g} s")

    def _hurry(self) -> None:
        if self._forwarder is not None:
            self._forwarder.hurry()


def _normaliser(settings: Settings) -> Normaliser:
    attribution = settings.attribution
    salt = attribution.salt if attribution.hash_identifiers else None
    disguise = None if salt is None else Disguise(salt.get_secret_value())
    return Normaliser(DIALECTS, attribution={**attribution.keys}, disguise=disguise)
