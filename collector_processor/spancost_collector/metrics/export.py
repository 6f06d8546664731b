"""Metrics sent over OTLP, for a backend that does not scrape.

Everything is cumulative, so an export that fails costs nothing but its own moment: the next one says it all again. It
runs in a thread of its own, and nobody waits for it.
"""

from __future__ import annotations

import logging
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from spancost_collector.exposition.otlp import Exposition
from spancost_collector.forward.hop import Hop
from spancost_collector.forward.next_hops import open_transport
from spancost_collector.forward.over_grpc import EXPORT_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import Counter
    from prometheus_client.registry import Collector

    from spancost_collector.config import MetricsTarget

_log: Final = logging.getLogger(__name__)
_MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""What an OTLP receiver accepts unless told otherwise."""


class MetricsExport:
    """Sends a receiver's metrics every so often, from `start` to `stop`, and once more then."""

    def __init__(
        self,
        target: MetricsTarget,
        collector: Collector,
        failures: Mapping[str, Counter],
        *,
        instance: str,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Prepare the connection, which is made when it is first used; `instance` is this receiver's among others.

        Raises:
            ConfigError: a certificate cannot be used.
        """
        resource = {"service.name": "spancost", "service.instance.id": instance}
        self._exposition = Exposition(collector, resource=resource, started_ns=now())
        self._hop = Hop(
            open_transport(target, EXPORT_METRICS, section="metrics.otlp"),
            counts=_Failures(failures),
            max_bytes=_MAX_REQUEST_BYTES,
        )
        self._interval = target.interval_seconds
        self._now = now
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="spancost-metrics-export", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Send once more within `grace` seconds, and then nothing."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(grace)
        self._hop.close()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            self._export()
        self._export()

    def _export(self) -> None:
        try:
            self._hop(list(self._exposition.requests(self._now())))
        except Exception:
            _log.exception("metrics were not sent to %s by a fault of ours", self._hop.name)


class _Failures:
    """Counts what was not taken, as `hop.HopCounts`."""

    def __init__(self, by_reason: Mapping[str, Counter]) -> None:
        self._by_reason = by_reason

    def failed(self, requests: int) -> None:
        """The target could not take them now."""
        self._by_reason["unavailable"].inc(requests)

    def rejected(self, requests: int) -> None:
        """The target refused them for good."""
        self._by_reason["rejected"].inc(requests)

    def rejected_spans(self, spans: int) -> None:
        """The target took a request but for some points."""
        self._by_reason["partly"].inc()
