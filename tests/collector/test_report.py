"""A report's figures equal the calls', whatever the range and the dimensions, and hide nothing."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from spancost_collector.call import Attribution, Charged, ModelCall, Resource, series_of
from spancost_collector.cli import app
from spancost_collector.errors import LedgerError
from spancost_collector.ledger import schema
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.writer import Ledger
from spancost_pricing import Charge, ConfigError, LineItem, Rate, Route, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spancost_collector.call import Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNPRICED = Charge("unpriced", "unknown_model", None, (), "book-1", {"input": 70, "output": 5})
NO_USAGE = Charge("unpriced", "no_usage", None, (), "book-1", {})


def nanoseconds(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000


def call(
    n: int,
    *,
    at: datetime = NOON,
    feature: str | None = "search",
    user: str | None = None,
    model: str = "one",
    outcome: Outcome = "ok",
    charge: Charge | None = None,
) -> Charged:
    """1,000 tokens in at 2 USD and 10 out at 8 USD the million: 0.00208 USD."""
    items = (
        LineItem(Rate("input", Decimal(2_000_000), "acme/one:input", None, "user", "prices.yaml"), 1000, 2_000_000_000),
        LineItem(Rate("output", Decimal(8_000_000), "acme/one:output", None, "user", "prices.yaml"), 10, 80_000_000),
    )
    priced = Charge("priced", None, 2_080_000_000, items, "book-1", {"input": 1000, "output": 10})
    usage = None if charge is NO_USAGE else Usage(input_tokens=1000, output_tokens=10)
    if charge is UNPRICED:
        usage = Usage(input_tokens=70, output_tokens=5)
    described = ModelCall(
        trace_id=b"t" * 16,
        span_id=n.to_bytes(8, "big"),
        start_ns=nanoseconds(at) - 5_000_000_000,
        end_ns=nanoseconds(at),
        operation="chat",
        route=Route("acme", model),
        request_model=model,
        response_model=None,
        response_id=None,
        usage=usage,
        outcome=outcome,
        attribution=Attribution(feature=feature, user=user),
        resource=Resource(service="shop"),
        dialect="otel",
    )
    return Charged(described, charge or priced, series_of(described))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def reader(path: Path) -> Iterator[LedgerReader]:
    ledger = Ledger(path)
    ledger.record(
        [
            call(1, user="u1"),
            call(2, user="u2", feature="chat"),
            call(3, user="u1", at=NOON + timedelta(minutes=20)),
            call(4, user="u1", at=NOON + timedelta(hours=1)),
            call(5, feature=None),
            call(6, feature="chat", model="mystery", charge=UNPRICED),
            call(7, feature="chat", outcome="error", charge=NO_USAGE),
        ]
    )
    ledger.close()
    opened = LedgerReader(path)
    yield opened
    opened.close()


def test_rows_are_dearest_first_and_unpriced_calls_stand_apart(reader: LedgerReader) -> None:
    found = reader.report(["feature"])

    assert [(row.key, row.calls, row.errors, row.cost_pico) for row in found.rows] == [
        (("search",), 3, 0, 6_240_000_000),
        (("chat",), 2, 1, 2_080_000_000),
        (("unattributed",), 1, 0, 2_080_000_000),
        (("chat",), 1, 0, None),
    ]
    assert (found.total.calls, found.total.errors, found.total.cost_pico) == (7, 1, 10_400_000_000)
    assert (found.total.input_tokens, found.total.output_tokens) == (5070, 55)


def test_who_is_called_unattributed_is_in_the_row_of_that_name(path: Path) -> None:
    ledger = Ledger(path)
    ledger.record([call(1, feature=None), call(2, feature="unattributed"), call(3, user="unattributed")])
    ledger.close()
    reader = LedgerReader(path)
    by_feature, by_user = ([(row.key, row.calls) for row in reader.report([name]).rows] for name in ("feature", "user"))
    reader.close()

    assert by_feature == [(("unattributed",), 2), (("search",), 1)]
    assert by_user == [(("unattributed",), 3)]


def test_what_has_no_price_is_named_with_its_reason_and_its_tokens(reader: LedgerReader) -> None:
    (one,) = reader.report(["feature"]).unpriced

    assert (one.provider, one.model, one.reason, one.calls, one.tokens) == ("acme", "mystery", "unknown_model", 1, 75)


def test_a_failed_call_without_usage_is_an_error_and_not_a_hole_in_the_prices(reader: LedgerReader) -> None:
    rows = reader.report(["outcome"]).rows

    assert [(row.key, row.calls, row.cost_pico) for row in rows] == [
        (("ok",), 5, 10_400_000_000),
        (("error",), 1, 0),
        (("ok",), 1, None),
    ]


def test_dimensions_that_are_never_rolled_up_come_from_the_calls(reader: LedgerReader) -> None:
    rows = reader.report(["user", "feature"]).rows

    assert [(row.key, row.calls, row.cost_pico) for row in rows[:2]] == [
        (("u1", "search"), 3, 6_240_000_000),
        (("u2", "chat"), 1, 2_080_000_000),
    ]
    assert sum(row.calls for row in rows) == 7


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


def test_hours_and_days_are_dimensions(reader: LedgerReader) -> None:
    rows = reader.report(["day", "hour"]).rows

    assert {(row.key, row.calls) for row in rows if row.cost_pico is not None} == {
        (("2026-11-20", "2026-11-20T12:00Z"), 5),
        (("2026-11-20", "2026-11-20T13:00Z"), 1),
    }


def keep(path: Path, calls: Iterable[Charged]) -> None:
    ledger = Ledger(path)
    ledger.record(list(calls))
    ledger.close()


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


def test_an_unknown_dimension_is_an_error_that_names_the_nearest(reader: LedgerReader) -> None:
    with pytest.raises(ConfigError, match='unknown dimension "featrue"; did you mean "feature"'):
        reader.report(["featrue"])


def test_a_missing_ledger_says_what_to_do(path: Path) -> None:
    with pytest.raises(LedgerError, match="no such ledger"):
        LedgerReader(path)


def test_a_ledger_whose_shared_memory_cannot_be_made_says_what_to_do(path: Path) -> None:
    keep(path, [call(1)])
    # SQLite never follows a link there, so this is a place where nobody can make the file.
    path.with_name(path.name + "-shm").symlink_to("nowhere")

    with pytest.raises(LedgerError, match=r"this user may not open it .* Run this as the receiver's user, or copy it"):
        LedgerReader(path)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_DIRECTORY])
def test_a_ledger_in_a_folder_that_may_not_be_written_is_still_called_a_ledger(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    keep(path, [call(1)])
    refused = sqlite3.OperationalError("attempt to write a readonly database")
    refused.sqlite_errorcode = code

    def version(_connection: sqlite3.Connection) -> int:
        raise refused

    monkeypatch.setattr(schema, "version", version)

    with pytest.raises(LedgerError, match="this user may not open it") as caught:
        LedgerReader(path)
    assert "not a ledger" not in str(caught.value)


def test_a_ledger_can_be_read_while_it_is_written(path: Path) -> None:
    ledger = Ledger(path)
    ledger.record([call(1)])
    reader = LedgerReader(path)
    before = reader.report(["feature"]).total.calls
    ledger.record([call(2)])
    after = reader.report(["feature"]).total.calls
    reader.close()
    ledger.close()

    assert (before, after) == (1, 2)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["report", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("reader")
def test_json_carries_money_as_exact_decimal_strings(path: Path) -> None:
    found = json.loads(run("--by", "feature,model", "--json", "--ledger", str(path)))

    assert found["rows"][0] == {
        "feature": "search",
        "model": "one",
        "calls": 3,
        "errors": 0,
        "input_tokens": 3000,
        "output_tokens": 30,
        "cost_usd": "0.00624",
        "priced": True,
        "partial_calls": 0,
        "imputed_usd": None,
    }
    assert found["rows"][-1]["model"] == "mystery"
    assert found["rows"][-1]["cost_usd"] is None
    assert found["total"]["cost_usd"] == "0.0104"
    assert found["unpriced"] == [
        {"provider": "acme", "model": "mystery", "reason": "unknown_model", "calls": 1, "tokens": 75}
    ]


@pytest.mark.usefixtures("reader")
def test_the_table_ends_with_what_its_total_leaves_out(path: Path) -> None:
    lines = run("--by", "feature,model", "--ledger", str(path)).splitlines()

    assert lines[0].split() == [
        "feature",
        "model",
        "calls",
        "errors",
        "input",
        "tokens",
        "output",
        "tokens",
        "cost",
        "USD",
    ]
    assert lines[1].split() == ["search", "one", "3", "0", "3,000", "30", "0.006240"]
    assert lines[4].split() == ["chat", "mystery", "1", "0", "70", "5", "unpriced"]
    assert lines[5].split() == ["total", "7", "1", "5,070", "55", "0.010400"]
    assert lines[7:] == [
        "Not in the total: 1 unpriced calls, 75 tokens",
        "  acme mystery: unknown_model, 1 calls, 75 tokens",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "yesterday"], '--since: got "yesterday"; expected an age such as 30m'),
        (["--by", " , "], "--by: names no dimension"),
        (["--since", "1h", "--until", "2h"], "is not before --until"),
    ],
)
@pytest.mark.usefixtures("reader")
def test_bad_options_are_refused_in_one_line(path: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["report", "--ledger", str(path), *arguments])

    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


@pytest.fixture
def around_midnight(path: Path) -> Path:
    """Two calls on either side of the midnight in Vienna with which 21 November begins."""
    midnight = datetime(2026, 11, 20, 23, tzinfo=UTC)
    keep(path, [call(1, at=midnight - timedelta(minutes=1)), call(2, at=midnight + timedelta(minutes=1))])
    return path


def test_a_bare_date_is_midnight_in_the_time_zone(around_midnight: Path) -> None:
    asked = ("--by", "day", "--since", "2026-11-21", "--json", "--ledger", str(around_midnight))

    found = json.loads(run(*asked, "--time-zone", "Europe/Vienna"))

    assert found["time_zone"] == "Europe/Vienna"
    assert found["since"] == "2026-11-21T00:00:00+01:00"
    assert [(row["day"], row["calls"]) for row in found["rows"]] == [("2026-11-21", 1)]
    assert json.loads(run(*asked))["time_zone"] == "UTC"
    assert json.loads(run(*asked))["rows"] == []


@pytest.mark.parametrize(
    ("since", "calls"), [("2026-11-21T00:00", 1), ("2026-11-21T00:00Z", 0), ("2026-11-20T22:00Z", 2)]
)
def test_a_time_that_names_its_offset_is_not_moved(around_midnight: Path, since: str, calls: int) -> None:
    asked = ("--since", since, "--time-zone", "Europe/Vienna", "--json", "--ledger", str(around_midnight))

    assert json.loads(run(*asked))["total"]["calls"] == calls


def test_the_calendar_and_the_ledger_are_those_of_the_receiver(
    around_midnight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "spancost.yaml"
    file.write_text(f"time_zone: Europe/Vienna\nledger: {around_midnight}\n")

    def days(*arguments: str) -> tuple[str, list[str]]:
        found = json.loads(run("--by", "day", "--json", *arguments))
        return found["time_zone"], sorted(row["day"] for row in found["rows"])

    both = ["2026-11-20", "2026-11-21"]
    assert days("--config", str(file)) == ("Europe/Vienna", both)
    monkeypatch.setenv("SPANCOST_CONFIG", str(file))
    assert days() == ("Europe/Vienna", both)
    monkeypatch.setenv("SPANCOST_TIME_ZONE", "Asia/Tokyo")
    assert days() == ("Asia/Tokyo", ["2026-11-21"])
    assert days("--time-zone", "America/New_York") == ("America/New_York", ["2026-11-20"])


def test_a_table_names_its_time_zone_unless_it_is_utc(around_midnight: Path) -> None:
    asked = ("--by", "day", "--ledger", str(around_midnight))

    assert "Days and hours are those of Europe/Vienna" in run(*asked, "--time-zone", "Europe/Vienna")
    assert "UTC" not in run(*asked)


def test_an_unknown_time_zone_is_an_error_that_names_the_nearest(around_midnight: Path) -> None:
    result = CliRunner().invoke(app, ["report", "--ledger", str(around_midnight), "--time-zone", "Europe/Viena"])

    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == (
        '--time-zone: got "Europe/Viena"; expected the name of a time zone, e.g. Europe/Vienna or UTC;'
        " did you mean Europe/Vienna?"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[/red]", "[/red]"),
        ("[acme]", "[acme]"),
        (":smile:", ":smile:"),
        (" ", "' '"),
        ("chat ", "'chat '"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("café au lait", "café au lait"),
    ],
)
def test_names_are_shown_as_they_are_or_made_visible(path: Path, name: str, shown: str) -> None:
    keep(path, [call(1, feature=name), call(2, feature=name, model=name, charge=UNPRICED)])
    asked = ("--by", "feature", "--ledger", str(path))

    lines = run(*asked).splitlines()

    assert lines[1].startswith(f"{shown} ")
    assert lines[-1] == f"  acme {shown}: unknown_model, 1 calls, 75 tokens"
    assert [row["feature"] for row in json.loads(run(*asked, "--json"))["rows"]] == [name, name]
