"""How far the first spenders of the day are above the rest, without a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.collector.books import Books, describe
from tests.collector.measured import NOON, charged, samples

from spancost_collector.call import Attribution
from spancost_collector.errors import LedgerError
from spancost_collector.metrics.spenders import Spenders

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tests.collector.conftest import FixedBook


def test_the_first_ranks_the_middle_and_the_number_of_spenders_are_shown_and_nobodys_name_is() -> None:
    spenders = Spenders(
        now=lambda: datetime.fromtimestamp(NOON, UTC),
        spent_between=lambda who, _since, _until: [("alpha", 3 * 10**12)] if who == "user" else [],
    )
    spenders.load()
    calls = [charged(n, usd=float(n), who=Attribution(user=f"u{n}", tenant="acme")) for n in range(1, 13)]
    spenders.observe([*calls, charged(99, usd=20.0, who=Attribution(user="alpha"))])

    shown = samples(spenders)

    assert shown["spancost_top_spender_usd{rank=1,who=user}"] == 23
    assert shown["spancost_top_spender_usd{rank=10,who=user}"] == 4
    assert shown["spancost_median_spender_usd{who=user}"] == 7
    assert shown["spancost_spenders{who=user}"] == 13
    assert shown["spancost_top_spender_usd{rank=1,who=tenant}"] == 78
    assert "alpha" not in str(shown)


def test_spenders_begin_anew_at_midnight_and_calls_of_yesterday_count_for_nobody() -> None:
    now = [datetime(2026, 11, 20, 22, 30, tzinfo=UTC)]
    spenders = Spenders(zone=ZoneInfo("Europe/Vienna"), now=lambda: now[0])
    who = Attribution(user="u1")
    spenders.observe([charged(1, who=who, end=now[0].timestamp())])
    assert samples(spenders)["spancost_spenders{who=user}"] == 1

    now[0] += timedelta(hours=1)
    spenders.observe([charged(2, who=who, end=now[0].timestamp() - 3600)])
    assert samples(spenders)["spancost_spenders{who=user}"] == 0


def test_a_clock_that_is_put_back_to_a_day_that_was_over_finds_its_spenders_in_the_ledger() -> None:
    now = [datetime(2026, 11, 20, 23, 30, tzinfo=UTC)]
    asked: list[tuple[str, datetime, datetime]] = []

    def kept(who: str, since: datetime, until: datetime) -> list[tuple[str, int]]:
        asked.append((who, since, until))
        return [("u1", 7 * 10**12), ("u2", 2 * 10**12)] if who == "user" else []

    spenders = Spenders(spent_between=kept, now=lambda: now[0])
    who = Attribution(user="u1")
    spenders.observe([charged(1, usd=1.0, who=who, end=now[0].timestamp())])
    now[0] += timedelta(hours=1)
    spenders.observe([charged(2, usd=1.0, who=who, end=now[0].timestamp())])
    assert asked == []

    now[0] -= timedelta(hours=1)
    assert samples(spenders) == {}
    spenders.observe([charged(3, usd=1.0, who=who, end=now[0].timestamp())])  # the ledger has it already
    spenders.observe([charged(4, usd=1.0, who=who, end=now[0].timestamp())])

    shown = samples(spenders)
    assert shown["spancost_top_spender_usd{rank=1,who=user}"] == 8
    assert shown["spancost_spenders{who=user}"] == 2
    begins, ends = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
    assert asked == [("user", begins, ends), ("tenant", begins, ends)]


def test_spenders_that_cannot_be_read_are_not_shown_until_they_can_be(caplog: pytest.LogCaptureFixture) -> None:
    now = [datetime(2026, 11, 20, 23, 30, tzinfo=UTC)]
    broken = [True]

    def kept(_who: str, _since: datetime, _until: datetime) -> list[tuple[str, int]]:
        if broken[0]:
            raise LedgerError("ledger.sqlite3: is locked")
        return [("u1", 7 * 10**12)]

    spenders = Spenders(spent_between=kept, now=lambda: now[0])
    spenders.observe([])
    now[0] -= timedelta(days=1)
    spenders.observe([])
    assert samples(spenders) == {}
    assert "spancost_top_spender_usd is not shown: the ledger cannot be read: ledger.sqlite3: is locked" in caplog.text

    broken[0] = False
    spenders.observe([])
    assert samples(spenders)["spancost_top_spender_usd{rank=1,who=user}"] == 7


def test_with_too_many_spenders_the_largest_are_kept() -> None:
    spenders = Spenders(most_spenders=10, now=lambda: datetime.fromtimestamp(NOON, UTC))
    spenders.observe([charged(n, usd=float(n), who=Attribution(user=f"u{n}")) for n in range(100, 0, -1)])

    shown = samples(spenders)
    assert shown["spancost_top_spender_usd{rank=1,who=user}"] == 100
    assert shown["spancost_spenders{who=user}"] <= 10


def test_whoever_made_calls_that_cost_nothing_is_no_spender_as_in_the_ledger() -> None:
    spenders = Spenders(now=lambda: datetime.fromtimestamp(NOON, UTC))
    users = {"u1": 3.0, "u2": 0.0, "unattributed": 5.0}
    spenders.observe([charged(n, usd=usd, who=Attribution(user=user)) for n, (user, usd) in enumerate(users.items())])

    shown = samples(spenders)
    assert shown["spancost_spenders{who=user}"] == 1
    assert shown["spancost_median_spender_usd{who=user}"] == 3
    assert shown["spancost_top_spender_usd{rank=1,who=user}"] == 3


def test_what_a_better_description_corrects_is_corrected_for_whoever_spent_it(path: Path, book: FixedBook) -> None:
    spenders = Spenders(now=lambda: datetime.fromtimestamp(NOON + 60, UTC))
    books = Books(path, book, [spenders])
    agent = Attribution(user="u1", tenant="acme")
    books.charge(describe(1, took=5, emitter="framework", role="aggregate", tokens=(3000, 30), attribution=agent))
    books.charge(describe(2, at=1, parent=1, attribution=agent))  # of the agent's calls, which stands for itself now
    books.charge(describe(3, at=9, emitter="framework", attribution=Attribution(tenant="acme")))
    books.charge(describe(4, at=9.1, took=0.8, parent=3, attribution=Attribution(user="u2", tenant="beta")))
    books.close()

    # 1000 tokens in at 2 micro-USD and 10 out at 8; the second call is the user's and the tenant's who the SDK says.
    shown = samples(spenders)
    assert shown["spancost_top_spender_usd{rank=1,who=user}"] == 0.00208
    assert shown["spancost_top_spender_usd{rank=2,who=user}"] == 0.00208
    assert shown["spancost_top_spender_usd{rank=1,who=tenant}"] == 0.00208
    assert shown["spancost_spenders{who=user}"] == 2
    assert shown["spancost_spenders{who=tenant}"] == 2


def test_corrections_on_a_day_that_the_clock_was_put_back_to_are_read_from_the_ledger_once() -> None:
    now = [datetime(2026, 11, 20, 23, 30, tzinfo=UTC)]
    spenders = Spenders(spent_between=lambda _who, _since, _until: [("u1", 7 * 10**12)], now=lambda: now[0])
    spenders.observe([])
    now[0] += timedelta(hours=1)
    spenders.observe([])
    now[0] -= timedelta(hours=1)
    replaced = [charged(1, usd=1.0, who=Attribution(user="u1"), end=now[0].timestamp())]
    spenders.correct([], replaced)
    spenders.observe([])

    assert samples(spenders)["spancost_top_spender_usd{rank=1,who=user}"] == 7
