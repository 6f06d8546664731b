"""`spancost prices` shows what everything costs and why, checks a price file, and takes newer price data over."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner, Result

from spancost_collector.cli import app
from spancost_collector.price_data import PriceDataFolder, load_current_book
from spancost_pricing import ConfigError, PriceFileError, Route, UnknownModelError, Usage

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
AT = ("--at", "2026-11-20T12:00:00Z")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PriceDataFolder:
    """This test's own user data, with nothing taken over."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("SPANCOST_PRICES", raising=False)
    return PriceDataFolder()


def data(**models: float | dict[str, float]) -> bytes:
    """Price data that knows Acme's models, by what they cost: all rates, or the input's."""
    listed: list[dict[str, object]] = []
    for name, prices in models.items():
        listed.append(
            {
                "id": name,
                "match": {"equals": name},
                "prices": {"input_mtok": prices} if isinstance(prices, float | int) else prices,
            }
        )
    return json.dumps([{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": listed}]).encode()


def prices(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["prices", *arguments])


def output(*arguments: str) -> str:
    result = prices(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def document(*arguments: str) -> Any:
    return json.loads(output(*arguments, "--json"))


def saved(folder: Path, content: bytes, name: str = "data.json") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


# --- list


def test_the_list_says_what_a_model_costs_and_who_decides(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one={"input_mtok": 2, "output_mtok": 8}, two={}))
    mine = saved(
        tmp_path, b'version: 1\nprices: [{provider: acme, model: "one*", output_per_mtok: "5"}]', "prices.yaml"
    )

    found = document("list", "--provider", "acme", "--prices", mine, *AT)

    assert found["models"][0]["rates_usd"] == {
        "input_per_mtok": "2",
        "cache_read_per_mtok": "2",
        "cache_write_per_mtok": "2",
        "output_per_mtok": "5",
        "reasoning_per_mtok": "5",
        "cache_read_image_per_mtok": "2",
    }
    assert found["models"][0]["layers"]["input_per_mtok"] == "genai-prices"
    assert found["models"][0]["layers"]["output_per_mtok"] == "user"
    assert (found["models"][1]["status"], found["models"][1]["reason"]) == ("unpriced", "unknown_model")


def test_the_list_of_the_installed_prices_marks_what_is_free_and_what_gets_dearer() -> None:
    lines = output("list", "--provider", "gcp.gemini", "--model", "gem*", *AT).splitlines()

    gemma = next(line.split() for line in lines if line.startswith("google    gemma-3 "))
    assert gemma[2:5] == ["free", "free", "free"]
    pro = next(line for line in lines if line.startswith("google    gemini-2.5-pro "))
    assert pro.split()[2:5] == ["1.25", "0.125", "10"]
    assert "dearer above 200,000 input tokens" in pro


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--provider", "acme", '--provider: got "acme"; expected one of .*anthropic'),
        ("--model", "gpt-of-tomorrow", '--model: no known model fits "gpt-of-tomorrow"'),
        ("--at", "yesterday", '--at: got "yesterday"'),
    ],
)
def test_what_cannot_be_listed_is_said_in_one_line(option: str, value: str, said: str) -> None:
    result = prices("list", option, value)

    assert isinstance(result.exception, ConfigError)
    with pytest.raises(ConfigError, match=said):
        raise result.exception


# --- show


def test_a_card_shows_what_else_was_on_offer_and_why_it_was_not_taken() -> None:
    found = document("show", "deepseek", "deepseek-v4-flash", "--at", "2026-09-08T02:00:00Z")

    # A Tuesday morning in Beijing, two days before the price of V4.1.
    card = next(rate for rate in found["rates"] if rate["key"] == "output_per_mtok")
    assert (card["usd"], card["layer"], card["certain_hours"]) == ("1.32", "correction", True)
    assert (card["since"], card["until"]) == ("2026-08-22T16:00:00+00:00", "2026-09-10T00:00:00+00:00")
    others = [
        (other["usd"], other["layer"], other["why_not"].partition(": it")[2] or other["why_not"].partition("our ")[2])
        for other in found["not_used"]
        if other["key"] == "output_per_mtok"
    ]
    assert others == [
        ("0.66", "correction", " is for these hours"),
        ("1.2", "genai-prices", "corrections come before the price data"),
    ]


def test_a_card_lists_context_steps_factors_and_tiers() -> None:
    found = document("show", "anthropic", "claude-opus-4-6", "--region", "us", "--at", "2026-01-01")

    steps = [
        (rate["above_input_tokens"], rate["usd"], rate["multipliers"])
        for rate in found["rates"]
        if rate["key"] == "input_per_mtok"
    ]
    # 5 and 10 USD the million, a tenth more in the US.
    assert steps == [(0, "5.5", ["region us x1.1"]), (200_000, "11", ["region us x1.1"])]
    assert {(factor["on"], factor["factor"], factor["applied"]) for factor in found["factors"]} == {
        ("tier batch", "0.5", False),
        ("region us", "1.1", True),
    }


def test_an_alias_is_followed_and_said() -> None:
    lines = output("show", "mistral", "mistral-large-3", *AT).splitlines()

    assert lines[:2] == ["mistral mistral-large-3: priced", "an alias of mistral-large-2512"]


def test_an_unknown_model_names_the_nearest_ones() -> None:
    result = prices("show", "openai", "gpt-55")

    assert isinstance(result.exception, UnknownModelError)
    assert str(result.exception).endswith("(unknown_model); did you mean gpt-5.5, gpt-5, gpt-5.4?")


# --- check


def test_every_mistake_in_a_price_file_is_one_line(tmp_path: Path) -> None:
    bad = saved(
        tmp_path,
        b"version: 1\nprices:\n"
        b"  - {provider: openai, model: gpt-5, input_per_mtok: 1.25}\n"
        b'  - {provider: openai, model: gpt-5, inptu_per_mtok: "1"}\n',
        "prices.yaml",
    )

    result = prices("check", bad)

    assert isinstance(result.exception, PriceFileError)
    assert str(result.exception).splitlines() == [
        "prices.yaml: prices[0] 'gpt-5': input_per_mtok: got 1.25, a float; write it as text, e.g. \"1.25\"",
        "prices.yaml: prices[1] 'gpt-5': inptu_per_mtok: unknown key; did you mean \"input_per_mtok\"?",
    ]


def test_a_price_file_is_resolved_and_what_looks_odd_is_a_warning(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one={"input_mtok": 2, "output_mtok": 8}, two=1))
    mine = saved(
        tmp_path,
        b"version: 1\n"
        b"aliases: [{provider: acme, match: mine, model: tow}]\n"
        b"prices:\n"
        b'  - {provider: acme, model: one, input_per_mtok: "2000", output_per_mtok: "8.5"}\n'
        b'  - {provider: acmee, model: one, input_per_mtok: "1"}\n'
        b'discounts: [{provider: acme, model: "three*", factor: "0.9"}]\n',
        "prices.yaml",
    )

    found = document("check", mine, *AT)

    assert [
        (r["key"], r["usd"], r["layer"]) for r in found["rates"] if r["model"] == "one" and r["provider"] == "acme"
    ][:2] == [("input_per_mtok", "2000", "user"), ("cache_read_per_mtok", "2000", "user")]
    assert found["warnings"] == [
        "prices.yaml: prices[0]: input_per_mtok 2000 is +99900 % against the 2 of genai-prices for acme one",
        'prices.yaml: prices[1]: no price list knows a provider "acmee"; did you mean "acme"?',
        'prices.yaml: discounts[0]: no known model of acme fits "three*"',
        'aliases[0]: no known model of acme fits "tow"; did you mean "two"?',
    ]


def test_a_price_of_every_model_of_a_provider_is_shown_as_it_would_be_charged(tmp_path: Path) -> None:
    mine = saved(tmp_path, b'version: 1\nprices: [{provider: acme, model: "*", input_per_mtok: "1"}]', "prices.yaml")

    found = document("check", mine, *AT)

    assert [(r["model"], r["usd"]) for r in found["rates"] if r["key"] == "input_per_mtok"] == [("*", "1")]


@pytest.mark.parametrize(("match", "model"), [("mine", "mine"), ("mine", "MINE"), ("mine*", "mine")])
def test_nobody_is_asked_whether_they_meant_what_they_wrote(tmp_path: Path, match: str, model: str) -> None:
    text = f'version: 1\naliases: [{{provider: acme, match: "{match}", model: {model}}}]'

    found = document("check", saved(tmp_path, text.encode(), "prices.yaml"), *AT)

    assert found["warnings"] == [f'aliases[0]: no known model of acme fits "{model}"']


def test_what_an_earlier_statement_leaves_nothing_to_is_pointed_out(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one={"input_mtok": 2, "output_mtok": 8}, two=1))
    mine = saved(
        tmp_path,
        b"version: 1\n"
        b"aliases:\n"
        b'  - {provider: acme, match: "mine*", model: one}\n'
        b"  - {provider: acme, match: mine-2, model: two}\n"
        b"multipliers:\n"
        b'  - {provider: acme, model: "*", region: "eu*", factor: "1.1"}\n'
        b'  - {provider: acme, model: one, region: eu-west, factor: "1.2"}\n'
        b'  - {provider: acme, model: one, region: us, factor: "1.2"}\n'
        b'  - {provider: acme, model: one, service_tier: batch, region: eu, factor: "0.5"}\n'
        b"discounts:\n"
        b'  - {provider: acme, model: "*", factor: "0.9", valid_from: 2026-01-01}\n'
        b'  - {provider: acme, model: one, factor: "0.8", valid_from: 2026-07-01, source: contract}\n'
        b'  - {provider: acme, model: one, factor: "0.8", valid_from: 2025-07-01}\n'
        b'  - {provider: acme, model: one, factor: "0.8", valid_from: 2026-07-01, applies_to: fees}\n'
        b"same_rate:\n"
        b'  - {provider: acme, model: "*", items: [reasoning, input_image], as_item: input}\n'
        b"  - {provider: acme, model: one, items: [reasoning], as_item: output}\n"
        b"  - {provider: acme, model: one, items: [output_audio], as_item: output}\n"
        b"minimums:\n"
        b"  - {provider: acme, model: one, item: second, least: 10, valid_to: 2027-01-01}\n"
        b"  - {provider: acme, model: one, item: second, least: 20, valid_from: 2026-01-01, valid_to: 2026-02-01}\n"
        b"  - {provider: acme, model: one, item: second, least: 20, valid_from: 2026-01-01}\n"
        b"free_models: [{provider: acme, model: one}]\n",
        "prices.yaml",
    )

    assert document("check", mine, *AT)["warnings"] == [
        "prices.yaml: multipliers[1]: has no effect: multipliers[0] stands before it and is about the same calls; end"
        " that with valid_to, or put this first",
        "prices.yaml: discounts[1] (contract): has no effect: discounts[0] stands before it and is about the same"
        " calls; end that with valid_to, or put this first",
        "same_rate[1]: has no effect: same_rate[0] stands before it and covers it",
        "minimums[1]: has no effect: minimums[0] stands before it and covers it",
        "aliases[1]: has no effect: aliases[0] stands before it and covers it",
        "prices.yaml: free_models[0]: has no effect: acme one is not listed without a price; what is to cost nothing"
        ' for you needs a price of "0"',
    ]


def test_what_is_about_a_name_that_an_alias_replaces_is_pointed_out(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one={"input_mtok": 2, "output_mtok": 8}))
    mine = saved(
        tmp_path,
        b"version: 1\n"
        b"aliases:\n"
        b'  - {provider: acme, match: "team-*", model: one}\n'
        b"  - {provider: acme, match: one, model: one, region: eu}\n"
        b"prices:\n"
        b'  - {provider: acme, model: team-a, input_per_mtok: "2"}\n'
        b"discounts:\n"
        b'  - {provider: acme, model: "team-b*", factor: "0.9"}\n'
        b'  - {provider: acme, model: [team-c, one], factor: "0.8"}\n'
        b'  - {provider: acme, model: "*", factor: "0.7"}\n',
        "prices.yaml",
    )

    said = document("check", mine, *AT)["warnings"]
    assert [warning for warning in said if "has no effect" in warning] == [
        "prices.yaml: prices[0]: has no effect: aliases[0] makes one of it; name that instead",
        "prices.yaml: discounts[0]: has no effect: aliases[0] makes one of it; name that instead",
    ]


def test_a_sound_price_file_has_no_warning(tmp_path: Path) -> None:
    mine = saved(
        tmp_path, b'version: 1\nprices: [{provider: openai, model: gpt-5, input_per_mtok: "1.10"}]', "prices.yaml"
    )

    assert output("check", mine, *AT).splitlines()[-1] == (
        f"{mine}: no mistakes, 0 warnings; 1 prices, 0 aliases, 0 factors, 0 free;"
        " resolved rates: 3 from user, 5 from genai-prices"
    )


def test_without_a_file_the_layers_are_checked_against_each_other() -> None:
    found = document("check", *AT)

    o3 = next(one for one in found["disagreements"] if one["model"] == "o3")
    assert (o3["key"], o3["decides"]["usd"], o3["not"]["usd"]) == ("cache_read_per_mtok", "2.5", "0.5")
    assert (o3["since"], o3["until"]) == (None, "2025-06-10T00:00:00+00:00")
    assert o3["why"] == "our corrections come before the price data"
    assert {one["source"].partition("[")[0] for one in found["free"]} == {"corrections.yaml: free_models"}


# --- update


def test_newer_data_is_shown_kept_by_its_content_and_used(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one=2))
    newer = data(one=2.5, two=1)

    said = output("update", "--file", saved(tmp_path, newer))

    assert "new models, 1: acme two" in said
    row = next(line.split() for line in said.splitlines() if line.startswith("acme"))
    assert row == ["acme", "one", "input_per_mtok", "always", "2", "2.5", "+25", "%"]
    assert (folder.folder / f"{hashlib.sha256(newer).hexdigest()}.json").read_bytes() == newer
    assert len(list(folder.folder.glob("*.json"))) == 2
    charge = load_current_book().charge(Route("acme", "one"), Usage(input_tokens=4), NOON)
    assert charge.total_pico == 10_000_000
    assert charge.items[0].rate.source == f"genai-prices data {hashlib.sha256(newer).hexdigest()[:12]}"


def test_the_commands_charge_by_the_data_in_use(folder: PriceDataFolder) -> None:
    folder.adopt(data(one=3))

    arguments = ["price", "--provider", "acme", "--model", "one", "--input-tokens", "1000000", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments).stdout)

    assert found["cost_usd"] == "3"


def test_a_dry_run_changes_nothing(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one=2))

    found = document("update", "--dry-run", "--file", saved(tmp_path, data(one=9)))

    assert (found["adopted"], found["rates"][0]["jump"], found["rates"][0]["change"]) == (False, True, "+350 %")
    assert load_current_book().charge(Route("acme", "one"), Usage(input_tokens=1), NOON).total_pico == 2_000_000


@pytest.mark.parametrize(
    ("newer", "said"),
    [
        (data(one=2.7, two=1), "update: 1 rate moves by more than 30 % or goes away; nothing was changed."),
        (data(one=2, three=1), "update: 1 model goes; nothing was changed."),
        (data(one=2), "update: the file knows 1 models, fewer than the 2 known now; nothing was changed."),
    ],
    ids=["jump", "model-gone", "shrink"],
)
def test_a_large_change_needs_somebodys_word(tmp_path: Path, folder: PriceDataFolder, newer: bytes, said: str) -> None:
    folder.adopt(data(one=2, two=1))
    before = load_current_book().version

    refused = prices("update", "--file", saved(tmp_path, newer))

    assert isinstance(refused.exception, ConfigError)
    assert str(refused.exception) == f"{said} If that is right, say --yes"
    assert load_current_book().version == before
    assert document("update", "--yes", "--file", saved(tmp_path, newer))["adopted"] is True
    assert load_current_book().version != before


@pytest.mark.parametrize(("answer", "status", "pico"), [("n", 1, 2_000_000), ("y", 0, 9_000_000)])
def test_at_a_terminal_a_jump_is_asked_about(
    tmp_path: Path, folder: PriceDataFolder, answer: str, status: int, pico: int
) -> None:
    folder.adopt(data(one=2))
    here, there = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "spancost_collector", "prices", "update", "--file", saved(tmp_path, data(one=9))],
        stdin=there,
        stdout=there,
        stderr=there,
    ) as command:
        os.write(here, f"{answer}\n".encode())
        found = command.wait(timeout=60)
    os.close(there)
    os.close(here)

    assert found == status
    assert load_current_book().charge(Route("acme", "one"), Usage(input_tokens=1), NOON).total_pico == pico


def test_a_change_that_a_correction_overrules_says_so(tmp_path: Path, folder: PriceDataFolder) -> None:
    def mistral(price: float) -> bytes:
        model = {
            "id": "mistral-large-latest",
            "match": {"equals": "mistral-large-latest"},
            "prices": {"input_mtok": price},
        }
        return json.dumps([{"id": "mistral", "name": "M", "api_pattern": "m", "models": [model]}]).encode()

    folder.adopt(mistral(2))

    found = document("update", "--dry-run", "--file", saved(tmp_path, mistral(2.2)))

    assert found["rates"][0]["decided_by"].startswith("corrections.yaml: prices[")


@pytest.mark.parametrize("arguments", [(), ("--reset", "--file", "data.json")])
def test_an_update_needs_a_file_or_a_way_back(arguments: tuple[str, ...]) -> None:
    assert isinstance(prices("update", *arguments).exception, ConfigError)


def test_a_file_that_is_no_price_data_changes_nothing(tmp_path: Path, folder: PriceDataFolder) -> None:
    assert isinstance(prices("update", "--file", saved(tmp_path, b"<html>")).exception, PriceFileError)
    assert isinstance(prices("update", "--file", str(tmp_path / "none.json")).exception, ConfigError)
    assert folder.current() is None


# --- what was taken over


def test_going_back_uses_the_installed_data_and_keeps_the_rest(folder: PriceDataFolder) -> None:
    installed = load_current_book().version
    adopted = folder.adopt(data(one=2))

    assert output("update", "--reset").endswith("is in use now\n")

    assert load_current_book().version == installed
    assert adopted.path.exists()
    assert output("update", "--reset").endswith("was in use already\n")


@pytest.mark.parametrize("harm", ["changed", "gone", "pointer"])
def test_broken_data_is_never_used_and_the_way_back_is_named(folder: PriceDataFolder, harm: str) -> None:
    adopted = folder.adopt(data(one=2))
    match harm:
        case "changed":
            adopted.path.write_bytes(data(one=1))
        case "gone":
            adopted.path.unlink()
        case _:
            (folder.folder / "current").write_text('{"sha256": "../../elsewhere", "beside": ""}')

    with pytest.raises(PriceFileError, match="Run `spancost prices update --reset` to go back"):
        load_current_book()

    output("update", "--reset")
    assert load_current_book().snapshot.version.startswith("genai-prices 0.2.3 (")


def test_broken_data_can_be_replaced_without_going_back_first(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one=2)).path.unlink()

    result = prices("update", "--yes", "--file", saved(tmp_path, data(one=3)))

    assert result.exit_code == 0, result.output
    assert "comparing with the installed price data instead" in result.stderr
    assert load_current_book().charge(Route("acme", "one"), Usage(input_tokens=1), NOON).total_pico == 3_000_000


def test_data_that_outlived_another_installation_is_warned_about(
    folder: PriceDataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.adopt(data(one=2))
    load_current_book()
    assert caplog.text == ""
    pointer = folder.folder / "current"
    pointer.write_text(pointer.read_text().replace("0.2.3", "0.1.0"))

    load_current_book()

    assert "other data was installed, which may be newer" in caplog.text


def test_a_folder_that_cannot_be_written_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(ConfigError, match="price data cannot be kept"):
        PriceDataFolder().adopt(data(one=2))
