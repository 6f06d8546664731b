"""Everything on `/metrics` that says more about calls than the counters do, made together and fed together.

The pipeline knows one object: it hands over the calls that the ledger has just accepted as new, and each measure takes
from them what it shows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from spancost_collector.ledger.report import UNATTRIBUTED, LedgerReader
from spancost_collector.metrics.conventions import ClientMetrics
from spancost_collector.metrics.conversations import Conversations
from spancost_collector.metrics.distributions import Distributions
from spancost_collector.metrics.price_age import PriceAge, last_checked
from spancost_collector.metrics.spend import Spend, from_ledger
from spancost_collector.metrics.spenders import WHO, Spenders
from spancost_collector.metrics.workflows import Workflows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prometheus_client import CollectorRegistry

    from spancost_collector.call import Charged
    from spancost_collector.metrics.conventions import Generation
    from spancost_collector.metrics.labels import LabelBounds


class Measures:
    """Distributions, workflows, conversations, spend, spenders, the age of the prices, and what conventions name."""

    def __init__(
        self,
        registry: CollectorRegistry,
        bounds: LabelBounds,
        *,
        ledger: Path,
        zone: tzinfo = UTC,
        conventions: Generation = "none",
    ) -> None:
        spenders = Spenders(zone=zone)
        _load(spenders, ledger, zone)
        further = () if conventions == "none" else (ClientMetrics(conventions, bounds.max_histogram_combinations),)
        self._fed: Final = (Distributions(bounds), Workflows(bounds), Conversations(bounds), spenders, *further)
        for measure in (*self._fed, Spend(bounds, from_ledger(ledger), zone=zone), PriceAge(last_checked())):
            registry.register(measure)

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        for measure in self._fed:
            measure.observe(calls)


def _load(spenders: Spenders, ledger: Path, zone: tzinfo) -> None:
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    reader = LedgerReader(ledger)
    try:
        for who in WHO:
            rows = reader.report((who,), since=today, until=today + timedelta(days=1)).rows
            named = ((row.key[0], row.cost_pico) for row in rows)
            spenders.load(who, [(name, pico) for name, pico in named if name and name != UNATTRIBUTED and pico])
    finally:
        reader.close()
