"""The same provider and model under all their names, and never one route's price on another."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spancost_pricing import Route, Usage, load_book

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_pricing import Book

    from .conftest import BookOf

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z


def price_id(book: Book, provider: str, model: str) -> str | None:
    charge = book.charge(Route(provider, model), Usage(input_tokens=1), NOON)
    return charge.items[0].rate.price_id.removesuffix(":input") if charge.items else None


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("OpenAI", "gpt-4o", "openai/gpt-4o"),
        ("openai.responses", "gpt-5", "openai/gpt-5"),
        ("openai", "openai/gpt-5", "openai/gpt-5"),
        ("openai", "gpt-5.2-20251211", "openai/gpt-5.2"),
        ("openai", "ft:gpt-4.1-mini-2025-04-14:acme::id", "openai/ft:gpt-4.1-mini-*"),
        ("azure.ai.openai", "gpt-5", "openai/gpt-5"),
        ("azure.ai.inference", "gpt-5", "openai/gpt-5"),
        ("az.ai.openai", "azure/gpt-35-turbo", "openai/gpt-3.5-turbo"),
        ("anthropic.messages", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("anthropic", "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5[1m]", "anthropic/claude-sonnet-4-5"),
        ("gcp.gemini", "models/gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("google-vertex", "gemini-2.5-flash-001", "google/gemini-2.5-flash"),
        ("google.generative-ai", "publishers/google/models/gemini-2.5-pro", "google/gemini-2.5-pro"),
        (
            "gcp.vertex_ai",
            "projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929",
            "google/claude-sonnet-4-5",
        ),
        ("aws.bedrock", "amazon.nova-lite-v1:0", "aws/amazon.nova-lite-v1:0"),
        ("amazon-bedrock", "bedrock/amazon.nova-lite-v1:0", "aws/amazon.nova-lite-v1:0"),
        (
            "aws_bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
            "aws/amazon.nova-lite-v1:0",
        ),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "aws/regional.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        ("x_ai", "grok-4", "x-ai/grok-4-0709"),
        ("xai", "xai/grok-4.7", "x-ai/grok-4.7"),
        ("mistral_ai", "mistral-large-3", "mistral/mistral-large-2512"),
        ("moonshot_ai", "kimi-k2-0905-preview", "moonshotai/kimi-k2-0905-preview"),
        ("groq", "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("openrouter", "openrouter/anthropic/claude-sonnet-4.5", "openrouter/anthropic/claude-sonnet-4.5"),
        ("litellm", "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("perplexity", "sonar", "perplexity/sonar"),
    ],
)
def test_a_model_is_found_under_the_names_it_goes_by(book: Book, provider: str, model: str, expected: str):
    assert price_id(book, provider, model) == expected


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "claude-sonnet-4-5"),
        ("anthropic", "gpt-4o"),
        ("azure", "my-production-deployment"),
        ("azure", "deepseek-chat"),
        ("groq", "gpt-4o"),
        ("not-openai", "gpt-4o"),
        ("my.openai.proxy", "gpt-4o"),
        ("openai.proxy", "gpt-4o"),
        ("ibm.watsonx.ai", "granite-3"),
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef"),
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0/abcdef"),
        ("google", "projects/p/locations/us-central1/endpoints/4711"),
        ("litellm", "gpt-4o"),
        ("openai", "ft:mystery:acme::id"),
    ],
)
def test_a_price_is_never_taken_from_another_route(book: Book, provider: str, model: str):
    assert price_id(book, provider, model) is None


def test_the_location_in_a_model_path_counts_as_the_region(book: Book):
    path = "projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929"

    charge = book.charge(Route("vertex_ai", path), Usage(input_tokens=1), NOON)

    assert charge.total_pico == 3_300_000
    assert charge.items[0].rate.multipliers == ("region us-east5 x1.1",)


def test_a_name_that_only_begins_like_a_known_one_is_priced_with_a_warning(book: Book):
    usage = Usage(input_tokens=1, output_tokens=0)
    known = book.charge(Route("anthropic", "claude-opus-4-8-20260528"), usage, NOON)
    alike = book.charge(Route("anthropic", "claude-opus-4-8-turbo"), usage, NOON)

    assert known.assumptions == ()
    assert alike.assumptions == (
        "model 'claude-opus-4-8-turbo' taken for anthropic 'claude-opus-4-8', whose pattern it fits",
    )


@pytest.mark.parametrize("spelling", ["my-vllm", "My_vLLM", "my vllm"])
def test_a_provider_of_your_own_is_one_however_its_statements_spell_it(book_of: BookOf, spelling: str):
    mine = """
version: 1
prices: [{provider: my-vllm, model: m, input_per_mtok: "10"}, {provider: MY VLLM, model: m, output_per_mtok: "20"}]
discounts: [{provider: my_vllm, model: m, factor: "0.5"}]
"""
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000)

    assert book_of(mine).charge(Route(spelling, "m"), usage, NOON).usd == Decimal(15)


@pytest.mark.parametrize("spelling", ["openai.chat", "huggingface-cerebras"])
def test_a_provider_in_another_spelling_is_the_one_of_the_price_data(tmp_path: Path, spelling: str):
    prices = tmp_path / "prices.yaml"
    prices.write_text(f'version: 1\nprices: [{{provider: {spelling}, model: ours, input_per_mtok: "10"}}]')
    usage = Usage(input_tokens=1_000_000)
    mine = load_book(prices)

    assert mine.charge(Route(spelling, "ours"), usage, NOON).usd == Decimal(10)
    assert mine.charge(Route("openai.chat", "gpt-4o"), usage, NOON).usd == Decimal("2.5")
    assert mine.charge(Route("huggingface_cerebras", "openai/gpt-oss-120b"), usage, NOON).usd == Decimal("0.35")
