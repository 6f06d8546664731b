"""What each provider answers: the same small calls, in every API's own shape, plain and streamed.

The counts are chosen so that each way of misreading them gives another charge: part of the cached input is read and
part written, with both lifetimes; a tool's answer and thoughts stand outside Gemini's two totals; OpenAI serves on its
cheaper tier. Every answer has an id of its own, as real ones do.
"""

from __future__ import annotations

import json
from base64 import b64encode
from struct import pack
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from tests.instrumentation.bedrock_endpoint import chunk, event

if TYPE_CHECKING:
    from collections.abc import Mapping

CLAUDE_USAGE: Final[Mapping[str, Any]] = {
    "input_tokens": 504,
    "cache_read_input_tokens": 2000,
    "cache_creation_input_tokens": 1000,
    "cache_creation": {"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 400},
    "output_tokens": 97,
}
CONVERSE_USAGE: Final[Mapping[str, Any]] = {
    "inputTokens": 504,
    "cacheReadInputTokens": 2000,
    "cacheWriteInputTokens": 1000,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 600}, {"ttl": "1h", "inputTokens": 400}],
    "outputTokens": 97,
    "totalTokens": 3601,
}
CHAT_USAGE: Final[Mapping[str, Any]] = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 100, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 300,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
RESPONSES_USAGE: Final[Mapping[str, Any]] = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 100},
    "output_tokens": 500,
    "output_tokens_details": {"reasoning_tokens": 300},
    "total_tokens": 1500,
}
GEMINI_USAGE: Final[Mapping[str, Any]] = {
    "promptTokenCount": 1000,
    "cachedContentTokenCount": 600,
    "toolUsePromptTokenCount": 50,
    "candidatesTokenCount": 100,
    "thoughtsTokenCount": 300,
    "totalTokenCount": 1450,
}
EMBEDDED_USAGE: Final[Mapping[str, Any]] = {"prompt_tokens": 1000, "total_tokens": 1000}
TEXT: Final = "Hello there"


def messages(model: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Anthropic's Messages: the answer, and its events."""
    usage = {**CLAUDE_USAGE, "service_tier": "standard"}
    head: dict[str, Any] = {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "stop_sequence": None,
    }
    plain = {**head, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": usage}
    first: dict[str, Any] = {**head, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    delta = {name: count for name, count in CLAUDE_USAGE.items() if name != "cache_creation"}
    return plain, [
        {"type": "message_start", "message": first},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": delta},
        {"type": "message_stop"},
    ]


def chat(model: str, *, with_usage: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """OpenAI's chat completions; the events say what was used where the caller asks for it."""
    head: dict[str, Any] = {
        "id": f"chatcmpl-{uuid4().hex}",
        "created": 1_790_000_000,
        "model": model,
        "service_tier": "flex",
    }
    message: dict[str, Any] = {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": TEXT}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    if with_usage:
        chunks = [*({**one, "usage": None} for one in chunks), {"choices": [], "usage": CHAT_USAGE}]
    return (
        {
            **head,
            "object": "chat.completion",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}],
            "usage": CHAT_USAGE,
        },
        [{**head, "object": "chat.completion.chunk", **one} for one in chunks],
    )


def responses(model: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """OpenAI's Responses: the answer, and its events."""
    item_id = f"msg_{uuid4().hex}"
    part: dict[str, Any] = {"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}
    item: dict[str, Any] = {
        "id": item_id,
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    head: dict[str, Any] = {
        "id": f"resp_{uuid4().hex}",
        "object": "response",
        "created_at": 1_790_000_000,
        "model": model,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "text": {"format": {"type": "text"}},
        "reasoning": {"effort": "medium", "summary": None},
        "truncation": "disabled",
        "store": True,
    }
    begun: dict[str, Any] = {**head, "status": "in_progress", "output": [], "usage": None, "service_tier": "auto"}
    plain = {**head, "status": "completed", "output": [item], "usage": RESPONSES_USAGE, "service_tier": "flex"}
    place = {"output_index": 0, "content_index": 0, "item_id": item_id}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": TEXT, "logprobs": []},
        {"type": "response.output_text.done", **place, "text": TEXT, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": plain},
    ]
    return plain, [{**one, "sequence_number": number} for number, one in enumerate(events)]


def embedded(model: str, *, packed: bool) -> dict[str, Any]:
    """OpenAI's embeddings: the vector as numbers, or packed as the SDK asks for it."""
    vector = (0.25, -0.5, 0.125)
    found = b64encode(pack("<3f", *vector)).decode() if packed else list(vector)
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": found}],
        "model": model,
        "usage": EMBEDDED_USAGE,
    }


def generated(model: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Gemini's generated content: the answer, and its chunks, whose counts grow."""
    head: dict[str, Any] = {"modelVersion": model, "responseId": uuid4().hex}
    begun: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": "Hello "}]}, "index": 0}
    rest: dict[str, Any] = {
        "content": {"role": "model", "parts": [{"text": "there"}]},
        "finishReason": "STOP",
        "index": 0,
    }
    whole = {**rest, "content": {"role": "model", "parts": [{"text": TEXT}]}}
    some = {"promptTokenCount": 1000, "cachedContentTokenCount": 600, "totalTokenCount": 1000}
    return (
        {**head, "candidates": [whole], "usageMetadata": GEMINI_USAGE},
        [
            {**head, "candidates": [begun], "usageMetadata": some},
            {**head, "candidates": [rest], "usageMetadata": GEMINI_USAGE},
        ],
    )


def conversed() -> tuple[dict[str, Any], list[bytes]]:
    """Bedrock's Converse: the answer, and its framed events."""
    metrics = {"metrics": {"latencyMs": 12}}
    return (
        {
            "output": {"message": {"role": "assistant", "content": [{"text": TEXT}]}},
            "stopReason": "end_turn",
            "usage": CONVERSE_USAGE,
            **metrics,
        },
        [
            event("messageStart", {"role": "assistant"}),
            event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": TEXT}}),
            event("contentBlockStop", {"contentBlockIndex": 0}),
            event("messageStop", {"stopReason": "end_turn"}),
            event("metadata", {"usage": CONVERSE_USAGE, **metrics}),
        ],
    )


def invoked(model: str) -> tuple[dict[str, Any], list[bytes]]:
    """Bedrock's InvokeModel of a Claude: Anthropic's answer, and its events in AWS's frames."""
    plain, events = messages(model)
    numbers = {
        "inputTokenCount": 504,
        "outputTokenCount": 97,
        "cacheReadInputTokenCount": 2000,
        "cacheWriteInputTokenCount": 1000,
    }
    events[-1] = {**events[-1], "amazon-bedrock-invocationMetrics": numbers}
    return plain, [chunk(one) for one in events]


INVOKED_HEADERS: Final = {
    "X-Amzn-Bedrock-Input-Token-Count": "504",
    "X-Amzn-Bedrock-Output-Token-Count": "97",
    "X-Amzn-Bedrock-Cache-Read-Input-Token-Count": "2000",
    "X-Amzn-Bedrock-Cache-Write-Input-Token-Count": "1000",
}


def server_sent(events: list[dict[str, Any]], *, done: bool) -> list[bytes]:
    """As server-sent events, with the name of those that have one."""
    named = (f"event: {one['type']}\n" if "type" in one else "" for one in events)
    written = [f"{name}data: {json.dumps(one)}\n\n".encode() for name, one in zip(named, events, strict=True)]
    return [*written, b"data: [DONE]\n\n"] if done else written
