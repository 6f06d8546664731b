"""Which of several prices and factors decides where more than one could: tiers, places, patterns, stand-ins."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spancost_pricing import Book, Route, Usage
from spancost_pricing.disagreements import why
from spancost_pricing.plan import Explanation
from spancost_pricing.price_file import parse_price_file
from spancost_pricing.snapshot import Snapshot

if TYPE_CHECKING:
    from .conftest import BookOf

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def test_a_users_factor_on_a_tier_comes_before_what_other_layers_list_for_it():
    mine = 'version: 1\nmultipliers: [{provider: acme, model: one, service_tier: batch, factor: "0.4"}]'
    theirs = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: "10", output_per_mtok: "100"}
  - {provider: acme, model: one, when: {service_tier: batch}, input_per_mtok: "5", output_per_mtok: "50"}
"""
    layers = [parse_price_file(mine, "prices.yaml"), parse_price_file(theirs, "ours.yaml", "correction")]
    book, route = Book(layers, Snapshot([])), Route("acme", "one", "batch")

    charge = book.charge(route, MILLION, NOON)
    explained = book.explain(route, NOON)

    # 10 x 0.4 and 100 x 0.4
    assert [item.amount_pico for item in charge.items] == [4_000_000_000_000, 40_000_000_000_000]
    assert charge.items[0].rate.multipliers == ("tier batch x0.4",)
    assert isinstance(explained, Explanation)
    decides, listed, _ = explained.candidates["input"]
    assert why(decides, listed) == "your factor comes before what other layers list for the call's own terms"


def test_a_users_own_price_on_a_tier_comes_before_a_users_factor(book_of: BookOf):
    mine = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: "10", output_per_mtok: "100"}
  - {provider: acme, model: one, when: {service_tier: batch}, input_per_mtok: "5", output_per_mtok: "50"}
multipliers: [{provider: acme, model: one, service_tier: batch, factor: "0.4"}]
"""
    assert book_of(mine).charge(Route("acme", "one", "batch"), MILLION, NOON).usd == Decimal(55)


PLACES = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: "10", output_per_mtok: "100"}
  - {provider: acme, model: one, when: {region: eu}, input_per_mtok: "12", output_per_mtok: "120"}
"""


def layered(mine: str, theirs: str) -> Book:
    layers = [parse_price_file(mine, "prices.yaml"), parse_price_file(theirs, "ours.yaml", "correction")]
    return Book(layers, Snapshot([]))


def test_a_factor_on_a_tier_is_one_on_the_price_of_a_region_too(book_of: BookOf):
    mine = PLACES + 'multipliers: [{provider: acme, model: one, service_tier: batch, factor: "0.5"}]'

    charge = book_of(mine).charge(Route("acme", "one", "batch", "eu"), MILLION, NOON)

    assert charge.usd == Decimal(66)  # (12 + 120) x 0.5
    assert charge.items[0].rate.multipliers == ("tier batch x0.5",)


def test_a_tier_that_another_layer_lists_comes_before_a_price_of_no_tier_wherever_it_holds():
    theirs = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: "8", output_per_mtok: "80"}
  - {provider: acme, model: one, when: {service_tier: batch}, input_per_mtok: "5", output_per_mtok: "50"}
"""
    book = layered(PLACES, theirs)

    assert book.charge(Route("acme", "one", "batch"), MILLION, NOON).usd == Decimal(55)
    assert book.charge(Route("acme", "one", "batch", "eu"), MILLION, NOON).usd == Decimal(55)
    assert book.charge(Route("acme", "one", None, "eu"), MILLION, NOON).usd == Decimal(132)


def test_a_price_of_a_region_is_not_multiplied_by_what_the_region_costs_more():
    theirs = 'version: 1\nmultipliers: [{provider: acme, model: one, region: [eu, us], factor: "1.1"}]'
    book = layered(PLACES, theirs)

    assert book.charge(Route("acme", "one", None, "eu"), MILLION, NOON).usd == Decimal(132)  # 12 + 120
    assert book.charge(Route("acme", "one", None, "us"), MILLION, NOON).usd == Decimal(121)  # (10 + 100) x 1.1


def test_a_users_factor_on_a_region_is_one_on_what_other_layers_list_for_it():
    mine = 'version: 1\nmultipliers: [{provider: acme, model: one, region: eu, factor: "0.5"}]'

    assert layered(mine, PLACES).charge(Route("acme", "one", None, "eu"), MILLION, NOON).usd == Decimal(66)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_price_on_more_terms_comes_first_wherever_it_stands(book_of: BookOf, backwards: bool):
    prices = [
        '{provider: acme, model: one, when: {region: eu}, input_per_mtok: "7"}',
        '{provider: acme, model: one, when: {service_tier: batch}, input_per_mtok: "5"}',
        '{provider: acme, model: one, when: {service_tier: batch, region: eu}, input_per_mtok: "6"}',
    ]
    whole = book_of(f"version: 1\nprices: [{', '.join(prices[::-1] if backwards else prices)}]")
    two = book_of(f"version: 1\nprices: [{', '.join(prices[1::-1] if backwards else prices[:2])}]")
    route, usage = Route("acme", "one", "batch", "eu"), Usage(input_tokens=1_000_000)

    assert whole.charge(route, usage, NOON).usd == Decimal(6)
    assert two.charge(route, usage, NOON).usd == Decimal(5)  # a tier before a region


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("one", "on?", "one"),
        ("one", "one*", "one"),
        ("one", "??e*", "o*e"),
        ("one", "o*e*", "o*e"),
        ("one[1m]", "*[1m]*", "one*m]"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_pattern_is_as_literal_as_the_letters_that_it_spells_out(
    book_of: BookOf, name: str, less: str, more: str, backwards: bool
):
    prices = [
        f'{{provider: acme, model: "{less}", input_per_mtok: "10"}}',
        f'{{provider: acme, model: "{more}", input_per_mtok: "5"}}',
    ]
    book = book_of(f"version: 1\nprices: [{', '.join(prices[::-1] if backwards else prices)}]")

    assert book.charge(Route("acme", name), Usage(input_tokens=1_000_000), NOON).usd == Decimal(5)


@pytest.mark.parametrize(
    ("prices", "usd"),
    [
        ("", "4.5"),  # 3.75 x 1.2, and not the 6 that is listed
        ('prices: [{provider: acme, model: one, cache_write_1h_per_mtok: "7"}]', "7"),
        ('prices: [{provider: acme, model: one, cache_write_per_mtok: "5"}]', "6"),
    ],
)
def test_what_you_say_another_item_costs_comes_before_what_other_layers_list(prices: str, usd: str):
    mine = f"""
version: 1
{prices}
same_rate: [{{provider: acme, model: one, items: [cache_write_1h], as_item: cache_write_5m, factor: "1.2"}}]
"""
    theirs = """
version: 1
prices: [{provider: acme, model: one, cache_write_per_mtok: "3.75", cache_write_1h_per_mtok: "6"}]
"""
    usage = Usage(input_tokens=1_000_000, cache_write_tokens=1_000_000, cache_write_1h_tokens=1_000_000)

    assert layered(mine, theirs).charge(Route("acme", "one"), usage, NOON).usd == Decimal(usd)


def test_an_item_that_costs_what_has_no_price_keeps_the_price_that_is_listed():
    mine = "version: 1\nsame_rate: [{provider: acme, model: one, items: [cache_write_1h], as_item: output_audio}]"
    theirs = 'version: 1\nprices: [{provider: acme, model: one, cache_write_1h_per_mtok: "6"}]'
    usage = Usage(input_tokens=1_000_000, cache_write_tokens=1_000_000, cache_write_1h_tokens=1_000_000)

    assert layered(mine, theirs).charge(Route("acme", "one"), usage, NOON).usd == Decimal(6)


@pytest.mark.parametrize(
    ("rule", "usd"),
    [
        ("discounts: [{provider: acme, model: one, factor: '0.5', applies_to: [output]}]", "50"),
        ("discounts: [{provider: acme, model: one, factor: '0.5', applies_to: [reasoning]}]", "80"),  # 60 + 40 x 0.5
        ("multipliers: [{provider: acme, model: one, region: eu, factor: '0.5', applies_to: [output]}]", "50"),
        ("multipliers: [{provider: acme, model: one, service_tier: flex, factor: '0.5', applies_to: [output]}]", "50"),
        (
            "multipliers: [{provider: acme, model: one, service_tier: flex, factor: '0.5', applies_to: [reasoning]}]",
            "80",
        ),
    ],
)
def test_a_factor_on_an_item_is_one_on_what_is_charged_at_its_rate(book_of: BookOf, rule: str, usd: str):
    book = book_of(f"version: 1\nprices: [{{provider: acme, model: one, output_per_mtok: '100'}}]\n{rule}")
    usage = Usage(output_tokens=1_000_000, reasoning_tokens=400_000)

    assert book.charge(Route("acme", "one", "flex" if "flex" in rule else None, "eu"), usage, NOON).usd == Decimal(usd)


def test_a_factor_on_an_item_is_none_on_what_has_a_rate_of_its_own(book_of: BookOf):
    mine = """
version: 1
prices: [{provider: acme, model: one, output_per_mtok: "100", reasoning_per_mtok: "10"}]
discounts: [{provider: acme, model: one, factor: "0.5", applies_to: [output]}]
"""
    usage = Usage(output_tokens=1_000_000, reasoning_tokens=400_000)

    # 60 x 0.5 and 4
    assert book_of(mine).charge(Route("acme", "one"), usage, NOON).usd == Decimal(34)


@pytest.mark.parametrize(
    ("pattern", "deployment", "usd"),
    [
        ("*", "GlobalStandard", "11"),
        ("Data*", "DataZoneStandard", "11"),
        ("data_zone*", "DataZone", "11"),
        ("Data*", "GlobalStandard", "10"),
        ("*", None, "10"),
    ],
)
def test_the_deployment_of_a_factor_may_be_a_pattern(book_of: BookOf, pattern: str, deployment: str | None, usd: str):
    mine = f"""
version: 1
prices: [{{provider: acme, model: one, input_per_mtok: "10"}}]
multipliers: [{{provider: acme, model: one, deployment: "{pattern}", factor: "1.1"}}]
"""
    route = Route("acme", "one", deployment=deployment)

    assert book_of(mine).charge(route, Usage(input_tokens=1_000_000), NOON).usd == Decimal(usd)


def test_a_model_keeps_the_location_of_its_path_under_an_alias(book_of: BookOf):
    mine = """
version: 1
aliases: [{provider: google, match: ours, model: gemini-x, region: us-east5}]
prices: [{provider: google, model: gemini-x, input_per_mtok: "10"}]
multipliers: [{provider: google, model: "*", region: "europe-*", factor: "1.1"}]
"""
    path = "projects/p/locations/europe-west1/publishers/google/models/ours"
    usage = Usage(input_tokens=1_000_000)

    assert book_of(mine).charge(Route("vertex_ai", path), usage, NOON).usd == Decimal(11)
    assert book_of(mine).charge(Route("vertex_ai", "ours"), usage, NOON).usd == Decimal(10)
