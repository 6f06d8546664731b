"""The receiver as one object: what it is made of, and in which order it starts and stops."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from spancost_collector.accounts import Accounts
from spancost_collector.dialects import DIALECTS
from spancost_collector.enrich import Enricher
from spancost_collector.forward import Forwarder
from spancost_collector.inbox import Inbox
from spancost_collector.labels import LabelBounds
from spancost_collector.metrics import ReceiverMetrics
from spancost_collector.normalise import Normaliser
from spancost_collector.otlp_grpc import OtlpGrpcServer
from spancost_collector.outcome import Refusal
from spancost_collector.pipeline import Pipeline
from spancost_collector.price import Price
from spancost_collector.web import WebServer, create_app
from spancost_collector.worker import Worker

if TYPE_CHECKING:
    from spancost_collector.config import Settings
    from spancost_collector.pipeline import Ledger
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
        bounds = LabelBounds(max_values=settings.max_label_values, tenant=settings.tenant_label)
        accounts = Accounts(bounds, folded=lambda dimension: metrics.folded.labels(dimension).inc())
        accounts.load(ledger.totals(), ledger.taken_back())
        registry.register(accounts)
        inbox = Inbox(max_bytes=settings.max_queue_bytes, group_bytes=_GROUP_BYTES)
        metrics.watch_queue(lambda: len(inbox), lambda: inbox.size)
        self._ledger = ledger
        self._forwarder: Forwarder | None = None
        if settings.forward is not None:
            self._forwarder = Forwarder(
                str(settings.forward),
                counts=metrics,
                timeout_seconds=settings.forward_timeout_seconds,
                max_bytes=settings.max_forward_bytes,
            )
        pipeline = Pipeline(
            normaliser=Normaliser(DIALECTS),
            price=Price(book),
            enricher=Enricher(),
            ledger=ledger,
            accounts=accounts,
            metrics=metrics,
            forward=self._forwarder,
        )
        self._worker = Worker(pipeline, inbox)
        with ExitStack() as undo:
            undo.callback(self._hang_up)
            self._web = WebServer(create_app(registry, self.check), listen=settings.web_listen)
            undo.callback(self._web.stop)
            self._otlp = OtlpGrpcServer(
                self._worker,
                metrics,
                listen=settings.listen,
                max_message_bytes=settings.max_message_bytes,
                max_concurrent_requests=settings.max_concurrent_requests,
            )
            undo.pop_all()

    @property
    def port(self) -> int:
        """Where OTLP/gRPC is accepted."""
        return self._otlp.port

    @property
    def web_port(self) -> int:
        """Where metrics and health are served."""
        return self._web.port

    def start(self) -> None:
        """Begin to accept and process."""
        self._worker.start()
        self._web.start()
        self._otlp.start()

    def check(self) -> Refusal | None:
        """What would keep an export from being acknowledged at this moment; None when nothing would."""
        answer = self._worker.submit(None)
        if answer is None:
            return Refusal("overloaded", "the queue is full or the receiver is stopping")
        try:
            return answer.result(_CHECK_SECONDS)
        except (TimeoutError, CancelledError):
            return Refusal("unavailable", f"the pipeline did not answer within {_CHECK_SECONDS:g} s")

    def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, answer what was accepted within `grace` seconds, then close the ledger.

        What is not answered in time is refused as unavailable; nothing that was acknowledged is lost.
        """
        deadline = time.monotonic() + grace
        self._otlp.stop(grace)
        self._worker.stop(max(0.0, deadline - time.monotonic()), hurry=self._hang_up)
        self._hang_up()
        self._web.stop()
        self._ledger.close()

    def _hang_up(self) -> None:
        if self._forwarder is not None:
            self._forwarder.close()
