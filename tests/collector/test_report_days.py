"""A report's hours, days, months and ranges: each call is in exactly one, whatever the time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from tests.collector.kept import NOON, call, keep

from spancost_collector.ledger.report import LedgerReader

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("since", "until", "calls"),
    [
        (NOON, None, 3),
        (NOON + timedelta(microseconds=1), None, 2),
        (NOON + timedelta(minutes=20), NOON + timedelta(minutes=21), 1),
        (NOON - timedelta(minutes=1), NOON + timedelta(minutes=20), 1),
        (NOON - timedelta(minutes=1), NOON + timedelta(hours=1), 2),
        (None, NOON + timedelta(hours=1, microseconds=1), 3),
        (NOON + timedelta(hours=2), None, 0),
    ],
)
def test_a_range_is_half_open_and_exact_inside_an_hour(
    reader: LedgerReader, since: datetime | None, until: datetime | None, calls: int
) -> None:
    rows = {row.key: row for row in reader.report(["feature"], since=since, until=until).rows}

    assert (rows[("search",)].calls if ("search",) in rows else 0) == calls
    if calls:
        assert rows[("search",)].cost_pico == calls * 2_080_000_000
        assert rows[("search",)].input_tokens == calls * 1000


@pytest.mark.parametrize("by", ["feature", "user"])
@pytest.mark.parametrize(
    ("since", "until", "calls"),
    [
        ((1, 1, 1), (9999, 12, 31), 7),
        ((1, 1, 1), (2026, 11, 20, 12, 10), 5),
        ((2026, 11, 20, 12, 10), (9999, 12, 31), 2),
        ((3000, 1, 1), (9999, 12, 31), 0),
        ((1, 1, 1), (1500, 1, 1), 0),
    ],
)
def test_times_beyond_any_call_are_times(
    reader: LedgerReader, by: str, since: tuple[int, int, int], until: tuple[int, int, int], calls: int
) -> None:
    found = reader.report([by], since=datetime(*since, tzinfo=UTC), until=datetime(*until, tzinfo=UTC))

    assert found.total.calls == calls


@pytest.mark.parametrize("by", ["feature", "user", "day"])
def test_a_range_that_is_open_at_one_end_may_begin_or_end_beyond_any_call(reader: LedgerReader, by: str) -> None:
    late, early = datetime(3000, 1, 1, tzinfo=UTC), datetime(1500, 1, 1, tzinfo=UTC)
    ranges = ((late, None), (None, late), (early, None), (None, early))

    assert [reader.report([by], since=since, until=until).total.calls for since, until in ranges] == [0, 7, 7, 0]


def test_hours_and_days_are_dimensions(reader: LedgerReader) -> None:
    rows = reader.report(["day", "hour"]).rows

    assert {(row.key, row.calls) for row in rows if row.cost_pico is not None} == {
        (("2026-11-20", "2026-11-20T12:00Z"), 5),
        (("2026-11-20", "2026-11-20T13:00Z"), 1),
    }


def calls_by(path: Path, zone: str, *by: str) -> dict[tuple[str | None, ...], int]:
    reader = LedgerReader(path, zone=ZoneInfo(zone))
    try:
        return {row.key: row.calls for row in reader.report(by).rows}
    finally:
        reader.close()


def test_days_and_months_begin_at_midnight_of_the_time_zone(path: Path) -> None:
    before_midnight = datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)
    keep(path, [call(1, at=before_midnight), call(2, at=before_midnight + timedelta(seconds=1))])

    assert calls_by(path, "Europe/Vienna", "day", "month") == {
        ("2026-11-30", "2026-11"): 1,
        ("2026-12-01", "2026-12"): 1,
    }
    assert calls_by(path, "UTC", "day", "month") == {("2026-11-30", "2026-11"): 2}
    # Per call, because users are not in the roll-ups.
    assert calls_by(path, "Europe/Vienna", "day", "user") == {
        ("2026-11-30", "unattributed"): 1,
        ("2026-12-01", "unattributed"): 1,
    }


@pytest.mark.parametrize(
    ("begins", "day", "hours"),
    [
        (datetime(2026, 10, 24, 22, tzinfo=UTC), "2026-10-25", 25),
        (datetime(2026, 3, 28, 23, tzinfo=UTC), "2026-03-29", 23),
    ],
)
def test_a_day_on_which_clocks_change_is_one_day(path: Path, begins: datetime, day: str, hours: int) -> None:
    # One call in each of 27 hours: the last of the day before, the day's, and those after it.
    keep(path, [call(n + 2, at=begins + timedelta(hours=n, minutes=30)) for n in range(-1, 26)])

    days = calls_by(path, "Europe/Vienna", "day")

    assert days[(day,)] == hours
    assert sum(days.values()) == 27
    assert set(calls_by(path, "Europe/Vienna", "hour").values()) == {1}


def test_hours_that_have_one_name_are_told_apart_by_their_offset(path: Path) -> None:
    keep(
        path,
        [call(1, at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC)), call(2, at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))],
    )

    assert calls_by(path, "Europe/Vienna", "hour") == {("2026-10-25T02:00+02:00",): 1, ("2026-10-25T02:00+01:00",): 1}


def test_hours_of_a_zone_that_is_half_an_hour_off_are_not_those_of_the_roll_ups(path: Path) -> None:
    midnight = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    keep(
        path,
        [
            call(1, at=midnight - timedelta(minutes=1)),
            call(2, at=midnight),
            call(3, at=midnight + timedelta(minutes=40)),
        ],
    )

    assert calls_by(path, "Asia/Kolkata", "day") == {("2026-11-20",): 1, ("2026-11-21",): 2}
    assert calls_by(path, "Asia/Kolkata", "hour") == {
        ("2026-11-20T23:00+05:30",): 1,
        ("2026-11-21T00:00+05:30",): 2,
    }


def test_an_empty_ledger_has_no_days_in_any_zone(path: Path) -> None:
    keep(path, [])

    assert calls_by(path, "Asia/Kolkata", "day") == {}
