"""What has been spent, as Prometheus counters that survive a restart.

The counters are the ledger's totals and credit, plus every rise that the ledger has committed since; nothing else may
add to them, so a redelivered call or a failed commit cannot move them. Integers inside; a float is made only when a
scrape asks for one.

A counter is created in the hour of its first call, which the ledger knows too: were it created anew with every start,
whoever reads that (OpenMetrics, OTLP) would take a restart for a reset and count everything again.
"""

from __future__ import annotations

import time
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.metrics.counting import Counter, counted
from spancost_collector.metrics.table import CALLS, COST, IMPUTED, TOKENS, UNPRICED_CALLS, UNPRICED_TOKENS
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from spancost_collector.call import Series
    from spancost_collector.ledger.recall import Credit, Total
    from spancost_collector.ledger.writer import Rise
    from spancost_collector.metrics.labels import LabelBounds
    from spancost_collector.metrics.table import Metric

_MAX_CACHED: Final = 50_000
_HOUR_SECONDS: Final = 3600

_FAMILIES: Final[tuple[tuple[Metric, Counter, int], ...]] = (
    (COST, "cost", PICO_USD),
    (IMPUTED, "imputed", PICO_USD),
    (TOKENS, "tokens", 1),
    (CALLS, "calls", 1),
    (UNPRICED_CALLS, "unpriced_calls", 1),
    (UNPRICED_TOKENS, "unpriced_tokens", 1),
)
"""Metric, what it counts, and how many of that make one."""


class _Account:
    """The counters of one set of label values."""

    __slots__ = ("amounts", "hour")

    def __init__(self, hour: int) -> None:
        self.amounts: dict[tuple[Counter, str], int] = {}
        self.hour = hour
        """Unix hour of the first call."""

    def add(self, counter: Counter, label: str, amount: int) -> None:
        key = (counter, label)
        self.amounts[key] = self.amounts.get(key, 0) + amount


class Accounts(Collector):
    """The counters about calls: loaded from the ledger once, then moved by what it accepts."""

    def __init__(
        self, bounds: LabelBounds, *, folded: Callable[[str, int], None], now: Callable[[], float] = time.time
    ) -> None:
        self._bounds = bounds
        self._folded = folded
        self._now = now
        self._accounts: dict[tuple[str, ...], _Account] = {}
        self._by_series: dict[Series, tuple[_Account, tuple[str, ...]]] = {}
        self._lock = Lock()

    def load(self, totals: Iterable[Total], credit: Iterable[Credit]) -> None:
        """Start from what the ledger holds, and what counters showed beyond it: one may never fall."""
        this_hour = self._hour()
        totals, credit = list(totals), list(credit)
        with self._lock:
            # Labels are admitted in the order in which they were before, also those of a series that has credit alone.
            for shown in sorted((*totals, *credit), key=attrgetter("series_id")):
                self._account(shown.series, this_hour)
            for total in totals:
                account, _ = self._account(total.series, this_hour)
                account.hour = min(account.hour, total.first_hour)
                for amount in counted(total.outcome, total.status, total.reason, total.calls, total.parts):
                    account.add(*amount)
            for one in credit:
                account, _ = self._account(one.series, this_hour)
                account.add(one.counter, one.label, one.amount)

    def add(self, rises: Iterable[Rise]) -> None:
        """Add what a commit of the ledger has just moved."""
        this_hour = self._hour()
        with self._lock:
            for series, counter, label, amount in rises:
                account, folded = self._account(series, this_hour)
                account.add(counter, label, amount)
                if counter == "calls":
                    for dimension in folded:
                        self._folded(dimension, amount)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counters as they are now, all of the same moment."""
        with self._lock:
            families = self._families()
        yield from families

    def _families(self) -> list[CounterMetricFamily]:
        families: list[CounterMetricFamily] = []
        for metric, counter, scale in _FAMILIES:
            family = CounterMetricFamily(metric.name, metric.help, labels=(*self._bounds.dimensions, *metric.labels))
            for values, account in self._accounts.items():
                created = account.hour * _HOUR_SECONDS
                for (counts, label), amount in account.amounts.items():
                    if counts == counter:
                        family.add_metric((*values, label), amount / scale, created)
            families.append(family)
        return families

    def _hour(self) -> int:
        return int(self._now()) // _HOUR_SECONDS

    def _account(self, series: Series, hour: int) -> tuple[_Account, tuple[str, ...]]:
        known = self._by_series.get(series)
        if known is None:
            values, folded = self._bounds.labels(series)
            account = self._accounts.get(values)
            if account is None:
                account = self._accounts[values] = _Account(hour)
            known = (account, folded)
            if len(self._by_series) >= _MAX_CACHED:
                self._by_series.clear()
            self._by_series[series] = known
        return known
