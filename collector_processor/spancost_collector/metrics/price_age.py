"""How old the prices in use are: providers change them, and a price list that nobody looks after goes wrong in silence.

The prices that come with the package are as old as the newest date on which one of them was checked against its
source; price data that the operator has taken over since is as old as that.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.metrics.table import PRICE_AGE
from spancost_collector.price_data import PriceDataFolder
from spancost_pricing import PriceFileError
from spancost_pricing.book import corrections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log: Final = logging.getLogger(__name__)


class PriceAge(Collector):
    """The age of the prices at each scrape."""

    def __init__(self, checked: Callable[[], float], *, clock: Callable[[], float] = time.time) -> None:
        self._checked = checked
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Seconds since the prices were last checked; never below zero, whatever the clocks say."""
        try:
            checked = self._checked()
        except (PriceFileError, OSError) as error:
            _log.warning("%s is not shown: %s", PRICE_AGE.name, error)
            return
        yield GaugeMetricFamily(PRICE_AGE.name, PRICE_AGE.help, value=max(0.0, self._clock() - checked))


def last_checked(folder: PriceDataFolder | None = None) -> Callable[[], float]:
    """The Unix time at which the prices in use were last checked, looked up when asked: they may be replaced."""
    folder = PriceDataFolder() if folder is None else folder
    installed = _installed()

    def checked() -> float:
        adopted = folder.current()
        return installed if adopted is None else max(installed, adopted.path.stat().st_mtime)

    return checked


def _installed() -> float:
    day = corrections().checked
    return 0.0 if day is None else datetime.combine(day, datetime.min.time(), UTC).timestamp()
