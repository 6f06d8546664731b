"""What `/metrics` says beside the counters: distributions, workflows, conversations, spend, age of prices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from tests.collector.measured import NOON, SERIES, Clock, bounds, charged, samples

from spancost_collector.call import Attribution, Series
from spancost_collector.errors import LedgerError
from spancost_collector.metrics.conversations import Conversations
from spancost_collector.metrics.distributions import Distributions
from spancost_collector.metrics.histograms import MOST_WAITING, Layout, Observations
from spancost_collector.metrics.labels import LabelBounds
from spancost_collector.metrics.price_age import PriceAge, last_checked
from spancost_collector.metrics.spend import Spend
from spancost_collector.metrics.spenders import Spenders
from spancost_collector.metrics.table import METRICS, Metric
from spancost_collector.metrics.workflows import Workflows
from spancost_collector.price_data import PriceDataFolder
from spancost_pricing import PriceFileError, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prometheus_client.registry import Collector


def test_a_call_is_in_the_histograms_of_its_cost_tokens_and_times() -> None:
    seen = Distributions(bounds())
    seen.observe([charged(first_chunk_s=0.3), charged(2, usd=0.5, tokens=(70_000, 400), seconds=30.0)])

    shown = samples(seen)

    at = "environment=prod,feature=chat,{}model=one,provider=acme"
    every = at.format("")
    assert shown[f"spancost_call_cost_usd_sum{{{every}}}"] == 0.502
    assert shown[f"spancost_call_cost_usd_bucket{{{at.format('le=0.003,')}}}"] == 1
    assert shown[f"spancost_call_cost_usd_bucket{{{at.format('le=1.0,')}}}"] == 2
    assert shown[f"spancost_call_input_tokens_sum{{{every}}}"] == 71_000
    assert shown[f"spancost_call_input_tokens_bucket{{{at.format('le=1024.0,')}}}"] == 1
    assert shown[f"spancost_call_output_tokens_sum{{{every}}}"] == 410
    assert shown[f"spancost_call_duration_seconds_bucket{{{at.format('le=2.5,')}}}"] == 1
    assert shown[f"spancost_call_duration_seconds_sum{{{every}}}"] == 32
    assert shown[f"spancost_time_to_first_chunk_seconds_count{{{every}}}"] == 1
    assert shown[f"spancost_time_to_first_chunk_seconds_bucket{{{at.format('le=0.25,')}}}"] == 0


def test_what_is_not_known_is_observed_nowhere() -> None:
    seen = Distributions(bounds())
    seen.observe([charged(usd=None, tokens=(None, None), seconds=0.0)])

    assert samples(seen) == {}


def test_what_adds_up_several_calls_is_no_call() -> None:
    several = charged()
    usage = Usage(input_tokens=9000, output_tokens=90, batched_requests=9)
    seen = Distributions(bounds())
    seen.observe([several._replace(call=several.call._replace(usage=usage))])

    assert samples(seen) == {}


def test_what_a_subscription_covers_has_tokens_and_no_cost() -> None:
    covered = charged(who=Attribution(feature="chat", user="u1"))
    covered = covered._replace(charge=covered.charge._replace(status="imputed"))
    seen, spenders = Distributions(bounds()), Spenders(now=lambda: datetime.fromtimestamp(NOON, UTC))
    seen.observe([covered])
    spenders.observe([covered])

    at = "{environment=prod,feature=chat,model=one,provider=acme}"
    shown = samples(seen)
    assert shown[f"spancost_call_input_tokens_sum{at}"] == 1000
    assert shown.get(f"spancost_call_cost_usd_count{at}", 0) == 0
    assert samples(spenders)["spancost_spenders{who=user}"] == 0


def test_a_reported_zero_is_observed() -> None:
    seen = Distributions(bounds())
    seen.observe([charged(usd=0.0, tokens=(0, 0))])

    shown = samples(seen)
    at = "environment=prod,feature=chat,le=64.0,model=one,provider=acme"
    assert shown[f"spancost_call_output_tokens_bucket{{{at}}}"] == 1
    assert shown["spancost_call_cost_usd_count{environment=prod,feature=chat,model=one,provider=acme}"] == 1


def test_a_count_below_zero_lowers_no_sum() -> None:
    seen = Distributions(bounds())
    seen.observe([charged(1), charged(2, tokens=(-250, 7)), charged(3, tokens=(5, -3))])

    shown = samples(seen)
    at = "{environment=prod,feature=chat,model=one,provider=acme}"
    assert shown[f"spancost_call_input_tokens_sum{at}"] == 1005
    assert shown[f"spancost_call_input_tokens_count{at}"] == 2
    assert shown[f"spancost_call_output_tokens_sum{at}"] == 17
    assert shown[f"spancost_call_cost_usd_count{at}"] == 3


def exemplar_at(bucket: str, collector: Collector) -> str:
    """What an OpenMetrics scrape says of the first label set's bucket: its count and its exemplar."""
    registry = CollectorRegistry()
    registry.register(collector)
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    name, _, bound = bucket.partition(" ")
    lines = encode(registry).decode().splitlines()
    return next(line.partition("} ")[2] for line in lines if line.startswith(f"{name}_bucket") and bound in line)


def test_an_openmetrics_scrape_leads_from_a_bucket_to_the_trace_of_its_latest_call() -> None:
    seen = Distributions(bounds())
    seen.observe([charged(trace=7, usd=0.5), charged(2, trace=8, usd=0.9)])

    assert (
        exemplar_at('spancost_call_cost_usd le="1.0"', seen)
        == '2.0 # {trace_id="00000000000000000000000000000008"} 0.9 1795176000.0'
    )


def test_calls_that_wait_to_be_counted_are_counted_once_and_in_their_order_whoever_looks_when() -> None:
    seen = Distributions(bounds())
    # Odd calls have a cost; three releases share a label set.
    calls = [
        charged(n, trace=n, usd=0.5 if n % 2 else None, tokens=(n % 2 * 1000, 10))._replace(
            series=SERIES._replace(release=f"v{n % 3}")
        )
        for n in range(1, 10_001)
    ]
    at = "{environment=prod,feature=chat,model=one,provider=acme}"

    seen.observe(calls[:3])
    shown = samples(seen)
    assert shown[f"spancost_call_cost_usd_count{at}"] == 2
    assert shown[f"spancost_call_input_tokens_count{at}"] == 3

    for start in range(3, 10_000, 7):
        seen.observe(calls[start : start + 7])
    for _ in range(2):
        shown = samples(seen)
        assert shown[f"spancost_call_cost_usd_count{at}"] == 5_000
        assert shown[f"spancost_call_cost_usd_sum{at}"] == 2_500
        assert shown[f"spancost_call_input_tokens_count{at}"] == 10_000
        assert shown[f"spancost_call_input_tokens_sum{at}"] == 5_000_000
        assert shown[f"spancost_call_output_tokens_sum{at}"] == 100_000
        assert shown[f"spancost_call_duration_seconds_sum{at}"] == 20_000
    # 9,999 and 10,000.
    assert exemplar_at('spancost_call_cost_usd le="1.0"', seen).startswith(
        '5000.0 # {trace_id="0000000000000000000000000000270f"} 0.5 '
    )
    assert exemplar_at('spancost_call_input_tokens le="64.0"', seen).startswith(
        '5000.0 # {trace_id="00000000000000000000000000002710"} 0.0 '
    )


def test_no_more_than_a_bounded_number_of_calls_waits_to_be_counted() -> None:
    observations = Observations(Layout((1.0,), 1))
    for n in range(MOST_WAITING):
        assert sum(map(len, observations.waiting.values())) == n
        observations.waiting[(str(n % 100),)].append((b"", NOON, n))
        observations.added(1)

    assert not observations.waiting
    assert sum(each.total for _, [each] in observations.seen()) == 8_386_560


def test_label_sets_past_the_bound_share_one() -> None:
    seen = Distributions(LabelBounds(max_histogram_combinations=3))
    seen.observe([charged(n, model=f"m{n}") for n in range(5)])

    shown = samples(seen)
    counts = {name: value for name, value in shown.items() if name.startswith("spancost_call_cost_usd_count")}
    other = "environment=__other__,feature=__other__,model=__other__,provider=__other__,task=__other__"
    assert len(counts) == 3
    assert counts[f"spancost_call_cost_usd_count{{{other}}}"] == 3


def test_a_workflow_is_counted_once_it_is_quiet_and_shown_while_it_runs() -> None:
    clock = Clock()
    seen = Workflows(bounds(), quiet_seconds=60, clock=clock)
    seen.observe([charged(n, trace=7) for n in range(1, 4)])
    clock.now += 59
    seen.observe([charged(4, trace=7)])

    assert samples(seen) == {"spancost_workflow_open_calls{environment=prod,feature=chat}": 4}

    clock.now += 60
    shown = samples(seen)
    assert shown["spancost_workflow_open_calls{environment=prod,feature=chat}"] == 0
    assert shown["spancost_workflow_calls_count{environment=prod,feature=chat}"] == 1
    assert shown["spancost_workflow_calls_sum{environment=prod,feature=chat}"] == 4
    assert shown["spancost_workflow_calls_bucket{environment=prod,feature=chat,le=3.0}"] == 0
    assert shown["spancost_workflow_calls_bucket{environment=prod,feature=chat,le=5.0}"] == 1
    assert shown["spancost_workflow_cost_usd_sum{environment=prod,feature=chat}"] == 0.008


def test_a_workflow_with_a_call_without_a_price_has_no_cost_and_one_with_a_failed_call_has() -> None:
    clock = Clock()
    seen = Workflows(bounds(), clock=clock)
    seen.observe([charged(1, trace=7), charged(2, trace=7, usd=None)])
    seen.observe([charged(3, trace=8), charged(4, trace=8, usd=None, outcome="error", reason="no_usage")])
    clock.now += 60

    shown = samples(seen)
    assert shown["spancost_workflow_calls_count{environment=prod,feature=chat}"] == 2
    assert shown["spancost_workflow_cost_usd_count{environment=prod,feature=chat}"] == 1
    assert shown["spancost_workflow_cost_usd_sum{environment=prod,feature=chat}"] == 0.002


def test_with_too_many_workflows_open_the_one_quiet_for_longest_is_counted_early() -> None:
    clock = Clock()
    seen = Workflows(bounds(), most_open=2, clock=clock)
    for trace in (7, 8):
        seen.observe([charged(trace, trace=trace)])
    seen.observe([charged(17, trace=7)])
    seen.observe([charged(9, trace=9)])

    shown = samples(seen)
    assert shown["spancost_workflow_calls_sum{environment=prod,feature=chat}"] == 1
    assert shown["spancost_workflow_open_calls{environment=prod,feature=chat}"] == 2


def test_only_the_first_call_of_a_session_opens_a_conversation() -> None:
    clock = Clock()
    seen = Conversations(bounds(), learning_seconds=0, clock=clock)
    who = Attribution(feature="chat", session="s1")
    seen.observe([charged(1, who=who, tokens=(100, 5)), charged(2, who=who, tokens=(900, 5))])
    seen.observe([charged(3, who=who._replace(session="s2"), tokens=(120, 5)), charged(4)])

    assert samples(seen) == {
        "spancost_conversation_openings_total{environment=prod,feature=chat}": 2,
        "spancost_conversation_opening_input_tokens_total{environment=prod,feature=chat}": 220,
    }


def test_a_first_call_with_a_count_below_zero_opens_no_conversation() -> None:
    seen = Conversations(bounds(), learning_seconds=0, clock=Clock())
    who = Attribution(feature="chat", session="s1")
    seen.observe([charged(1, who=who, tokens=(-250, 5)), charged(2, who=who, tokens=(100, 5))])

    assert samples(seen) == {
        "spancost_conversation_openings_total{environment=prod,feature=chat}": 1,
        "spancost_conversation_opening_input_tokens_total{environment=prod,feature=chat}": 100,
    }


def test_sessions_met_soon_after_a_start_may_be_old_and_are_not_counted() -> None:
    clock = Clock()
    seen = Conversations(bounds(), learning_seconds=3600, clock=clock)
    who = Attribution(feature="chat", session="s1")
    seen.observe([charged(1, who=who)])
    clock.now += 3600
    seen.observe([charged(2, who=who), charged(3, who=who._replace(session="s2"))])

    assert samples(seen)["spancost_conversation_openings_total{environment=prod,feature=chat}"] == 1


def test_sessions_are_forgotten_longest_unheard_of_first() -> None:
    seen = Conversations(bounds(), learning_seconds=0, most_sessions=2, clock=Clock())
    who = Attribution(feature="chat")
    for number, session in enumerate(["a", "b", "a", "c", "a", "b"]):
        seen.observe([charged(number, who=who._replace(session=session))])

    # a, b, c, and b again: it had to go when c came.
    assert samples(seen)["spancost_conversation_openings_total{environment=prod,feature=chat}"] == 4


class Books:
    """A ledger that says what was spent between moments, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked = list[tuple[datetime, datetime]]()
        self.day = [(SERIES, 2_500_000_000_000)]
        self.month = [(SERIES, 40_000_000_000_001), (SERIES._replace(model="two"), 10**12)]

    def __call__(self, since: datetime, until: datetime) -> Iterable[tuple[Series, int]]:
        self.asked.append((since, until))
        return self.day if since.day != 1 else self.month


def test_the_spend_of_the_day_and_the_month_begins_at_midnight_of_the_configured_zone() -> None:
    books, clock = Books(), Clock()
    # 23:30 in UTC on the 19th is 00:30 on the 20th in Vienna.
    now = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    spend = Spend(bounds(), books, zone=ZoneInfo("Europe/Vienna"), now=lambda: now, clock=clock)

    shown = samples(spend)

    # What clocks ahead of their time have dated later is not in it.
    assert [(since.isoformat(), until.isoformat()) for since, until in books.asked] == [
        ("2026-11-20T00:00:00+01:00", "2026-11-21T00:00:00+01:00"),
        ("2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00"),
    ]
    at = "environment=prod,feature=chat,model={},period={},provider=acme,service=shop"
    assert shown == {
        f"spancost_spend_usd{{{at.format('one', 'day')}}}": 2.5,
        f"spancost_spend_usd{{{at.format('one', 'month')}}}": 40.000000000001,
        f"spancost_spend_usd{{{at.format('two', 'day')}}}": 0.0,
        f"spancost_spend_usd{{{at.format('two', 'month')}}}": 1.0,
    }


def test_the_day_on_which_summer_time_ends_is_an_hour_longer() -> None:
    books = Books()
    now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    list(Spend(bounds(), books, zone=ZoneInfo("Europe/Vienna"), now=lambda: now).collect())

    assert [(since.isoformat(), until.isoformat()) for since, until in books.asked] == [
        ("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        ("2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"),
    ]


def test_the_ledger_is_read_again_when_the_answer_is_old_or_the_day_is_over() -> None:
    books, clock = Books(), Clock()
    now = [datetime(2026, 11, 20, 23, 59, tzinfo=UTC)]
    spend = Spend(bounds(), books, refresh_seconds=15, now=lambda: now[0], clock=clock)
    list(spend.collect())
    clock.now += 14
    list(spend.collect())
    assert len(books.asked) == 2

    clock.now += 1
    list(spend.collect())
    assert len(books.asked) == 4

    now[0] += timedelta(minutes=1)
    list(spend.collect())
    assert len(books.asked) == 6


def test_a_ledger_that_takes_long_to_read_is_read_less_often() -> None:
    books, clock = Books(), Clock()

    def slow(since: datetime, until: datetime) -> Iterable[tuple[Series, int]]:
        clock.now += 1.5
        return books(since, until)

    spend = Spend(bounds(), slow, refresh_seconds=15, clock=clock)
    list(spend.collect())
    clock.now += 59
    list(spend.collect())
    assert len(books.asked) == 2

    clock.now += 1
    list(spend.collect())
    assert len(books.asked) == 4


def test_a_ledger_that_cannot_be_read_shows_no_spend_and_leaves_the_other_metrics(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(since: datetime, until: datetime) -> Iterable[tuple[Series, int]]:
        raise LedgerError("ledger.sqlite3: not a ledger")

    assert samples(Spend(bounds(), broken)) == {}
    assert "the ledger cannot be read: ledger.sqlite3: not a ledger" in caplog.text


def test_prices_are_as_old_as_the_last_day_on_which_they_were_checked(tmp_path: Path) -> None:
    checked = last_checked(PriceDataFolder(tmp_path))()

    assert datetime.fromtimestamp(checked, UTC) >= datetime(2026, 11, 22, tzinfo=UTC)
    assert samples(PriceAge(lambda: 5_000.0, clock=lambda: 8_600.0)) == {"spancost_price_data_age_seconds{}": 3_600}
    assert samples(PriceAge(lambda: 5_000.0, clock=lambda: 4_000.0)) == {"spancost_price_data_age_seconds{}": 0}


def test_an_age_that_cannot_be_found_out_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> float:
        raise PriceFileError("current: does not say which price data is in use")

    assert samples(PriceAge(broken)) == {}
    assert "does not say which price data is in use" in caplog.text


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_after_its_kind_and_its_buckets_rise(metric: Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.help.endswith(".")
