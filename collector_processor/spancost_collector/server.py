"""The receiver as one object: what it is made of, and in which order it starts and stops."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from spancost_collector.charging import Charging
from spancost_collector.election.elect import open_election
from spancost_collector.enrich import Enricher
from spancost_collector.front import Front
from spancost_collector.intake.access import Gate
from spancost_collector.intake.http_listener import HttpListener
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.export import MetricsExport
from spancost_collector.metrics.labels import LabelBounds
from spancost_collector.metrics.measures import Measures
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.metrics.revenue import Revenue, load_revenue
from spancost_collector.own_requests import new_mark
from spancost_collector.price import Price
from spancost_collector.reload import reload
from spancost_collector.subscriptions import Subscriptions
from spancost_collector.web import create_app
from spancost_collector.workers import Crew

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_collector.charging import Ledger
    from spancost_collector.config import Address, Settings
    from spancost_collector.outcome import Refusal
    from spancost_collector.price import Book


class Receiver:
    """Listens as soon as it is made, works from `start` to `stop`, and owns the ledger it was given."""

    def __init__(self, settings: Settings, *, book: Book, ledger: Ledger) -> None:
        """Take the addresses and load the counters from the ledger.

        Raises:
            ConfigError: an address cannot be listened on, or a file cannot be used. The ledger is still the caller's
                then.
        """
        registry = CollectorRegistry()
        own = registry if settings.workers == 1 else CollectorRegistry()
        metrics = ReceiverMetrics(own)
        labels = settings.labels
        bounds = LabelBounds(
            max_values=labels.max_values,
            tenant=labels.tenant,
            max_combinations=labels.max_combinations,
            max_histogram_combinations=labels.max_histogram_combinations,
        )
        accounts = Accounts(bounds, folded=lambda dimension, calls: metrics.folded.labels(dimension).inc(calls))
        accounts.load(ledger.totals(), ledger.credit())
        registry.register(accounts)
        revenue = {} if settings.revenue is None else load_revenue(settings.revenue)
        registry.register(Revenue(revenue, max_values=labels.max_values))
        measures = Measures(
            registry,
            bounds,
            ledger=settings.ledger,
            zone=settings.time_zone,
            conventions=settings.metrics.conventions,
        )
        self._subscriptions = Subscriptions(settings.subscriptions) if settings.subscriptions else None
        self._charging = Charging(
            price=self._price(book),
            enricher=Enricher(),
            election=open_election(
                ledger,
                max_calls=settings.election.max_calls,
                max_age_seconds=settings.election.window_seconds,
            ),
            ledger=ledger,
            accounts=accounts,
            metrics=metrics,
            observers=(measures,),
        )
        self._ledger = ledger
        self._metrics = metrics
        self._web: HttpListener | None = None
        with ExitStack() as undo:
            if settings.web.listen is not None:
                app = create_app(registry, self.check, Gate.of(settings.web))
                self._web = HttpListener(app, settings.web, listen=settings.web.listen, name="web")
                undo.callback(self._web.join)
            mark = new_mark()
            self._front = (
                Front(settings, self._charging, metrics, mark=mark)
                if settings.workers == 1
                else _crew(settings, self._charging, metrics, own, registry, mark)
            )
            undo.callback(self._front.stop, 0.0)
            self._export = self._metrics_export(settings, registry)
            undo.pop_all()

    @property
    def grpc_address(self) -> Address | None:
        """Where OTLP/gRPC is accepted; None where it is off."""
        return self._front.grpc_address

    @property
    def http_address(self) -> Address | None:
        """Where OTLP/HTTP is accepted; None where it is off."""
        return self._front.http_address

    @property
    def web_address(self) -> Address | None:
        """Where metrics and health are served; None where they are off."""
        return None if self._web is None else self._web.address

    def start(self) -> None:
        """Begin to accept and process."""
        if self._web is not None:
            self._web.start()
        self._front.start()
        if self._export is not None:
            self._export.start()

    def check(self) -> Refusal | None:
        """What would keep an export from being acknowledged at this moment; None when nothing would."""
        return self._front.check()

    def reload_prices(self, load: Callable[[], Book]) -> bool:
        """Charge by what `load` returns from now on; False where it could not, and the prices in use stay."""
        return reload(load, self._use, self._metrics)

    def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, answer what was accepted within `grace` seconds, then close the ledger.

        What is not answered in time is refused as unavailable; nothing that was acknowledged is lost.
        """
        deadline = time.monotonic() + grace
        self._front.stop(grace)
        if self._export is not None:
            self._export.stop(max(0.0, deadline - time.monotonic()))
        if self._web is not None:
            self._web.close(max(0.0, deadline - time.monotonic()))
            self._web.join()
        self._ledger.close()

    def _metrics_export(self, settings: Settings, registry: CollectorRegistry) -> MetricsExport | None:
        target = settings.metrics.otlp
        if target is None:
            return None
        address = self.web_address or self.grpc_address or self.http_address
        instance = socket.gethostname() if address is None else f"{socket.gethostname()}:{address.port}"
        return MetricsExport(target, registry, self._metrics.export_failures, instance=instance)

    def _use(self, book: Book) -> None:
        self._charging.price = self._price(book)

    def _price(self, book: Book) -> Price:
        return Price(book, self._subscriptions)


def _crew(
    settings: Settings,
    charging: Charging,
    metrics: ReceiverMetrics,
    own: CollectorRegistry,
    registry: CollectorRegistry,
    mark: str,
) -> Crew:
    """Workers, whose metrics are shown added to our own."""
    crew = Crew(settings, charging, metrics, own, mark=mark)
    registry.register(crew.sums)
    return crew
