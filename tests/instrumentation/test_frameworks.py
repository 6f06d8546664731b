"""Frameworks are covered through the SDKs below them: one span for each paid call, with who pays for it."""

from __future__ import annotations

from typing import Any

import pytest

from .outside import seen_by

pytestmark = pytest.mark.end_to_end

INSTALLED = (
    "anthropic==2.12.0",
    "dspy==3.4.1",
    "langchain-anthropic==1.7.7",
    "langchain-openai==1.7.3",
    "litellm==1.83.0",
    "openai==3.54.0",
    "openai-agents==0.24.0",
    "pydantic-ai-slim[openai]==2.68.0",
)
OLDER = (
    "crewai==1.15.30",
    "instructor==1.15.4",
    "langchain-openai==1.7.3",
    "langgraph==1.2.22",
    "llama-index-embeddings-openai==0.7.0",
    "llama-index-llms-openai==0.8.3",
    "openai==2.54.0",
)
"""Those that do not go with the newest OpenAI SDK yet."""
CHAT = {
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.reasoning.output_tokens": 8,
}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    return {**seen_by("frameworks_app.py", *INSTALLED), **seen_by("older_frameworks_app.py", *OLDER)}


def usage(span: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in span.items() if ".usage." in name}


@pytest.mark.parametrize(
    "call",
    [
        "langchain plain",
        "langchain plain async",
        "langchain stream",
        "langchain stream async",
        "agents plain",
        "agents plain async",
        "agents stream async",
        "pydantic_ai plain",
        "pydantic_ai plain async",
        "pydantic_ai stream async",
        "dspy plain",
        "dspy plain async",
        "instructor plain",
        "instructor plain async",
        "llama_index plain",
        "llama_index plain async",
        "llama_index stream",
        "llama_index stream async",
        "crewai plain",
        "crewai crew",
        "langgraph plain",
        "langgraph plain async",
    ],
)
def test_a_frameworks_call_is_one_span_with_what_it_cost_and_who_pays(seen: dict[str, Any], call: str) -> None:
    assert seen[call]["raised"] is None
    assert seen[call]["returned"] == "Hello there"
    assert seen[call]["requests"] == 1
    (span,) = seen[call]["spans"]
    assert span["name"] == "chat gpt-5"
    assert span["gen_ai.provider.name"] == "openai"
    assert span["spancost.feature"] == "search"
    assert usage(span) == CHAT


def test_each_call_of_a_batch_is_a_span_though_it_is_made_in_a_thread(seen: dict[str, Any]) -> None:
    batch = seen["langchain batch"]
    assert batch["returned"] == batch["requests"] == len(batch["spans"]) == 3
    for span in batch["spans"]:
        assert span["spancost.feature"] == "search"
        assert usage(span) == CHAT


def test_a_framework_over_anthropics_sdk_is_covered_too(seen: dict[str, Any]) -> None:
    (span,) = seen["langchain anthropic"]["spans"]
    assert span["gen_ai.provider.name"] == "anthropic"
    assert span["spancost.feature"] == "search"
    assert span["gen_ai.usage.input_tokens"] == 240  # 10 + 200 read + 30 written
    assert span["gen_ai.usage.output_tokens"] == 25


@pytest.mark.parametrize("framework", ["langchain", "llama_index"])
def test_a_frameworks_embeddings_are_covered_too(seen: dict[str, Any], framework: str) -> None:
    (span,) = seen[f"{framework} embeddings"]["spans"]
    assert span["name"] == "embeddings text-embedding-3-small"
    assert span["spancost.feature"] == "search"
    assert usage(span) == {"gen_ai.usage.input_tokens": 9}
