"""What is taken for granted about the price library's data; each fails when a new release brings something new."""

from __future__ import annotations

from genai_prices.data import providers
from genai_prices.types import ModelPrice

from spancost_pricing.snapshot import CONTEXTS, FALLBACKS, PRICE_UNITS, Snapshot

# Listed, and reported by nobody in a way that `Usage` could carry.
NOT_CHARGED = {
    "input_annotated_document_kpages",
    "input_document_kpages",
    "input_text_messages_kcount",
    "input_video_mtok",
    "output_citation_mtok",
    "output_video_mtok",
    "storage_searches_kcount",
}
# Contexts that select what holds without them.
STANDARD = {("service_tier", "default"), ("search_type", "web")}


def test_every_listed_unit_is_either_charged_or_known_not_to_be():
    listed: set[str] = set()
    for provider in providers:
        for model in provider.models:
            prices = [model.prices] if isinstance(model.prices, ModelPrice) else [one.prices for one in model.prices]
            prices += [variant.prices for variant in model.price_variants or ()]
            for price in prices:
                listed.update(key for key, value in vars(price).items() if value is not None)

    assert listed - PRICE_UNITS.keys() == NOT_CHARGED


def test_every_request_context_selects_terms_of_ours():
    contexts = {
        context
        for provider in providers
        for model in provider.models
        for variant in model.price_variants or ()
        for context in variant.when.items()
    }

    assert contexts == CONTEXTS.keys() | STANDARD


def test_sellers_at_another_providers_list_price_are_those_that_the_data_names():
    stated = {provider.id: set(provider.fallback_model_providers or ()) for provider in providers}

    assert {seller: stated[seller] - set(others) for seller, others in FALLBACKS.items()} == {
        "azure": {"deepseek"},
        "google": set(),
    }
    assert all(set(others) <= stated[seller] for seller, others in FALLBACKS.items())


def test_the_version_names_the_release_and_its_content():
    assert Snapshot().version.startswith("genai-prices 0.2.3 (")
