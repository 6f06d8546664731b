"""Today's and this month's spend, exact, from the ledger, by the calendar of the configured time zone.

`increase()` over counters is an estimate that a gap in scraping makes worse; a budget needs the figure that the ledger
has. Every scrape asks for it, and the ledger is read again only when the last answer is old enough for what reading it
took, so that a large ledger is never read all the time. Where it cannot be read there is no figure, never an old one.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from datetime import UTC, datetime, timedelta, tzinfo
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.call import UNATTRIBUTED, Series
from spancost_collector.errors import LedgerError
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.metrics.table import SPEND
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from spancost_collector.metrics.labels import LabelBounds

_log: Final = logging.getLogger(__name__)

REFRESH_SECONDS: Final = 15.0
_PATIENCE: Final = 20
"""How many times as long as reading takes the answer is used at least."""

_Shown = dict[tuple[str, ...], tuple[int, int]]
"""Label values -> pico-USD of the day and of the month."""


class Spend(Collector):
    """The gauges of the day and the month."""

    def __init__(
        self,
        bounds: LabelBounds,
        spend_between: Callable[[datetime, datetime], Iterable[tuple[Series, int]]],
        *,
        zone: tzinfo = UTC,
        refresh_seconds: float = REFRESH_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds = bounds
        self._spend_between = spend_between
        self._zone = zone
        self._refresh = refresh_seconds
        self._now = now
        self._clock = clock
        self._lock = Lock()
        self._shown: _Shown = {}
        self._read_again = float("-inf")
        self._day: datetime | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The spend of the day and the month so far."""
        with self._lock:
            day = self._now().astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            started = self._clock()
            if started >= self._read_again or day != self._day:
                self._shown = self._read(day)
                self._day = day
                finished = self._clock()
                self._read_again = finished + max(self._refresh, _PATIENCE * (finished - started))
            shown = self._shown
        family = GaugeMetricFamily(SPEND.name, SPEND.help, labels=(*self._bounds.dimensions, *SPEND.labels))
        for values, (today, month) in shown.items():
            family.add_metric((*values, "day"), today / PICO_USD)
            family.add_metric((*values, "month"), month / PICO_USD)
        yield family

    def _read(self, day: datetime) -> _Shown:
        try:
            return self._sum(day)
        except (LedgerError, sqlite3.Error) as error:
            _log.warning("%s is not shown: the ledger cannot be read: %s", SPEND.name, error)
            return {}

    def _sum(self, day: datetime) -> _Shown:
        sums: dict[tuple[str, ...], list[int]] = {}
        month = day.replace(day=1)
        # What a clock ahead of its time has dated later is no spend of today yet.
        until = (day + timedelta(days=1), (month + timedelta(days=31)).replace(day=1))
        for period, since in enumerate((day, month)):
            for series, pico in self._spend_between(since, until[period]):
                values = self._bounds.labels(series).values
                sums.setdefault(values, [0, 0])[period] += pico
        # What is spent today is part of the month; a call that ends between the two readings is in the second only.
        return {values: (today, max(today, month)) for values, (today, month) in sums.items()}


def from_ledger(path: Path) -> Callable[[datetime, datetime], Iterable[tuple[Series, int]]]:
    """Reads the ledger at `path`, beside whoever writes it."""

    def spend_between(since: datetime, until: datetime) -> list[tuple[Series, int]]:
        reader = LedgerReader(path)
        try:
            rows = reader.report(Series._fields, since=since, until=until).rows
        finally:
            reader.close()
        return [(_series(row.key), row.cost_pico) for row in rows if row.cost_pico is not None]

    return spend_between


def _series(key: Iterable[str | None]) -> Series:
    return Series._make("" if value is None or value == UNATTRIBUTED else value for value in key)
