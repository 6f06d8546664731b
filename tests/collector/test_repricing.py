"""Repricing changes what is kept to what is true now, keeps what was, and never lets a counter fall."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner

from spancost_collector.call import Attribution, ModelCall, Reported, Resource
from spancost_collector.cli import app
from spancost_collector.errors import LedgerError
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.ledger.repricing import reprice
from spancost_collector.ledger.writer import Ledger
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.labels import LabelBounds
from spancost_collector.price import Price
from spancost_pricing import Charge, ConfigError, LineItem, Rate, Route, Usage, load_book

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spancost_collector.ledger.repricing import Repricing
    from spancost_pricing import Reason

NOON = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z


class FlatBook:
    """USD per million input tokens, by model; what is not in it is unknown."""

    def __init__(self, rates: Mapping[str, int], *, version: str) -> None:
        self._rates = rates
        self._version = version

    def charge(self, route: Route, usage: Usage | None, ended_ns: int) -> Charge:
        assert usage is not None
        assert usage.input_tokens is not None
        rate = self._rates.get(route.model)
        if rate is None:
            unknown: Reason = "unknown_model"
            return Charge("unpriced", unknown, None, (), self._version, {"input": usage.input_tokens})
        pico = usage.input_tokens * rate * 1_000_000
        listed = Rate("input", Decimal(rate * 1_000_000), f"acme/{route.model}", None, "user", "p.yaml")
        item = LineItem(listed, usage.input_tokens, pico)
        return Charge("priced", None, pico, (item,), self._version, {"input": usage.input_tokens})


OLD = FlatBook({"one": 4}, version="old")
NEW = FlatBook({"one": 3, "two": 5}, version="new")


def calls(count: int = 1) -> list[ModelCall]:
    """`count` calls of 1,000 tokens each on `one`, which has a price, and on `two`, which has none yet."""
    return [
        ModelCall(
            trace_id=b"t" * 16,
            span_id=(2 * n + position).to_bytes(8, "big"),
            start_ns=NOON + n,
            end_ns=NOON + n + 1_000_000,
            operation="chat",
            route=Route("acme", model),
            request_model=model,
            response_model=model,
            response_id=None,
            usage=Usage(input_tokens=1000),
            outcome="ok",
            attribution=Attribution(feature="search"),
            resource=Resource(service="shop"),
            dialect="otel",
        )
        for n in range(count)
        for position, model in enumerate(("one", "two"))
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite3"
    ledger = Ledger(path)
    ledger.record(Price(OLD)(calls()))
    ledger.close()
    return path


def costs(path: Path) -> dict[tuple[str | None, ...], tuple[int, int | None]]:
    reader = LedgerReader(path)
    found = {row.key: (row.calls, row.cost_pico) for row in reader.report(["model", "status"]).rows}
    reader.close()
    return found


def samples(path: Path) -> dict[str, float]:
    """Metric and its own label -> value, after a restart."""
    ledger = Ledger(path)
    accounts = Accounts(LabelBounds(max_values=10, tenant=False), folded=lambda _dimension, _calls: None)
    accounts.load(ledger.totals(), ledger.credit())
    ledger.close()
    registry = CollectorRegistry()
    registry.register(accounts)
    found = dict[str, float]()
    for line in generate_latest(registry).decode().splitlines():
        name, _, labels = line.partition("{")
        if not line.startswith("#") and not name.endswith("_created"):
            model = labels.partition('model="')[2].partition('"')[0]
            found[f"{name} {model}"] = float(line.rpartition(" ")[2])
    return found


def run(path: Path, *, dry_run: bool = False) -> Repricing:
    return reprice(path, NEW, since_ns=NOON, dry_run=dry_run)


def test_a_new_price_is_charged_and_a_changed_one_corrected(path: Path) -> None:
    done = run(path)

    assert done.examined == 2
    assert [(change.cause, change.calls, change.before_pico, change.after_pico) for change in done.changes] == [
        ("unpriced (unknown_model) -> priced", 1, 0, 5_000_000_000),
        ("rate from user", 1, 4_000_000_000, 3_000_000_000),
    ]
    assert costs(path) == {("one", "priced"): (1, 3_000_000_000), ("two", "priced"): (1, 5_000_000_000)}


def test_a_dry_run_says_the_same_and_changes_nothing(path: Path) -> None:
    before = costs(path)

    assert run(path, dry_run=True) == run(path, dry_run=True)
    assert costs(path) == before


def test_a_second_pass_finds_nothing_to_do(path: Path) -> None:
    run(path)

    assert run(path).changes == ()


def test_the_old_charge_is_kept_as_a_revision(path: Path) -> None:
    run(path)
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT status, reason, cost_pico, book FROM revisions ORDER BY span_id").fetchall()
    connection.close()

    assert found == [("priced", "", 4_000_000_000, "old"), ("unpriced", "unknown_model", None, "old")]


def test_counters_rise_with_what_is_found_and_never_fall(path: Path) -> None:
    before = samples(path)
    run(path)
    after = samples(path)

    assert before == {
        "spancost_cost_usd_total one": 0.004,
        "spancost_tokens_total one": 1000,
        "spancost_tokens_total two": 1000,
        "spancost_calls_total one": 1,
        "spancost_calls_total two": 1,
        "spancost_unpriced_calls_total two": 1,
        "spancost_unpriced_tokens_total two": 1000,
    }
    # Only the cost of `two` is new. `one` was lowered to 0.003, and `two` is unpriced no longer.
    assert after == {**before, "spancost_cost_usd_total two": 0.005}


def test_calls_that_end_before_since_or_from_until_on_are_left_alone(path: Path) -> None:
    ended = NOON + 1_000_000

    assert reprice(path, NEW, since_ns=ended + 1).examined == 0
    assert reprice(path, NEW, since_ns=ended, until_ns=ended).examined == 0
    assert reprice(path, NEW, since_ns=ended, until_ns=ended + 1).examined == 2


def test_more_calls_than_fit_a_group_are_each_repriced_once(tmp_path: Path) -> None:
    path = tmp_path / "many.sqlite3"
    ledger = Ledger(path)
    ledger.record(Price(OLD)(calls(800)))
    examined = list[int]()
    # The receiver still has the ledger open, and goes on writing.
    done = reprice(path, NEW, since_ns=NOON, progress=examined.append)
    ledger.record(Price(NEW)(calls(801)))
    ledger.close()

    assert done.examined == 1600
    assert examined == [500, 1000, 1500, 1600]
    assert costs(path) == {("one", "priced"): (801, 2_403_000_000_000), ("two", "priced"): (801, 4_005_000_000_000)}


def test_the_command_prices_what_the_users_file_now_knows(tmp_path: Path) -> None:
    path, mine = tmp_path / "ledger.sqlite3", tmp_path / "prices.yaml"
    mine.write_text('version: 1\nprices:\n  - {provider: openai, model: shop-ranker, input_per_mtok: "5.00"}\n')
    (call, _) = calls()
    unknown = call._replace(route=Route("openai", "shop-ranker"))
    ledger = Ledger(path)
    ledger.record(Price(load_book())([unknown]))
    ledger.close()
    arguments = ["reprice", "--since", "2026-11-20", "--ledger", str(path), "--prices", str(mine), "--json"]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "dry_run": False,
        "examined": 1,
        "changes": [
            {
                "cause": "unpriced (unknown_model) -> priced",
                "calls": 1,
                "before_usd": "0",
                "after_usd": "0.005",
                "difference_usd": "0.005",
            }
        ],
    }


def test_the_billers_own_figure_stays_the_charge(tmp_path: Path) -> None:
    path = tmp_path / "reported.sqlite3"
    told = [call._replace(reported=Reported(4_500_000_000, "openrouter")) for call in calls()]
    ledger = Ledger(path)
    ledger.record(Price(OLD)(told))
    ledger.close()

    # `two` has a rate now: its charge was one lump, and is divided like ours; the total is the biller's.
    assert [(change.calls, change.before_pico, change.after_pico) for change in run(path).changes] == [
        (1, 4_500_000_000, 4_500_000_000)
    ]
    assert costs(path) == {("one", "reported"): (1, 4_500_000_000), ("two", "reported"): (1, 4_500_000_000)}


def test_what_a_subscription_covers_is_no_spend_before_or_after(tmp_path: Path) -> None:
    path = tmp_path / "covered.sqlite3"
    first, _ = calls()
    covered = first._replace(span_id=b"covered!", reported=Reported(0, "subscription"))
    ledger = Ledger(path)
    ledger.record(Price(OLD)([first, covered]))
    ledger.close()

    # 1,000 tokens at 4 and then at 3 USD the million, which is paid for one of the two calls.
    assert [(change.cause, change.calls, change.before_pico, change.after_pico) for change in run(path).changes] == [
        ("rate from user", 1, 4_000_000_000, 3_000_000_000),
        ("imputed: rate from user", 1, 0, 0),
    ]


def test_what_only_a_factor_changes_is_not_put_down_to_the_rate(tmp_path: Path) -> None:
    path, mine = tmp_path / "ledger.sqlite3", tmp_path / "prices.yaml"
    (call, _) = calls()
    listed = call._replace(route=Route("openai", "gpt-4o-mini"))
    ledger = Ledger(path)
    ledger.record(Price(load_book())([listed]))
    ledger.close()

    # 1,000 tokens at 0.15 USD the million; half of that; and at 0.20.
    mine.write_text('version: 1\ndiscounts:\n  - {provider: openai, model: "*", factor: "0.5"}\n')
    half = reprice(path, load_book(mine), since_ns=NOON)
    mine.write_text('version: 1\nprices:\n  - {provider: openai, model: gpt-4o-mini, input_per_mtok: "0.20"}\n')
    own = reprice(path, load_book(mine), since_ns=NOON)

    assert [(change.cause, change.before_pico, change.after_pico) for change in (*half.changes, *own.changes)] == [
        ("factors: none -> discount x0.5", 150_000_000, 75_000_000),
        ("rate from user, factors: discount x0.5 -> none", 75_000_000, 200_000_000),
    ]


def test_times_beyond_any_call_are_times(path: Path) -> None:
    ages = 10_000 * 366 * 86_400 * 1_000_000_000

    assert reprice(path, NEW, since_ns=-ages, until_ns=ages).examined == 2
    assert reprice(path, NEW, since_ns=ages).examined == 0
    assert reprice(path, NEW, since_ns=-ages, until_ns=-ages + 1).examined == 0


def test_the_command_refuses_a_range_without_time_in_it(path: Path) -> None:
    arguments = ["reprice", "--since", "2026-11-21", "--until", "2026-11-20", "--ledger", str(path)]
    result = CliRunner().invoke(app, arguments)

    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "--since 2026-11-21 is not before --until 2026-11-20"


def test_the_table_shows_that_little_money_is_not_none(tmp_path: Path) -> None:
    path, mine = tmp_path / "ledger.sqlite3", tmp_path / "prices.yaml"
    mine.write_text('version: 1\nprices:\n  - {provider: openai, model: gpt-4o-mini, input_per_mtok: "0.10"}\n')
    (call, _) = calls()
    little = call._replace(route=Route("openai", "gpt-4o-mini"), usage=Usage(input_tokens=1, output_tokens=0))
    ledger = Ledger(path)
    ledger.record(Price(load_book())([little]))
    ledger.close()
    arguments = ["reprice", "--since", "2026-11-20", "--ledger", str(path), "--prices", str(mine)]
    result = CliRunner().invoke(app, arguments)

    # One token at 0.15 and then at 0.10 USD the million.
    assert result.stdout.splitlines()[2].split()[-4:] == ["1", "<0.000001", "<0.000001", ">-0.000001"]


@pytest.mark.parametrize(("version", "remedy"), [(99, "Upgrade spancost"), (0, "it migrates the file")])
def test_a_ledger_of_another_version_is_not_touched_and_says_what_to_do(path: Path, version: int, remedy: str) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")

    with pytest.raises(LedgerError, match=f"schema version {version}, expected 2. .*{remedy}"):
        reprice(path, NEW, since_ns=NOON)


def test_a_ledger_that_this_user_may_not_write_says_whose_matter_it_is(path: Path) -> None:
    with closing(Ledger(path)) as ledger:
        ledger.record(Price(OLD)(calls()))
    # SQLite never follows a link there, so this is a place where nobody can make the file.
    path.with_name(path.name + "-shm").symlink_to("nowhere")

    with pytest.raises(LedgerError, match=r"repricing stopped: .*\. Run it as the receiver's user"):
        reprice(path, NEW, since_ns=NOON)


def test_a_ledger_that_this_user_may_not_open_says_whose_matter_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger(path).close()
    refused = sqlite3.OperationalError("unable to open database file")
    refused.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN

    def connect(*_: object, **__: object) -> None:
        raise refused

    monkeypatch.setattr(sqlite3, "connect", connect)

    with pytest.raises(LedgerError, match=r"repricing stopped: unable to .*\. Run it as the receiver's user"):
        reprice(path, NEW, since_ns=NOON)


def test_a_file_that_is_no_ledger_is_to_be_looked_at_and_not_tried_again(path: Path) -> None:
    path.write_text("feature,model,cost\n")

    with pytest.raises(LedgerError, match=r"file is not a database\. Check it with `spancost doctor --ledger "):
        reprice(path, NEW, since_ns=NOON)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ((), "spancost: broken off; what has been charged again stays. Run it again for the rest\n"),
        (("--dry-run",), ""),
    ],
)
def test_whoever_breaks_it_off_is_told_what_has_been_done(
    path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], said: str
) -> None:
    Ledger(path).close()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("spancost_collector.cli.reprice.reprice_ledger", interrupted)
    result = CliRunner().invoke(app, ["reprice", "--since", "7d", "--ledger", str(path), *option])

    assert (result.exit_code, result.stderr) == (130, said)
