"""`spancost prices list` and `show`: what everything costs, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.prices_command.running import AT, data, document, output, prices, saved

from spancost_pricing import ConfigError, UnknownModelError

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_collector.price_data import PriceDataFolder


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
