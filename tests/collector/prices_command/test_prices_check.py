"""`spancost prices check`: mistakes in a price file, and what is worth a second look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.prices_command.running import AT, data, document, output, prices, saved

from spancost_pricing import PriceFileError

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_collector.price_data import PriceDataFolder


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
