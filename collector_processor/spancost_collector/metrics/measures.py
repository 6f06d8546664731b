"""Everything on `/metrics` that says more about calls than the counters do, made together and fed together.

The pipeline knows one object: it hands over the calls that the ledger has just accepted as new, and each measure takes
from them what it shows.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final

from spancost_collector.call import UNATTRIBUTED
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.metrics.conventions import ClientMetrics
from spancost_collector.metrics.conversations import Conversations
from spancost_collector.metrics.distributions import Distributions
from spancost_collector.metrics.price_age import PriceAge, last_checked
from spancost_collector.metrics.spend import Spend, from_ledger
from spancost_collector.metrics.spenders import Spenders
from spancost_collector.metrics.workflows import Workflows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from prometheus_client import CollectorRegistry

    from spancost_collector.call import Charged
    from spancost_collector.ledger.kept import KeptCharge
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
        spenders = Spenders(zone=zone, spent_between=_spenders_in(ledger))
        spenders.load()
        further = () if conventions == "none" else (ClientMetrics(conventions, bounds.max_histogram_combinations),)
        self._spenders: Final = spenders
        self._fed: Final = (Distributions(bounds), Workflows(bounds), Conversations(bounds), spenders, *further)
        for measure in (*self._fed, Spend(bounds, from_ledger(ledger), zone=zone), PriceAge(last_checked())):
            registry.register(measure)

    def correct(self, withdrawn: Sequence[KeptCharge], replaced: Sequence[Charged]) -> None:
        """Show what the ledger has corrected where that can be shown: nothing can be taken out of a histogram."""
        self._spenders.correct(withdrawn, replaced)

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        for measure in self._fed:
            measure.observe(calls)


def _spenders_in(ledger: Path) -> Callable[[str, datetime, datetime], list[tuple[str, int]]]:
    """Reads who spent what, beside whoever writes the ledger."""

    def spent_between(who: str, since: datetime, until: datetime) -> list[tuple[str, int]]:
        reader = LedgerReader(ledger)
        try:
            rows = reader.report((who,), since=since, until=until).rows
        finally:
            reader.close()
        named = ((row.key[0], row.cost_pico) for row in rows)
        return [(name, pico) for name, pico in named if name and name != UNATTRIBUTED and pico]

    return spent_between
