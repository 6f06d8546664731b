"""Who spends most today, without making anybody a label: the first ranks, the middle one, and how many there are.

Users and tenants are far too many for label values, and their names do not belong in a metrics store. What an alert
needs is how far the first is above the rest; who that is, the ledger says (`spancost report --by user`). Spenders are
kept for the current day of the configured time zone, in bounded memory: when there are too many, the smaller half is
forgotten, which leaves the first ranks right and the middle one too high.

Where the clock is put back to a day that was over, what was spent on it is read from the ledger again.
"""

from __future__ import annotations

import logging
import sqlite3
from datetime import UTC, datetime, timedelta, tzinfo
from heapq import nlargest
from statistics import median_low
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.call import UNATTRIBUTED
from spancost_collector.errors import LedgerError
from spancost_collector.metrics.table import MEDIAN_SPENDER, RANKS, SPENDERS, TOP_SPENDERS
from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from spancost_collector.call import Charged
    from spancost_collector.ledger.kept import KeptCharge

_log: Final = logging.getLogger(__name__)

WHO: Final = ("user", "tenant")
MOST_SPENDERS: Final = 100_000


class Spenders(Collector):
    """Adds up the day's spend by user and by tenant."""

    def __init__(
        self,
        *,
        zone: tzinfo = UTC,
        spent_between: Callable[[str, datetime, datetime], Iterable[tuple[str, int]]] = lambda _who, _since, _until: (),
        most_spenders: int = MOST_SPENDERS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`spent_between` is what the ledger has of users or tenants: name, pico-USD."""
        self._zone = zone
        self._spent_between = spent_between
        self._most = most_spenders
        self._now = now
        self._lock = Lock()
        self._day: date | None = None
        self._day_ns = range(0)
        """The Unix nanoseconds of the day."""
        self._spent: dict[str, dict[str, int]] = {who: {} for who in WHO}
        self._incomplete = False
        """Whether the ledger has more of the day."""

    def load(self) -> None:
        """Start from what the ledger has of today."""
        with self._lock:
            self._turn()
            self._read()

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        with self._lock:
            self._turn()
            if self._incomplete:
                self._catch_up()  # with these calls
                return
            self._add_calls(calls)

    def correct(self, withdrawn: Sequence[KeptCharge], replaced: Sequence[Charged]) -> None:
        """Take back charges that the ledger has withdrawn, and add what took their place; then `observe` follows."""
        with self._lock:
            self._turn()
            if self._incomplete:
                return  # `observe` reads all of it
            for kept in withdrawn:
                if kept.spent_pico and kept.end_ns in self._day_ns:
                    self._take_back("user", kept.user, kept.spent_pico)
                    self._take_back("tenant", kept.tenant, kept.spent_pico)
            self._add_calls(replaced)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The ranks, the middle and the number, of the same moment."""
        with self._lock:
            self._turn()
            shown = {} if self._incomplete else self._spent
            amounts = {who: list(spent.values()) for who, spent in shown.items()}
        top, middle, number = (
            GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for metric in (TOP_SPENDERS, MEDIAN_SPENDER, SPENDERS)
        )
        for who, spent in amounts.items():
            number.add_metric((who,), len(spent))
            if spent:
                middle.add_metric((who,), median_low(spent) / PICO_USD)
            for rank, pico in enumerate(nlargest(RANKS, spent), start=1):
                top.add_metric((who, str(rank)), pico / PICO_USD)
        yield from (top, middle, number)

    def _add_calls(self, calls: Sequence[Charged]) -> None:
        today = self._day_ns
        for call, charge, _ in calls:
            pico = charge.spent_pico
            if not pico or call.end_ns not in today:
                continue  # whoever has cost nothing so far is no spender
            paid_by = call.attribution
            if paid_by.user and paid_by.user != UNATTRIBUTED:
                self._add("user", paid_by.user, pico)
            if paid_by.tenant and paid_by.tenant != UNATTRIBUTED:
                self._add("tenant", paid_by.tenant, pico)

    def _take_back(self, who: str, name: str | None, pico: int) -> None:
        spent = self._spent[who]
        if name is None or name not in spent:
            return  # nobody, or forgotten with the smaller half
        spent[name] -= pico
        if spent[name] <= 0:
            del spent[name]

    def _add(self, who: str, name: str, pico: int) -> None:
        spent = self._spent[who]
        if name in spent:
            spent[name] += pico
            return
        if len(spent) >= self._most:
            self._spent[who] = spent = dict(nlargest(self._most // 2, spent.items(), key=lambda item: item[1]))
        spent[name] = pico

    def _turn(self) -> None:
        """Begin anew with a new day."""
        today = self._now().astimezone(self._zone).date()
        if today != self._day:
            self._incomplete = self._day is not None and today < self._day
            self._day = today
            since, until = (round(midnight.timestamp()) * 1_000_000_000 for midnight in self._midnights(today))
            self._day_ns = range(since, until)
            self._spent = {who: {} for who in WHO}

    def _midnights(self, day: date) -> tuple[datetime, datetime]:
        """When a day begins and ends."""
        begins, ends = (
            datetime(one.year, one.month, one.day, tzinfo=self._zone) for one in (day, day + timedelta(days=1))
        )
        return begins, ends

    def _catch_up(self) -> None:
        try:
            self._read()
        except (LedgerError, sqlite3.Error) as error:
            _log.warning("%s is not shown: the ledger cannot be read: %s", TOP_SPENDERS.name, error)
            self._spent = {who: {} for who in WHO}

    def _read(self) -> None:
        assert self._day is not None
        since, until = self._midnights(self._day)
        for who in WHO:
            for name, pico in self._spent_between(who, since, until):
                self._add(who, name, pico)
        self._incomplete = False
