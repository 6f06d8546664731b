"""LiteLLM, the oldest supported and the newest, each in an environment of its own: its call is counted once."""

from __future__ import annotations

from typing import Any

import pytest

from .outside import seen_by

pytestmark = pytest.mark.end_to_end

RELEASES = ("1.80.0", "1.106.2")
# These are what LiteLLM imports on the way to its cache and the Responses API without requiring it.
BESIDE = ("anthropic", "fastapi", "mcp", "orjson", "soundfile")
CHAT = {
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.reasoning.output_tokens": 8,
}
RESPONSE = {
    "gen_ai.usage.input_tokens": 50,
    "gen_ai.usage.cache_read.input_tokens": 20,
    "gen_ai.usage.output_tokens": 10,
    "gen_ai.usage.reasoning.output_tokens": 4,
}


@pytest.fixture(scope="module", params=RELEASES)
def seen(request: pytest.FixtureRequest) -> dict[str, Any]:
    return seen_by("litellm_app.py", f"litellm=={request.param}", *BESIDE)


def usage(span: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in span.items() if ".usage." in name}


@pytest.mark.parametrize(
    ("call", "name", "expected"),
    [
        ("plain", "chat gpt-5", CHAT),
        ("plain async", "chat gpt-5", CHAT),
        ("bare name", "chat gpt-5", CHAT),
        ("stream", "chat gpt-5", CHAT),
        ("stream async", "chat gpt-5", CHAT),
        ("router", "chat gpt-5", CHAT),
        ("router async", "chat gpt-5", CHAT),
        ("text", "text_completion gpt-5", CHAT),
        ("responses", "chat gpt-5", RESPONSE),
        ("responses async", "chat gpt-5", RESPONSE),
    ],
)
def test_a_call_is_one_span_with_what_the_provider_reported(
    seen: dict[str, Any], call: str, name: str, expected: dict[str, int]
) -> None:
    assert seen[call]["requests"] == 1
    (span,) = seen[call]["spans"]
    assert span["name"] == name
    assert span["gen_ai.provider.name"] == "openai"
    assert span["spancost.feature"] == "search"
    assert span["status"] == "UNSET"
    assert usage(span) == expected


@pytest.mark.parametrize("call", ["embedding", "embedding async"])
def test_embeddings_are_one_span(seen: dict[str, Any], call: str) -> None:
    (span,) = seen[call]["spans"]
    assert span["name"] == "embeddings text-embedding-3-small"
    assert span["gen_ai.usage.input_tokens"] == 9


def test_another_providers_call_is_that_providers(seen: dict[str, Any]) -> None:
    (span,) = seen["anthropic"]["spans"]
    assert span["gen_ai.provider.name"] == "anthropic"
    assert span["gen_ai.request.model"] == "claude-sonnet-5"
    assert span["gen_ai.usage.input_tokens"] == 240  # 10 + 200 read + 30 written
    assert span["gen_ai.usage.cache_read.input_tokens"] == 200
    assert span["gen_ai.usage.cache_write.input_tokens"] == 30
    assert span["spancost.usage.cache_write_1h.input_tokens"] == 10
    assert span["gen_ai.usage.output_tokens"] == 25


def test_a_reranking_is_counted_in_search_units(seen: dict[str, Any]) -> None:
    (span,) = seen["rerank"]["spans"]
    assert span["name"] == "rerank rerank-v3.5"
    assert span["gen_ai.provider.name"] == "cohere"
    assert usage(span) == {"spancost.usage.requests": 2}


def test_a_stream_whose_server_reports_no_usage_is_estimated(seen: dict[str, Any]) -> None:
    (span,) = seen["stream without usage"]["spans"]
    assert seen["stream without usage"]["returned"] == 3
    # 20 characters asked, 11 written, four to a token.
    assert usage(span) == {
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 3,
        "spancost.usage.estimated": True,
    }


def test_a_stream_that_is_dropped_ends_its_span_and_was_litellms_own(seen: dict[str, Any]) -> None:
    (span,) = seen["dropped stream"]["spans"]
    assert seen["dropped stream"]["returned"] is True
    assert span["status"] == "UNSET"
    assert span["spancost.usage.estimated"] is True


@pytest.mark.parametrize("call", ["error", "error async"])
def test_a_providers_error_reaches_the_app_as_litellms_and_marks_the_span(seen: dict[str, Any], call: str) -> None:
    (span,) = seen[call]["spans"]
    assert seen[call]["raised"] == "BadRequestError"
    assert span["error.type"] == "litellm.exceptions.BadRequestError"
    assert span["status"] == "ERROR"
    assert usage(span) == {}


def test_a_fallback_is_one_call_of_the_model_that_answered(seen: dict[str, Any]) -> None:
    assert seen["fallback"]["requests"] == 2
    (span,) = seen["fallback"]["spans"]
    assert span["gen_ai.response.model"] == "gpt-5-2025-08-07"
    assert span["status"] == "UNSET"
    assert usage(span) == CHAT


def test_an_answer_that_litellm_made_up_is_no_call(seen: dict[str, Any]) -> None:
    assert seen["mock"]["returned"] == "ModelResponse"
    assert seen["mock"]["spans"] == []


def test_an_answer_from_the_cache_cost_nothing(seen: dict[str, Any]) -> None:
    (paid,) = seen["cached first"]["spans"]
    (free,) = seen["cached second"]["spans"]
    assert seen["cached second"]["requests"] == 0
    assert usage(paid) == CHAT
    assert usage(free) == {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}
    assert free["spancost.litellm.cache_hit"] is True
    assert "gen_ai.response.id" not in free  # it would be taken for the same call as the one that was paid


def test_switched_off_it_makes_no_spans_and_works(seen: dict[str, Any]) -> None:
    assert seen["switched off"]["returned"] == "ModelResponse"
    assert seen["switched off"]["requests"] == 1
    assert seen["switched off"]["spans"] == []
