"""`spancost report`: tables, exact JSON, dates in the time zone asked for, and bad options refused in one line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.collector.kept import UNPRICED, call, keep
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.usefixtures("reader")
def test_rows_beyond_the_limit_are_added_up_in_one(path: Path) -> None:
    options = ("--by", "feature,model", "--ledger", str(path), "--limit", "1")
    lines = run(*options).splitlines()
    found = json.loads(run(*options, "--json"))

    assert [line.split() for line in lines[1:4]] == [
        ["search", "one", "3", "0", "3,000", "30", "0.006240"],
        ["(others:", "3)", "4", "1", "2,070", "25", "0.004160"],
        ["total", "7", "1", "5,070", "55", "0.010400"],
    ]
    assert [row["feature"] for row in found["rows"]] == ["search"]
    assert found["others"] == {
        "rows": 3,
        "calls": 4,
        "errors": 1,
        "input_tokens": 2070,
        "output_tokens": 25,
        "cost_usd": "0.00416",
        "priced": True,
        "imputed_usd": None,
        "partial_calls": 0,
    }
    assert found["total"]["cost_usd"] == "0.0104"


@pytest.mark.usefixtures("reader")
def test_others_without_a_price_are_not_free(path: Path) -> None:
    options = ("--by", "feature,model", "--ledger", str(path), "--limit", "3")
    found = json.loads(run(*options, "--json"))

    assert run(*options).splitlines()[4].split() == ["(others:", "1)", "1", "0", "70", "5", "unpriced"]
    assert (found["others"]["cost_usd"], found["others"]["priced"]) == (None, False)


@pytest.mark.usefixtures("reader")
def test_a_limit_that_leaves_nothing_out_changes_nothing(path: Path) -> None:
    options = ("--by", "feature,model", "--ledger", str(path))

    assert run(*options, "--limit", "4") == run(*options)
    assert json.loads(run(*options, "--limit", "4", "--json"))["others"] is None


def test_a_report_that_begins_with_a_time_is_in_its_order(path: Path) -> None:
    night = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # 01:30, 02:30 and 02:30 once more in Vienna, then 03:30
    keep(path, [call(n + 1, at=night + timedelta(hours=n)) for n in range(4)] + [call(9, at=night)])
    options = ("--ledger", str(path), "--time-zone", "Europe/Vienna", "--json", "--by")

    hours = [row["hour"] for row in json.loads(run(*options, "hour"))["rows"]]
    days = [(row["day"], row["calls"]) for row in json.loads(run(*options, "day,feature"))["rows"]]

    assert hours == [
        "2026-10-25T01:00+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
    ]
    assert days == [("2026-10-25", 5)]
