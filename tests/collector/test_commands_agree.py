"""What the receiver's configuration says holds for the commands beside it: the same prices, ledger and calendar."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.collector.books import describe
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.ledger.writer import Ledger
from spancost_collector.price import Price
from spancost_pricing import ConfigError, Route, UnknownModelError, load_book

if TYPE_CHECKING:
    from pathlib import Path

RANKER = ("--provider", "openai", "--model", "shop-ranker")
ONE_CALL = ("price", *RANKER, "--input-tokens", "1000")
PRICED = {
    "price": (ONE_CALL, '"rate_usd": "0.000005"'),
    "prices show": (("prices", "show", "openai", "shop-ranker"), '"5"'),
    "prices list": (("prices", "list", "--provider", "openai", "--model", "shop-ranker"), '"input_per_mtok": "5"'),
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A receiver's configuration beside its prices; its calendar is thirteen hours ahead of UTC."""
    for name in ("SPANCOST_CONFIG", "SPANCOST_PRICES", "SPANCOST_LEDGER", "SPANCOST_TIME_ZONE"):
        monkeypatch.delenv(name, raising=False)
    _write_prices(tmp_path / "prices.yaml", "5.00")
    path = tmp_path / "spancost.yaml"
    path.write_text("prices: prices.yaml\nledger: ledger.sqlite3\ntime_zone: Pacific/Auckland\n")
    return path


def _write_prices(path: Path, rate: str) -> Path:
    path.write_text(f'version: 1\nprices:\n  - {{provider: openai, model: shop-ranker, input_per_mtok: "{rate}"}}\n')
    return path


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_a_call_costs_what_the_receiver_would_charge(config: Path) -> None:
    # 1,000 tokens at 5.00 USD the million.
    assert run(*ONE_CALL, "--config", str(config))["cost_usd"] == "0.005"


def test_secrets_that_the_receiver_alone_has_are_not_asked_for(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENDER_TOKEN", raising=False)
    with config.open("a") as file:
        file.write(
            'grpc: {listen: "0.0.0.0:4317"}\n'  # whose tokens are in the environment of the receiver
            'http: {listen: "0.0.0.0:4318", tokens: ["${env:SENDER_TOKEN}"]}\n'
            "attribution: {hash_identifiers: true, salt: '${env:SPANCOST_SALT_OF_THE_RECEIVER}'}\n"
            'forward: [{endpoint: "https://a:1", headers: {x-key: "${file:no-such-file}"}}]\n'
        )

    assert run(*ONE_CALL, "--config", str(config))["cost_usd"] == "0.005"


def test_what_is_no_secret_is_asked_for(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEDGER", raising=False)
    config.write_text("ledger: ${env:LEDGER}\n")
    result = CliRunner().invoke(app, [*ONE_CALL, "--config", str(config)])

    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith("spancost.yaml:1: ledger: environment variable LEDGER is not set")


@pytest.mark.parametrize(("command", "rate"), PRICED.values(), ids=PRICED)
def test_the_environment_names_the_configuration_too(
    command: tuple[str, ...], rate: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANCOST_CONFIG", str(config))
    assert rate in json.dumps(run(*command))


def test_an_estimate_knows_the_same_prices(config: Path, tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("rank these")
    arguments = ("estimate", str(prompt), *RANKER, "--max-tokens", "1")

    assert isinstance(CliRunner().invoke(app, arguments).exception, UnknownModelError)
    # Eight tokens, at 5.00 USD the million.
    assert run(*arguments, "--config", str(config))["expected"]["cost_usd"] == "0.00004"


def test_prices_on_the_command_line_come_first(config: Path, tmp_path: Path) -> None:
    other = _write_prices(tmp_path / "other.yaml", "7.00")
    found = run(*ONE_CALL, "--config", str(config), "--prices", str(other))
    assert found["cost_usd"] == "0.007"


@pytest.mark.parametrize(("since", "examined"), [("2026-11-21", 1), ("2026-11-21T01:00:01", 0)])
def test_repricing_is_of_the_receivers_ledger_by_its_prices_and_its_calendar(
    config: Path, since: str, examined: int
) -> None:
    # The call ended at noon UTC, which is one in the morning of the 21st in Auckland.
    call = describe(1, at=-1.0, tokens=(1000, None), route=Route("openai", "shop-ranker"))
    ledger = Ledger(config.with_name("ledger.sqlite3"))
    ledger.record(Price(load_book())([call]))
    ledger.close()

    found = run("reprice", "--since", since, "--config", str(config))

    assert found["examined"] == examined
    assert [change["after_usd"] for change in found["changes"]] == ["0.005"] * examined


def test_a_configuration_that_cannot_be_used_says_where_and_prices_nothing(config: Path) -> None:
    config.write_text("price: prices.yaml\n")
    result = CliRunner().invoke(app, [*ONE_CALL, "--config", str(config)])

    assert isinstance(result.exception, ConfigError)
    assert "spancost.yaml:1" in str(result.exception)
    assert "did you mean prices?" in str(result.exception)
    assert result.stdout == ""
