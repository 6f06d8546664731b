"""Layers, served tiers, places and discounts: which one decides, and in which order."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider

from spancost_pricing import Book, Route, Usage, load_book
from spancost_pricing.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import BookOf, Instant

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
SEPTEMBER = 1_788_264_000_000_000_000  # 2026-09-01T12:00:00Z
MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
LIST = """
version: 1
prices:
  - {provider: acme, model: "one*", input_per_mtok: "10", output_per_mtok: "100", web_search_per_thousand: "10"}
  - {provider: acme, model: "one*", when: {service_tier: flex}, input_per_mtok: "4"}
multipliers:
  - {provider: acme, model: "*", service_tier: batch, factor: "0.5"}
  - {provider: acme, model: "*", region: eu, factor: "1.2"}
  - {provider: acme, model: "*", region: "*", except_region: [global], factor: "1.1"}
discounts:
  - {provider: acme, model: one-cheap, factor: "0.8"}
  - {provider: acme, model: one-fees, factor: "0.5", applies_to: fees}
"""


def test_the_first_layer_that_knows_an_item_decides_that_item(book_of: BookOf):
    mine = 'version: 1\nprices: [{provider: acme, model: one, input_per_mtok: "7"}]'

    charge = book_of(mine, LIST).charge(Route("acme", "one"), MILLION, NOON)

    assert [(item.unit, item.amount_pico // 10**12) for item in charge.items] == [("input", 7), ("output", 100)]


def test_a_users_price_comes_before_corrections_and_price_data(tmp_path: Path):
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        """
version: 1
prices:
  - {provider: OpenAI, model: gpt-4o-audio-preview, input_audio_per_mtok: "1"}
discounts:
  - {provider: openai, model: "*", factor: "0.5", valid_from: 2026-11-20}
"""
    )
    usage = Usage(input_tokens=2_000_000, input_audio_tokens=1_000_000, output_tokens=1_000_000)
    usage_out = Usage(output_tokens=1_000_000, output_audio_tokens=1_000_000)
    route = Route("openai", "gpt-4o-audio-preview")
    mine = load_book(prices)

    charge = mine.charge(route, usage, NOON)

    assert [(item.unit, item.rate.layer, item.amount_pico) for item in charge.items] == [
        ("input", "genai-prices", 1_250_000_000_000),
        ("input_audio", "user", 500_000_000_000),
        ("output", "genai-prices", 5_000_000_000_000),
    ]
    assert charge.items[1].rate.source == "prices.yaml: prices[0]"
    assert mine.charge(route, usage_out, NOON).items[0].rate.layer == "correction"
    assert mine.charge(route, usage_out, SEPTEMBER).usd == Decimal(80)
    assert mine.version != load_book().version


@pytest.mark.parametrize(
    ("route", "usd", "multipliers"),
    [
        (Route("acme", "one"), "110", ()),
        (Route("acme", "one", service_tier="default"), "110", ()),
        (Route("acme", "one", service_tier="Batch"), "55", ("tier batch x0.5",)),
        (Route("acme", "one", region="EU"), "132", ("region eu x1.2",)),
        (Route("acme", "one", region="us-east5"), "121", ("region us-east5 x1.1",)),
        (Route("acme", "one", region="global"), "110", ()),
        (
            Route("acme", "one-cheap", service_tier="batch", region="eu"),
            "52.8",
            ("tier batch x0.5", "region eu x1.2", "discount x0.8"),
        ),
    ],
)
def test_multipliers_apply_in_the_order_tier_place_discount(
    book_of: BookOf, route: Route, usd: str, multipliers: tuple[str, ...]
):
    charge = book_of(LIST).charge(route, MILLION, NOON)

    assert charge.usd == Decimal(usd)
    assert charge.items[0].rate.multipliers == multipliers


def test_prices_of_a_tier_replace_the_standard_ones_item_by_item(book_of: BookOf):
    charge = book_of(LIST).charge(Route("acme", "one", service_tier="flex"), MILLION, NOON)

    assert [(item.rate.price_id, item.amount_pico // 10**12) for item in charge.items] == [
        ("acme/one*:input@flex", 4),
        ("acme/one*:output", 100),
    ]
    assert charge.assumptions == ("no flex rate for output: the standard one taken",)


def test_tiers_and_places_leave_fees_alone_and_a_discount_may_name_them(book_of: BookOf):
    searches = Usage(input_tokens=0, units={"web_search": 1000})
    book = book_of(LIST)

    assert book.charge(Route("acme", "one", "batch", "eu"), searches, NOON).usd == Decimal(10)
    assert book.charge(Route("acme", "one-cheap"), searches, NOON).usd == Decimal(10)
    assert book.charge(Route("acme", "one-fees"), searches, NOON).usd == Decimal(5)


def test_an_alias_stands_for_the_model_that_has_the_price(book_of: BookOf):
    mine = """
version: 1
aliases: [{provider: azure.ai.openai, match: my-prod-*, bills: acme, model: one, region: eu}]
"""
    charge = book_of(mine, LIST).charge(Route("azure", "My-Prod-7"), MILLION, NOON)

    assert charge.usd == Decimal(132)
    assert charge.items[0].rate.price_id == "acme/one*:input"


def test_the_more_literal_pattern_wins(book_of: BookOf):
    mine = """
version: 1
prices:
  - {provider: acme, model: "*", input_per_mtok: "1"}
  - {provider: acme, model: "one-*", input_per_mtok: "2"}
  - {provider: acme, model: one-two, input_per_mtok: "3"}
"""
    book = book_of(mine)
    usage = Usage(input_tokens=1_000_000)

    found = [book.charge(Route("acme", name), usage, NOON).usd for name in ("zero", "one-one", "one-two")]

    assert found == [Decimal(1), Decimal(2), Decimal(3)]


@pytest.mark.parametrize(
    ("route", "ended_ns", "input_pico"),
    [
        # OpenAI: published per tier since October; half price before that by the documented rule
        (Route("openai", "gpt-5", service_tier="flex"), NOON, 625_000),
        (Route("openai", "gpt-5", service_tier="flex"), SEPTEMBER, 625_000),
        (Route("openai", "gpt-5", service_tier="priority"), SEPTEMBER, 2_500_000),
        (Route("openai", "gpt-6.1-sol", service_tier="ultrafast"), NOON, 12_000_000),
        (Route("openai", "gpt-5.6-sol", region="eu"), NOON, 4_400_000),
        (Route("openai", "gpt-5", region="eu"), NOON, 1_250_000),
        # Anthropic
        (Route("anthropic", "claude-sonnet-4-6", region="us"), NOON, 3_300_000),
        (Route("anthropic", "claude-sonnet-4-5", region="us"), NOON, 3_000_000),
        (Route("anthropic", "claude-sonnet-4-5", service_tier="batch"), SEPTEMBER, 1_500_000),
        # Google and Vertex AI
        (Route("google", "gemini-2.5-pro", service_tier="priority"), NOON, 2_250_000),
        (Route("gcp.vertex_ai", "gemini-2.5-pro", service_tier="ON_DEMAND_FLEX"), NOON, 625_000),
        (Route("google", "claude-sonnet-4-5@20250929", region="europe-west1"), NOON, 3_300_000),
        # Bedrock: in-region and geographic ids cost a tenth more than global ones; batch is half
        (Route("aws", "anthropic.claude-sonnet-4-5-20250929-v1:0"), NOON, 3_300_000),
        (Route("aws", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"), NOON, 3_300_000),
        (Route("aws", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"), NOON, 3_000_000),
        (Route("aws", "amazon.nova-pro-v1:0", service_tier="batch"), NOON, 400_000),
        (Route("aws", "amazon.nova-pro-v1:0", service_tier="priority"), NOON, 1_400_000),
        (Route("aws", "eu.amazon.nova-pro-v1:0"), NOON, 1_050_000),
        (Route("aws", "amazon.nova-pro-v1:0", region="us-gov-west-1"), NOON, 960_000),
        (Route("aws", "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0"), NOON, 960_000),
        # Azure
        (Route("azure", "gpt-5", deployment="DataZoneStandard"), NOON, 1_375_000),
        (Route("azure", "gpt-5", deployment="data_zone_us"), NOON, 1_375_000),
        (Route("azure", "gpt-5", deployment="Standard"), NOON, 1_375_000),
        (Route("azure", "gpt-5", deployment="GlobalBatch"), NOON, 625_000),
        (Route("azure", "gpt-5", deployment="DataZoneBatch"), NOON, 687_500),
        (Route("azure", "gpt-5", service_tier="priority"), NOON, 2_500_000),
        (Route("azure", "gpt-6-sol", deployment="DataZoneEU"), NOON, 2_400_000),
        # Others
        (Route("xai", "grok-4.7", region="us-east-1"), NOON, 2_200_000),
        (Route("mistral", "mistral-large-2512", service_tier="batch"), SEPTEMBER, 250_000),
        (Route("groq", "openai/gpt-oss-120b", service_tier="flex"), NOON, 150_000),
    ],
)
def test_published_tiers_and_places(book: Book, route: Route, ended_ns: int, input_pico: int):
    charge = book.charge(route, Usage(input_tokens=1), ended_ns)

    assert (charge.status, charge.total_pico) == ("priced", input_pico)


@pytest.mark.parametrize(
    "route",
    [
        Route("openai", "gpt-4o", service_tier="flex"),
        Route("openai", "gpt-5", service_tier="FLEXX"),
        Route("openai", "gpt-5", service_tier="scale"),
        Route("azure", "gpt-5", deployment="ProvisionedManaged"),
        Route("anthropic", "claude-sonnet-4-5", speed="fast"),
        Route("anthropic", "claude-sonnet-4-5", service_tier="flex"),
        Route("google", "gemini-2.5-pro-tts", service_tier="flex"),
    ],
)
def test_a_tier_that_has_no_price_is_not_charged_at_the_standard_price(book: Book, route: Route):
    charge = book.charge(route, Usage(input_tokens=1), NOON)

    assert (charge.status, charge.reason) == ("unpriced", "unknown_tier")


def test_a_place_that_was_not_reported_is_an_assumption(book: Book):
    charge = book.charge(Route("azure", "gpt-5"), Usage(input_tokens=1, output_tokens=0), NOON)

    assert charge.status == "priced"
    assert charge.assumptions == ("deployment not reported: the price without it taken",)


def test_cached_input_keeps_its_price_in_a_batch_where_the_discounts_do_not_stack(book: Book):
    usage = Usage(input_tokens=10, cache_read_tokens=4, output_tokens=1)

    charge = book.charge(Route("groq", "openai/gpt-oss-120b", service_tier="batch"), usage, NOON)

    # 10 x $0.075/M whether cached or not, and $0.30/M out
    assert charge.total_pico == 1_050_000


def test_a_transcription_is_billed_for_ten_seconds_at_least(book: Book):
    route = Route("groq", "whisper-large-v3")

    short = book.charge(route, Usage(units={"second": 3}), NOON)
    longer = book.charge(route, Usage(units={"second": 60}), NOON)

    # $0.111 an hour
    assert short.total_pico == 308_333_333
    assert short.items[0].rate.multipliers == ("billed as at least 10",)
    assert longer.total_pico == 1_850_000_000


def test_each_request_of_a_batch_is_billed_for_the_least_that_one_is(book: Book):
    route = Route("groq", "whisper-large-v3")

    charge = book.charge(route, Usage(batched_requests=6, units={"second": 30}), NOON)

    # 6 x 10 s at $0.111 an hour
    assert charge.total_pico == 1_850_000_000


def test_an_item_can_cost_so_many_times_what_another_does(book_of: BookOf):
    mine = """
version: 1
prices: [{provider: acme, model: one, input_per_mtok: "2", cache_write_per_mtok: "3", output_per_mtok: "1"}]
multipliers: [{provider: acme, model: one, service_tier: batch, factor: "0.5"}]
same_rate: [{provider: acme, model: one, items: [cache_write_1h], as_item: cache_write_5m, factor: "2"}]
"""
    usage = Usage(input_tokens=30, cache_write_tokens=20, cache_write_1h_tokens=10, output_tokens=0)

    charge = book_of(mine).charge(Route("acme", "one"), usage, NOON)
    batched = book_of(mine).charge(Route("acme", "one", service_tier="batch"), usage, NOON)

    # 10 x 2 + 10 x 3 + 10 x 6
    assert charge.total_pico == 110_000_000
    assert [item.rate.multipliers for item in charge.items] == [(), (), ("cache_write_5m x2",)]
    assert batched.total_pico == 55_000_000
    assert batched.items[2].rate.multipliers == ("cache_write_5m x2", "tier batch x0.5")


def test_minimums_same_rates_and_gifts_hold_for_their_time_only(book_of: BookOf, at: Instant):
    mine = """
version: 1
prices:
  - {provider: acme, model: one, input_per_mtok: "2", output_per_mtok: "8"}
minimums: [{provider: acme, model: one, item: input, least: 1000, valid_from: 2026-07-01}]
same_rate:
  - {provider: acme, model: one, items: [input_audio], as_item: input, factor: "3", valid_from: 2026-07-01}
  - {provider: acme, model: one, items: [input_audio], as_item: output, valid_to: 2026-07-01}
"""
    book, route = book_of(mine), Route("acme", "one")
    little = Usage(input_tokens=10, output_tokens=0)
    heard = Usage(input_tokens=10, input_audio_tokens=10, output_tokens=0)
    june, july = at("2026-06-30T23:59:59+00:00"), at("2026-07-01T00:00:00+00:00")

    assert book.charge(route, little, june).usd == Decimal("0.00002")  # 10 x 2
    assert book.charge(route, little, july).usd == Decimal("0.002")  # 1000 x 2
    assert book.charge(route, heard, june).usd == Decimal("0.00008")  # 10 x 8
    assert book.charge(route, heard, july).usd == Decimal("0.00006")  # 10 x 3 x 2


def test_a_gift_for_some_time_is_one_for_that_time(tmp_path: Path, at: Instant):
    prices = tmp_path / "prices.yaml"
    gift = "{provider: openai, model: o1, valid_from: 2026-07-01T12:00:00Z}"
    prices.write_text(f"version: 1\nfree_models: [{gift}]\n")
    listed = Snapshot(
        [Provider("openai", "OpenAI", "x", models=[ModelInfo("o1", ClauseEquals("o1"), prices=ModelPrice())])]
    )
    book = load_book(prices, listed)

    found = [book.charge(Route("openai", "o1"), MILLION, at(f"2026-07-01T{hour}:00:00+00:00")) for hour in (11, 12)]

    assert [charge.status for charge in found] == ["unpriced", "free"]


def test_facts_that_point_at_each_other_do_not_hang(book_of: BookOf):
    circle = """
version: 1
prices: [{provider: acme, model: one, output_per_mtok: "1"}]
same_rate:
  - {provider: acme, model: "*", items: [input_audio], as_item: input_image}
  - {provider: acme, model: "*", items: [input_image], as_item: input_audio}
"""
    usage = Usage(input_tokens=2, input_audio_tokens=1, output_tokens=1)

    charge = book_of(circle).charge(Route("acme", "one"), usage, NOON)

    assert (charge.status, charge.detail) == ("partial", "no rate for input, input_audio")


def test_brackets_in_a_model_name_are_meant_literally(book_of: BookOf):
    mine = 'version: 1\nprices: [{provider: acme, model: "one[1m]", input_per_mtok: "5"}]'

    charge = book_of(mine).charge(Route("acme", "one[1m]"), Usage(input_tokens=1_000_000), NOON)

    assert charge.usd == Decimal(5)
    assert book_of(mine).charge(Route("acme", "one1"), Usage(input_tokens=1), NOON).reason == "unknown_model"


def test_cached_input_without_a_price_of_its_own_is_input_in_a_batch_too(book: Book):
    charge = book.charge(
        Route("google", "gemini-2.5-flash-image", "batch"), Usage(input_tokens=10, cache_read_tokens=4), NOON
    )

    # 10 x $0.30/M x 0.5, cached or not
    assert charge.total_pico == 1_500_000
