"""However many users, features and made-up models there are: `/metrics` stays within its bound, to the pico-USD."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from tests.collector.measured import NOON, SERIES, charged

from spancost_collector.call import Attribution
from spancost_collector.ledger.writer import Rise
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.conversations import Conversations
from spancost_collector.metrics.distributions import Distributions
from spancost_collector.metrics.labels import COMBINATIONS, OTHER, LabelBounds
from spancost_collector.metrics.spend import Spend
from spancost_collector.metrics.spenders import Spenders
from spancost_collector.metrics.table import METRICS, most_series
from spancost_collector.metrics.workflows import Workflows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.registry import Collector

    from spancost_collector.call import Series

USERS = 1_000_000
CALLS = 200_000
PICO = 2_500_001
COMBINATIONS_AT_MOST = 1_000
HISTOGRAMS_AT_MOST = 100
MOST = {
    metric.name.removesuffix("_total"): most
    for metric in METRICS
    if (
        most := most_series(
            metric, max_combinations=COMBINATIONS_AT_MOST, max_histogram_combinations=HISTOGRAMS_AT_MOST
        )
    )
    is not None
}


def bounds() -> LabelBounds:
    return LabelBounds(max_combinations=COMBINATIONS_AT_MOST, max_histogram_combinations=HISTOGRAMS_AT_MOST)


def everybody() -> Iterator[Series]:
    """2,000 features call 500 models, every call a combination of its own."""
    for n in range(CALLS):
        yield SERIES._replace(feature=f"f{n % 2_000}", model=f"junk-{n // 400}", release=f"v{n % 7}")


def series_of(collector: Collector) -> dict[str, int]:
    """Family -> how many series it has."""
    registry = CollectorRegistry()
    registry.register(collector)
    return {family.name: len(family.samples) for family in registry.collect()}


def pico_of(collector: Collector, name: str, **labels: str) -> int:
    """The sum over all series; each is small enough for a float to hold it exactly."""
    return sum(
        round(sample.value * 10**12)
        for family in collector.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def within_bounds(collector: Collector) -> bool:
    found = series_of(collector)
    assert found
    return all(number <= MOST[name] for name, number in found.items())


@pytest.mark.end_to_end
def test_a_million_users_2000_features_and_500_junk_models_stay_within_the_bound_and_lose_no_money() -> None:
    folded: dict[str, int] = {}

    def count(dimension: str, calls: int) -> None:
        folded[dimension] = folded.get(dimension, 0) + calls

    accounts = Accounts(bounds(), folded=count)
    for series in everybody():
        accounts.add([Rise(series, "calls", "ok", 1), Rise(series, "cost", "input", PICO)])
    spenders = Spenders(
        now=lambda: datetime.fromtimestamp(NOON, UTC),
        spent_between=lambda who, _since, _until: ((f"{who}{n}", PICO) for n in range(USERS)),
    )
    spenders.load()

    assert within_bounds(accounts)
    assert within_bounds(spenders)
    # 800 whole combinations, 200 of what a combination keeps and of everything else: 1,000, and as many `_created`.
    assert series_of(accounts)["spancost_cost_usd"] == 2_000
    assert pico_of(accounts, "spancost_cost_usd_total") == 500_000_200_000
    # 300 of 500 models and 1,800 of 2,000 features come too late.
    assert folded["model"] == 120_000
    assert folded["feature"] == 180_000
    assert folded[COMBINATIONS] > 150_000


def test_the_spend_of_the_day_and_the_month_is_bounded_and_exact() -> None:
    def spent(since: datetime, _until: datetime) -> Iterable[tuple[Series, int]]:
        return [(series, PICO) for n, series in enumerate(everybody()) if n % 10 == 0]

    spend = Spend(bounds(), spent)

    assert within_bounds(spend)
    assert pico_of(spend, "spancost_spend_usd", period="month") == 50_000_020_000


def test_histograms_and_what_is_counted_by_workflow_and_conversation_are_bounded() -> None:
    shared = bounds()
    seen = (
        Distributions(shared),
        Workflows(shared, quiet_seconds=0.0),
        Conversations(shared, learning_seconds=0.0),
    )
    calls = [
        charged(n, trace=n + 1, model=f"junk-{n % 499}", who=Attribution(feature=f"f{n % 1_999}", session=f"s{n}"))
        for n in range(10_000)
    ]
    for each in seen:
        each.observe(calls)

    assert all(map(within_bounds, seen))
    cost = {
        sample.labels["feature"]: sample.value
        for family in seen[1].collect()
        for sample in family.samples
        if sample.name == "spancost_workflow_cost_usd_sum"
    }
    assert len(cost) == 100
    assert sum(round(usd * 10**12) for usd in cost.values()) == 20_000_000_000_000


def test_a_combination_too_many_keeps_feature_and_model_and_only_then_becomes_other() -> None:
    few = LabelBounds(max_combinations=5)
    releases = [few.labels(SERIES._replace(release=f"v{n}")) for n in range(5)]
    feature = few.labels(SERIES._replace(feature="search", release="v9"))

    # Four of five are whole ones, and one of these stands for everything else.
    assert [labels.values[5] for labels in releases] == ["v0", "v1", "v2", OTHER, OTHER]
    assert releases[4].values == ("chat", OTHER, "acme", "one", "prod", OTHER, OTHER)
    assert releases[4].folded == (COMBINATIONS,)
    assert feature.values == (OTHER,) * 7
    assert few.labels(SERIES._replace(release="v1")).folded == ()
