"""A provider in the same process: answers the real SDKs with small answers of the right shape."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

OPENAI_USAGE: dict[str, Any] = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 8},
}
ANTHROPIC_USAGE: dict[str, Any] = {
    "input_tokens": 10,
    "output_tokens": 25,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 200,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    "service_tier": "standard",
}
GEMINI_USAGE: dict[str, Any] = {
    "promptTokenCount": 50,
    "candidatesTokenCount": 12,
    "thoughtsTokenCount": 5,
    "totalTokenCount": 67,
    "serviceTier": "standard",
}

_CHAT: dict[str, Any] = {"id": "chatcmpl-1", "model": "gpt-5-2025-08-07", "created": 1_760_000_000}
_CHUNK: dict[str, Any] = {**_CHAT, "object": "chat.completion.chunk"}
CHAT_COMPLETION: dict[str, Any] = {
    **_CHAT,
    "object": "chat.completion",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there"}}],
    "usage": OPENAI_USAGE,
    "service_tier": "default",
}
CHAT_CHUNKS: list[dict[str, Any]] = [
    {**_CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello "}}]},
    {**_CHUNK, "choices": [{"index": 0, "delta": {"content": "there"}}]},
    {**_CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "service_tier": "default"},
]
USAGE_CHUNK: dict[str, Any] = {**_CHUNK, "choices": [], "usage": OPENAI_USAGE}

_MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-20260301",
    "stop_sequence": None,
}
MESSAGE: dict[str, Any] = {
    **_MESSAGE,
    "content": [{"type": "text", "text": "Hello there"}],
    "stop_reason": "end_turn",
    "usage": ANTHROPIC_USAGE,
}
MESSAGE_EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {**_MESSAGE, "content": [], "stop_reason": None, "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello there"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 25},
    },
    {"type": "message_stop"},
]

_CONTENT: dict[str, Any] = {"modelVersion": "gemini-2.5-flash", "responseId": "resp-1"}
GENERATED: dict[str, Any] = {
    **_CONTENT,
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Hello there"}]}, "finishReason": "STOP", "index": 0}
    ],
    "usageMetadata": GEMINI_USAGE,
}
GENERATED_CHUNKS: list[dict[str, Any]] = [
    {
        **_CONTENT,
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello "}]}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 2, "totalTokenCount": 52},
    },
    {
        **_CONTENT,
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "there"}]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": GEMINI_USAGE,
    },
]


@dataclass
class Provider:
    """Answers requests, remembers them, and misbehaves on demand."""

    requests: list[httpx2.Request] = field(default_factory=list[httpx2.Request])
    failures: list[int] = field(default_factory=list[int])
    """Status codes of the next answers; after them, success."""
    stalls: bool = False
    """Streams stop half-way and stay open."""
    answer: Mapping[str, Any] | None = None
    """What to answer instead of the usual."""
    events: list[dict[str, Any]] | None = None
    """What to stream instead of the usual."""
    refuses_stream_options: bool = False
    """Like a server that is strict and does not know `stream_options`."""

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked."""
        return [json.loads(request.content) for request in self.requests]

    def client(self) -> httpx2.Client:
        """An HTTP client that knows nothing but this provider."""
        return httpx2.Client(transport=httpx2.MockTransport(self))

    def async_client(self) -> httpx2.AsyncClient:
        """The same for async code."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self))

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.failures:
            status = self.failures.pop(0)
            error = {"error": {"code": status, "message": "no", "status": "UNAVAILABLE", "type": "api_error"}}
            return httpx2.Response(status, json=error, headers={"retry-after-ms": "1"})
        body = json.loads(request.content or b"{}")
        if self.refuses_stream_options and "stream_options" in body:
            return httpx2.Response(422, json={"error": {"message": "stream_options: extra fields not permitted"}})
        path = request.url.path
        plain, events = _answers(path, body)
        if body.get("stream") or ":stream" in path:
            return httpx2.Response(
                200,
                headers={"content-type": "text/event-stream"},
                stream=Events(self.events if self.events is not None else events, stalls=self.stalls),
            )
        return httpx2.Response(200, json=plain if self.answer is None else self.answer)


def _answers(path: str, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    if path.endswith("/chat/completions"):
        options: dict[str, Any] = body.get("stream_options", {})
        return CHAT_COMPLETION, [*CHAT_CHUNKS, USAGE_CHUNK] if options.get("include_usage") else CHAT_CHUNKS
    if path.endswith("/v1/messages"):
        return MESSAGE, MESSAGE_EVENTS
    return GENERATED, GENERATED_CHUNKS


class Events(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """Server-sent events, one at a time."""

    def __init__(self, events: list[dict[str, Any]], *, stalls: bool) -> None:
        self._events = [
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            if "type" in event
            else f"data: {json.dumps(event)}\n\n".encode()
            for event in events
        ]
        self._stalls = stalls

    def __iter__(self) -> Iterator[bytes]:
        yield from self._events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for position, event in enumerate(self._events):
            if self._stalls and position == 1:
                await asyncio.Event().wait()
            yield event

    async def aclose(self) -> None:
        """Nothing is held."""
