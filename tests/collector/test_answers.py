"""A model's whole answer, as emitters pass it on, says what no attribute does; whatever else it is says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from spancost_collector.reading.answers import read_answer

ANSWERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "converse": (
        {
            "output": {"message": {"content": [{"text": "Hi"}]}},
            "serviceTier": {"type": "priority"},
            "usage": {
                "inputTokens": 504,
                "outputTokens": 97,
                "totalTokens": 3601,
                "cacheReadInputTokens": 2000,
                "cacheWriteInputTokens": 1000,
                "cacheDetails": [{"ttl": "5m", "inputTokens": 600}, {"ttl": "1h", "inputTokens": 400}, "?"],
            },
        },
        {
            "input_tokens": 3504,
            "cache_read_tokens": 2000,
            "cache_write_tokens": 1000,
            "cache_write_1h_tokens": 400,
            "output_tokens": 97,
            "service_tier": "priority",
        },
    ),
    "google's sdk": (
        {
            "response_id": "r1",
            "usage_metadata": {
                "prompt_token_count": 1000,
                "cached_content_token_count": 600,
                "tool_use_prompt_token_count": 50,
                "candidates_token_count": 100,
                "thoughts_token_count": 300,
            },
        },
        {
            "input_tokens": 1050,
            "cache_read_tokens": 600,
            "output_tokens": 400,
            "reasoning_tokens": 300,
            "response_id": "r1",
        },
    ),
    "openai": (
        {
            "id": "chatcmpl-1",
            "service_tier": "flex",
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
        },
        {
            "input_tokens": 10,
            "cache_read_tokens": 4,
            "cache_write_tokens": 0,
            "output_tokens": 5,
            "reasoning_tokens": 2,
            "total_tokens": 15,
            "response_id": "chatcmpl-1",
            "service_tier": "flex",
        },
    ),
    "an app's own output": ({"answer": 42, "id": 7, "usage": "see the manual"}, {}),
    "a list of generations of an app": ({"generations": ["one"], "usage": None}, {}),
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_says_what_was_used_and_on_which_tier(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {column: value for column, value in read_answer(answer).items() if value is not None} == expected
