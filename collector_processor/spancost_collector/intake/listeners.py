"""Every address that OTLP comes in on, as configured: opened all or not at all, started and stopped together."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from spancost_collector.intake.access import Gate
from spancost_collector.intake.http_listener import HttpListener
from spancost_collector.intake.otlp_grpc import OtlpGrpcServer
from spancost_collector.intake.otlp_http import OtlpHttpApp

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_collector.config import Address, Settings
    from spancost_collector.intake.signals import Destinations
    from spancost_collector.metrics.receiver import ReceiverMetrics
    from spancost_collector.outcome import Refusal


class Listeners:
    """OTLP in; each is None where it is off."""

    def __init__(
        self,
        settings: Settings,
        destinations: Destinations,
        metrics: ReceiverMetrics,
        check: Callable[[], Refusal | None],
        *,
        mark: str,
        shared: bool,
    ) -> None:
        """Take the addresses; `check` says what would keep an export from being acknowledged, `mark` is the receiver's
        own (`own_requests`).

        Where they are `shared`, other processes of this user may listen on them as well, and the system spreads the
        connections.

        Raises:
            ConfigError: one cannot be listened on, or its certificate cannot be used; none is taken then.
        """
        self._grpc: OtlpGrpcServer | None = None
        self._http: HttpListener | None = None
        with ExitStack() as undo:
            if settings.http.listen is not None:
                app = OtlpHttpApp(destinations, metrics, Gate.of(settings.http), settings.intake, mark=mark)
                self._http = HttpListener(app, settings.http, listen=settings.http.listen, name="http", shared=shared)
                undo.callback(self._http.join)
            if settings.grpc.listen is not None:
                self._grpc = OtlpGrpcServer(
                    destinations,
                    metrics,
                    check,
                    listener=settings.grpc,
                    listen=settings.grpc.listen,
                    intake=settings.intake,
                    mark=mark,
                    shared=shared,
                )
            undo.pop_all()

    @property
    def grpc_address(self) -> Address | None:
        """Where OTLP/gRPC is accepted."""
        return None if self._grpc is None else self._grpc.address

    @property
    def http_address(self) -> Address | None:
        """Where OTLP/HTTP is accepted."""
        return None if self._http is None else self._http.address

    def start(self) -> None:
        """Begin to answer."""
        for listener in (self._http, self._grpc):
            if listener is not None:
                listener.start()

    def report(self, problem: Refusal | None) -> None:
        """Tell whoever watches the health service what a check has found."""
        if self._grpc is not None:
            self._grpc.health.show(serving=problem is None)

    def stop_intake(self, grace: float) -> None:
        """Take nothing more in; what is under way has `grace` seconds to be answered."""
        deadline = time.monotonic() + grace
        if self._http is not None:
            self._http.close(grace)
        if self._grpc is not None:
            self._grpc.stop(grace)
        if self._http is not None:
            self._http.join(max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """Wait for what is left."""
        if self._http is not None:
            self._http.join()
