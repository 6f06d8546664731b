"""The kinds of telemetry that OTLP has, and under which names each comes in; another one that is taken is one entry.

A listener is told which of them have somewhere to go. The others are answered in a way that a person can act on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.outcome import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    Submit = Callable[[bytes], Future[Refusal | None] | None]
    """Hands a request in; the promise of its answer, or None where there is no room."""
    Destinations = Mapping["Signal", Submit]
    """Where the signals that are taken go."""


class Signal(NamedTuple):
    """One kind of telemetry."""

    name: str
    service: str
    """The gRPC service whose `Export` takes it."""
    path: str
    """Where it is posted to."""
    but: str = ""
    """Whose are taken all the same."""

    @property
    def not_taken(self) -> Refusal:
        """What a sender of it hears where it has nowhere to go."""
        return Refusal(
            "not_taken",
            f"spancost takes traces, not {self.name}{self.but}; send {self.name} elsewhere,"
            f" or switch them off at the sender (OTEL_{self.name.upper()}_EXPORTER=none)",
        )


_PACKAGE: Final = "opentelemetry.proto.collector"
TRACES: Final = Signal("traces", f"{_PACKAGE}.trace.v1.TraceService", "/v1/traces")
METRICS: Final = Signal("metrics", f"{_PACKAGE}.metrics.v1.MetricsService", "/v1/metrics", " (but coding agents' own)")
LOGS: Final = Signal("logs", f"{_PACKAGE}.logs.v1.LogsService", "/v1/logs", " (but coding agents' own)")
SIGNALS: Final = (TRACES, METRICS, LOGS)
