"""A name means the first model whose rule fits it, as the price data's own project has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from genai_prices.data import providers
from genai_prices.types import ClauseAnd, ClauseContains, ClauseEquals, ClauseOr, ClauseStartsWith, ModelInfo

from spancost_pricing.matching import Models, spelled_out

if TYPE_CHECKING:
    from genai_prices.types import MatchLogic, Provider


def model(name: str, match: MatchLogic) -> ModelInfo:
    return ModelInfo(id=name, match=match)


LISTED = Models(
    [
        model("one", ClauseOr([ClauseEquals("One"), ClauseStartsWith("one-2")])),
        model("any-one", ClauseStartsWith("one")),
        model("later", ClauseOr([ClauseEquals("one"), ClauseEquals("one-3"), ClauseEquals("later")])),
        model("both", ClauseAnd([ClauseContains("b"), ClauseEquals("later-b")])),
        model("hidden", ClauseEquals("one-4")),
    ]
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("one", "one"),
        ("ONE", "one"),
        ("one-20", "one"),
        ("one-3", "any-one"),  # `later` lists the name, and stands behind a rule that fits it
        ("later", "later"),
        ("later-b", "both"),
        ("two", None),
        ("", None),
    ],
)
def test_the_first_model_whose_rule_fits_is_meant(name: str, meant: str | None) -> None:
    found = LISTED.find(name)

    assert (None if found is None else found.id) == meant


def test_a_model_is_named_by_what_finds_it() -> None:
    assert [LISTED.name_of(one) for one in LISTED] == ["one", None, "later", "later-b", None]


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_every_name_means_what_it_means_to_the_price_datas_own_project(provider: Provider) -> None:
    models = Models(provider.models)
    ids = [one.id for one in provider.models]

    for name in [*ids, *(f"{one}-2026-01-01" for one in ids), *(f"us.{one}" for one in ids), *map(str.upper, ids)]:
        assert models.find(name) is next((one for one in provider.models if one.is_match(name)), None), name


@pytest.mark.parametrize("behind", ["-20240101", "-v1", "v1:0"])
def test_a_name_of_many_dates_and_revisions_is_told_from_a_model_s_at_once(behind: str) -> None:
    # Each can be read in two ways: to try them all would take until long after this test is forgotten.
    name = "gpt" + behind * 50

    assert spelled_out(ClauseStartsWith("gpt"), name)
    assert not spelled_out(ClauseStartsWith("gpt"), name + "x")
