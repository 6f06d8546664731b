"""Where layers disagree it is said which decides, and what decides is what is charged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from spancost_pricing import Book, Route, Usage
from spancost_pricing.catalogue import known_models
from spancost_pricing.disagreements import disagreements, rate_of
from spancost_pricing.price_data import parse_price_data
from spancost_pricing.price_file import parse_price_file

if TYPE_CHECKING:
    from spancost_pricing.charge import Layer

    from .conftest import Instant

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
DATA = [
    {
        "id": "acme",
        "name": "Acme",
        "api_pattern": "acme",
        "models": [
            {
                "id": "one",
                "match": {"starts_with": "one"},
                "prices": {"input_mtok": 2, "output_mtok": 8},
                "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 1.2}}],
            },
            {"id": "two", "match": {"equals": "two"}, "prices": {"input_mtok": 5}},
        ],
    }
]


def layered(*files: tuple[str, Layer]) -> Book:
    tariffs = [parse_price_file(f"version: 1\n{text}", f"{layer}.yaml", layer) for text, layer in files]
    return Book(tariffs, parse_price_data(json.dumps(DATA).encode(), "data.json"))


def rows(book: Book) -> list[tuple[str, str, str, float, Layer, float, Layer, str]]:
    return [
        (
            found.model,
            found.terms,
            found.item,
            float(rate_of(found.decides)) / 1_000_000,
            found.decides.entry.layer,
            float(rate_of(found.other)) / 1_000_000,
            found.other.entry.layer,
            found.why,
        )
        for found in disagreements(book)
    ]


def test_an_earlier_layer_decides_and_only_what_differs_is_reported():
    book = layered(
        ('prices: [{provider: acme, model: one, input_per_mtok: "3", output_per_mtok: "8"}]', "user"),
        ('prices: [{provider: acme, model: "one*", input_per_mtok: "2.5"}]', "correction"),
    )

    assert rows(book) == [
        ("one", "", "input", 3, "user", 2.5, "correction", "your prices come before our corrections"),
        ("one", "", "input", 3, "user", 2, "genai-prices", "your prices come before the price data"),
    ]
    assert book.charge(Route("acme", "one"), Usage(input_tokens=1), NOON).total_pico == 3_000_000


def test_a_factor_that_differs_from_a_listed_tier_is_a_disagreement_on_that_tier():
    book = layered(
        ('multipliers: [{provider: acme, model: "*", service_tier: batch, factor: "0.5"}]', "correction"),
        ('prices: [{provider: acme, model: one, input_per_mtok: "2"}]', "correction"),
    )

    # 2 x 0.5 comes before the listed 1.2.
    assert rows(book) == [
        (
            "one",
            "tier batch",
            "input",
            1,
            "correction",
            1.2,
            "genai-prices",
            "our corrections come before the price data",
        )
    ]
    assert book.charge(Route("acme", "one", "batch"), Usage(input_tokens=1), NOON).total_pico == 1_000_000


def test_a_difference_on_the_standard_price_is_not_said_again_for_every_factor():
    book = layered(
        ('multipliers: [{provider: acme, model: "*", service_tier: flex, factor: "0.5"}]', "correction"),
        ('prices: [{provider: acme, model: two, input_per_mtok: "6"}]', "correction"),
    )

    assert [(model, terms) for model, terms, *_ in rows(book)] == [("two", "")]


def test_an_alias_that_takes_a_known_name_elsewhere_is_a_disagreement():
    book = layered(("aliases: [{provider: acme, match: two, model: one}]", "user"))

    assert rows(book) == [
        ("two", "", "input", 2, "genai-prices", 5, "genai-prices", "an alias names another model"),
    ]


def test_a_price_for_some_time_disagrees_for_that_time_only(at: Instant):
    text = 'prices: [{provider: acme, model: two, input_per_mtok: "6", valid_from: 2026-01-01, valid_to: 2026-02-01}]'
    book = layered((text, "user"))

    assert [(found.since_ns, found.until_ns) for found in disagreements(book)] == [
        (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"))
    ]


def test_every_disagreement_of_the_shipped_layers_is_decided_by_a_sourced_correction(book: Book):
    found = list(disagreements(book))

    assert {(one.provider, one.model) for one in found} >= {("openai", "o3"), ("deepseek", "deepseek-v4-pro")}
    assert {one.decides.entry.layer for one in found} == {"correction"}
    assert all("(https://" in one.decides.entry.source for one in found)


def test_no_known_model_silently_costs_nothing(book: Book):
    plenty = Usage(input_tokens=1_000, output_tokens=1_000, units={"second": 60, "character": 1_000, "image": 1})

    silent = [
        (known.provider, known.model)
        for known in known_models(book)
        for charge in [book.charge(Route(known.provider, known.name), plenty, NOON)]
        if charge.total_pico == 0
        and (charge.status == "priced" or not charge.items[0].rate.source.startswith("correct"))
    ]

    assert silent == []


def test_every_model_of_every_layer_is_listed_by_a_name_that_finds_it():
    book = layered(
        (
            "aliases: [{provider: acme, match: mine, model: one}]\n"
            'prices: [{provider: acme, model: ["one*", "own-*"], input_per_mtok: "3"}]',
            "user",
        )
    )

    assert [(known.model, known.name) for known in known_models(book)] == [
        ("mine", "mine"),
        ("one", "one"),
        ("own-*", "own-"),
        ("two", "two"),
    ]
    assert all(book.listings(Route(known.provider, known.name)) for known in known_models(book))
