"""What Bedrock and the makers of its models say about a call, each in its own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from spancost.bedrock_converse import ConverseReading, converse_usage
from spancost.bedrock_invoke import InvokeReading, metrics_usage
from spancost.wire import used

from .used import usage_in

if TYPE_CHECKING:
    from spancost.wire import Answer, Attributes

PROMPT = json.dumps({"prompt": "How are you today?"})  # 18 characters: 5 tokens
METRICS = {"inputTokenCount": 9, "outputTokenCount": 4, "invocationLatency": 12, "firstByteLatency": 3}


def headers(**counts: int) -> dict[str, str]:
    return {f"x-amzn-bedrock-{name.replace('_', '-')}-token-count": str(count) for name, count in counts.items()}


def invoked(body: object, counted: dict[str, str] | None = None, model: str = "a.model-v1:0") -> Answer:
    """A plain answer: headers first, then the body."""
    reading = InvokeReading(model, PROMPT)
    reading.add({"ResponseMetadata": {"RequestId": "req-1", "HTTPHeaders": counted or {}}, "body": None})
    reading.add(body if isinstance(body, bytes) else json.dumps(body).encode())
    return reading.answer()


def streamed(*chunks: object, model: str = "a.model-v1:0") -> Answer:
    reading = InvokeReading(model, PROMPT)
    reading.add({"ResponseMetadata": {"RequestId": "req-1", "HTTPHeaders": {}}, "body": None})
    for chunk in chunks:
        reading.add({"chunk": {"bytes": json.dumps(chunk).encode()}})
    return reading.answer()


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        pytest.param(
            {"inputTokens": 5, "outputTokens": 0, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0},
            used(input_tokens=5, output_tokens=0, cache_read_tokens=0, cache_write_tokens=0),
            id="reported zeros stay",
        ),
        pytest.param({"inputTokens": 5, "outputTokens": 2}, used(input_tokens=5, output_tokens=2), id="no cache"),
        pytest.param(
            {
                "inputTokens": 5,
                "outputTokens": 2,
                "cacheWriteInputTokens": 11,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 7}],
            },
            used(input_tokens=16, output_tokens=2, cache_write_tokens=11, cache_write_1h_tokens=4),
            id="writes by lifetime",
        ),
        pytest.param(
            {"inputTokens": 5, "outputTokens": 2, "cacheDetails": [{"ttl": "5m", "inputTokens": 7}]},
            used(input_tokens=12, output_tokens=2, cache_write_tokens=7),
            id="writes reported by lifetime alone",
        ),
        pytest.param(
            {"inputTokens": 5, "outputTokens": 2, "cacheReadInputTokenCount": 100, "cacheWriteInputTokenCount": 0},
            used(input_tokens=105, output_tokens=2, cache_read_tokens=100, cache_write_tokens=0),
            id="names of Nova's own answers",
        ),
    ],
)
def test_usage_of_converse_is_read_as_totals_that_include_their_parts(
    reported: dict[str, Any], usage: Attributes
) -> None:
    assert converse_usage(reported) == usage


def test_bedrocks_own_count_leaves_the_cache_out_and_ours_includes_it() -> None:
    counted = {**METRICS, "cacheReadInputTokenCount": 100, "cacheWriteInputTokenCount": 20}
    assert metrics_usage(counted) == used(
        input_tokens=129, cache_read_tokens=100, cache_write_tokens=20, output_tokens=4
    )


@pytest.mark.parametrize(
    ("body", "counted", "usage", "reasons"),
    [
        pytest.param(
            {"inputTextTokenCount": 28.0, "results": [{"tokenCount": 197.0, "completionReason": "FINISH"}]},
            headers(input=28, output=197),
            used(input_tokens=28, output_tokens=197),
            ("FINISH",),
            id="Titan",
        ),
        pytest.param(
            {"embedding": [0.5], "inputTextTokenCount": 4},
            headers(input=4),
            used(input_tokens=4),
            (),
            id="Titan embeddings",
        ),
        pytest.param(
            {"generation": "x", "prompt_token_count": 10, "generation_token_count": 60, "stop_reason": "length"},
            headers(input=10, output=60),
            used(input_tokens=10, output_tokens=60),
            ("length",),
            id="Llama",
        ),
        pytest.param(
            {"outputs": [{"text": "x", "stop_reason": "stop"}, {"text": "y", "stop_reason": "length"}]},
            headers(input=9, output=4),
            used(input_tokens=9, output_tokens=4),
            ("stop", "length"),
            id="Mistral says nothing, the headers do",
        ),
        pytest.param(
            {"generations": [{"id": "g-1", "text": "x", "finish_reason": "COMPLETE"}], "id": "c-1"},
            headers(input=6, output=43),
            used(input_tokens=6, output_tokens=43),
            ("COMPLETE",),
            id="Cohere",
        ),
        pytest.param(
            {"embeddings": [[0.5]]}, headers(input=7), used(input_tokens=7), (), id="embeddings of Cohere and Nova"
        ),
        pytest.param(
            {
                "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}],
                "usage": {
                    "prompt_tokens": 16,
                    "completion_tokens": 19,
                    "total_tokens": 35,
                    "prompt_tokens_details": {"cached_tokens": 8},
                },
            },
            headers(input=16, output=19),
            used(input_tokens=16, output_tokens=19, cache_read_tokens=8),
            ("stop",),
            id="AI21, DeepSeek and imported models, like OpenAI",
        ),
        pytest.param(
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "x"}]}},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 30},
            },
            headers(input=30, output=51, cache_read_input=0, cache_write_input=0),
            used(input_tokens=30, output_tokens=51),
            ("end_turn",),
            id="Nova behind a guardrail leaves the output out",
        ),
        pytest.param(
            {
                "id": "msg",
                "type": "message",
                "stop_reason": "max_tokens",
                "usage": {"input_tokens": 3, "output_tokens": 8},
            },
            headers(input=3, output=5),
            used(input_tokens=3, output_tokens=8),
            ("max_tokens",),
            id="the body's own figures count before the headers",
        ),
        pytest.param(
            {"type": "completion", "completion": "x", "stop_reason": "stop_sequence"},
            headers(input=18, output=87),
            used(input_tokens=18, output_tokens=87),
            ("stop_sequence",),
            id="Claude 2",
        ),
        pytest.param({"images": ["aGk=", "aG8="]}, {}, used(units={"image": 2}), (), id="Nova Canvas"),
        pytest.param({"results": [{"index": 2, "relevance_score": 0.9}]}, {}, {}, (), id="Cohere's reranking"),
        pytest.param(b"\x89PNG", {}, {}, (), id="an image as it is"),
        pytest.param(b"\x89PNG", headers(input=7), used(input_tokens=7), (), id="an image with counts"),
    ],
)
def test_an_answer_is_read_by_its_shape(
    body: object, counted: dict[str, str], usage: Attributes, reasons: tuple[str, ...]
) -> None:
    answer = invoked(body, counted)
    assert usage_in(answer) == usage
    assert answer.attributes.get("gen_ai.response.finish_reasons", ()) == reasons


@pytest.mark.parametrize(
    ("chunks", "usage"),
    [
        pytest.param(
            [
                {"generation": "a", "prompt_token_count": 10, "generation_token_count": 1, "stop_reason": None},
                {"generation": "b", "prompt_token_count": None, "generation_token_count": 2, "stop_reason": "length"},
            ],
            used(input_tokens=10, output_tokens=2),
            id="Llama counts along",
        ),
        pytest.param(
            [
                {"outputText": "Hello ", "totalOutputTextTokenCount": None, "inputTextTokenCount": 28.0},
                {"outputText": "there", "amazon-bedrock-invocationMetrics": METRICS},
            ],
            used(input_tokens=9, output_tokens=4),
            id="Titan without an end, Bedrock's count",
        ),
        pytest.param(
            [
                {"outputs": [{"text": "Hello ", "stop_reason": None}]},
                {"outputs": [{"text": "", "stop_reason": "stop"}], "amazon-bedrock-invocationMetrics": METRICS},
            ],
            used(input_tokens=9, output_tokens=4),
            id="Mistral, Bedrock's count",
        ),
        pytest.param(
            [{"outputs": [{"text": "Hello "}]}, {"outputs": [{"text": "there"}]}],
            used(input_tokens=5, output_tokens=3, estimated=True),
            id="Mistral, left half-way",
        ),
        pytest.param(
            [{"choices": [{"delta": {"content": "Hello there"}}]}],
            used(input_tokens=5, output_tokens=3, estimated=True),
            id="like OpenAI, left half-way",
        ),
        pytest.param(
            [{"outputText": "Hello there", "inputTextTokenCount": 28.0}],
            used(input_tokens=28, output_tokens=3, estimated=True),
            id="Titan, left half-way: what was reported stays",
        ),
        pytest.param(
            [
                {"messageStart": {"role": "assistant"}},
                {"contentBlockDelta": {"delta": {"text": "Hello there"}, "contentBlockIndex": 0}},
            ],
            used(input_tokens=5, output_tokens=3, estimated=True),
            id="Nova, left half-way",
        ),
        pytest.param(
            [
                {"messageStart": {"role": "assistant"}},
                {"contentBlockDelta": {"delta": {"text": "Hello"}, "contentBlockIndex": 0}},
                {"messageStop": {"stopReason": "end_turn"}},
                {
                    "metadata": {"usage": {"inputTokens": 12, "outputTokens": 13, "cacheReadInputTokenCount": 100}},
                    "amazon-bedrock-invocationMetrics": METRICS,
                },
            ],
            used(input_tokens=112, output_tokens=13, cache_read_tokens=100),
            id="Nova, as Converse says it",
        ),
    ],
)
def test_chunks_are_read_by_their_shape(chunks: list[object], usage: Attributes) -> None:
    assert usage_in(streamed(*chunks)) == usage


def test_an_embedded_image_is_not_taken_for_text() -> None:
    body = {"messages": [{"content": [{"image": {"source": {"bytes": "A" * 4000}}}, {"text": "What is it?"}]}]}
    reading = InvokeReading("amazon.nova-lite-v1:0", json.dumps(body))
    reading.add({"chunk": {"bytes": json.dumps({"messageStart": {"role": "assistant"}}).encode()}})
    reading.add({"chunk": {"bytes": json.dumps({"contentBlockDelta": {"delta": {"text": "A cat"}}}).encode()}})
    usage = usage_in(reading.answer())
    assert usage == used(input_tokens=3, output_tokens=2, estimated=True)  # 11 and 5 characters


def test_the_served_model_is_the_one_asked_for_unless_that_is_only_a_profile() -> None:
    body = {"type": "message", "id": "msg_1", "model": "claude-sonnet-5", "usage": {"input_tokens": 1}}
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    assert "gen_ai.response.model" not in invoked(body, model="eu.anthropic.claude-sonnet-5-v1:0").attributes
    assert invoked(body, model=profile).attributes["gen_ai.response.model"] == "claude-sonnet-5"


def test_provisioned_throughput_is_a_tier_of_its_own() -> None:
    model = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc"
    body = {"type": "message", "id": "m", "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard"}}
    assert invoked(body, model=model).attributes["spancost.service_tier"] == "provisioned"
    assert invoked(body).attributes["spancost.service_tier"] == "standard"
    reading = ConverseReading(model, None)
    reading.add({"usage": {"inputTokens": 1}, "serviceTier": {"type": "default"}})
    assert reading.answer().attributes["spancost.service_tier"] == "provisioned"


def test_an_answer_without_an_id_of_its_own_has_that_of_the_request() -> None:
    assert invoked({"generation": "x"}).attributes["gen_ai.response.id"] == "req-1"
    assert invoked({"id": "c-1", "generations": []}).attributes["gen_ai.response.id"] == "c-1"
    assert invoked({"id": 1234, "completions": []}).attributes["gen_ai.response.id"] == "req-1"


def test_an_event_of_a_kind_yet_unknown_changes_nothing() -> None:
    reading = InvokeReading("a.model-v1:0", PROMPT)
    reading.add({"ResponseMetadata": {"RequestId": "req-1", "HTTPHeaders": headers(input=3)}, "serviceTier": "flex"})
    reading.add({"SDK_UNKNOWN_MEMBER": {"name": "progress"}})
    answer = reading.answer()
    assert answer.attributes["gen_ai.response.id"] == "req-1"
    assert answer.attributes["spancost.service_tier"] == "flex"
    assert usage_in(answer) == used(input_tokens=3)


def test_what_a_model_thinks_and_asks_of_tools_is_written_too_and_its_signature_is_not() -> None:
    reading = ConverseReading("a.model-v1:0", {"messages": []})
    for delta in (
        {"reasoningContent": {"text": "Let me see."}},
        {"reasoningContent": {"signature": "c2lnbmF0dXJl" * 100}},
        {"toolUse": {"input": '{"city":'}},
        {"text": "Hi"},
    ):
        reading.add({"contentBlockDelta": {"delta": delta, "contentBlockIndex": 0}})
    assert usage_in(reading.answer()) == used(input_tokens=0, output_tokens=6, estimated=True)  # 11 + 8 + 2 characters


def test_a_stream_that_said_nothing_has_no_usage() -> None:
    assert usage_in(streamed()) == {}
    assert usage_in(ConverseReading("a.model-v1:0", PROMPT).answer()) == {}
