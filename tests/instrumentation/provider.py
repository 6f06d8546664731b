"""A provider in the same process: answers the real SDKs with small answers of the right shape."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
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

_COMPLETION: dict[str, Any] = {"id": "cmpl-mistral-1", "model": "mistral-medium-2508", "created": 1_760_000_000}
MISTRAL_USAGE: dict[str, Any] = {
    "prompt_tokens": 80,
    "completion_tokens": 18,
    "total_tokens": 98,
    "prompt_tokens_details": {"cached_tokens": 64},
    "service_tier": "priority",
}
MISTRAL_COMPLETION: dict[str, Any] = {
    **_COMPLETION,
    "object": "chat.completion",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there"}}],
    "usage": MISTRAL_USAGE,
}
MISTRAL_CHUNKS: list[dict[str, Any]] = [
    {**_COMPLETION, "choices": [{"index": 0, "delta": {"content": written}, "finish_reason": None}]}
    for written in ("Hello ", "th")
]
MISTRAL_CHUNKS.append(
    {
        **_COMPLETION,
        "choices": [{"index": 0, "delta": {"content": "ere"}, "finish_reason": "stop"}],
        "usage": MISTRAL_USAGE,
    }
)

COHERE_USAGE: dict[str, Any] = {
    "billed_units": {"input_tokens": 7, "output_tokens": 22},
    "tokens": {"input_tokens": 500, "output_tokens": 24},
    "cached_tokens": 448,
}
COHERE_ANSWER: dict[str, Any] = {
    "id": "cohere-1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello there"}]},
    "usage": COHERE_USAGE,
}
COHERE_EVENTS: list[dict[str, Any]] = [
    {"type": "message-start", "id": "cohere-1", "delta": {"message": {"role": "assistant", "content": []}}},
    {
        "type": "content-delta",
        "index": 0,
        "delta": {"message": {"content": {"text": "Hello there"}}},
    },
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_USAGE}},
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

    def older_client(self) -> httpx.Client:
        """An HTTP client for SDKs that still use `httpx`."""
        return httpx.Client(transport=_OlderTransport(self))

    def older_async_client(self) -> httpx.AsyncClient:
        """The same for async code."""
        return httpx.AsyncClient(transport=_OlderTransport(self))

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.failures:
            status = self.failures.pop(0)
            error = {"error": {"code": status, "message": "no", "status": "UNAVAILABLE", "type": "api_error"}}
            return httpx2.Response(status, json=error, headers={"retry-after-ms": "1"})
        body: dict[str, Any] = json.loads(request.content) if request.content.startswith(b"{") else {}
        if self.refuses_stream_options and "stream_options" in body:
            return httpx2.Response(422, json={"error": {"message": "stream_options: extra fields not permitted"}})
        path = request.url.path
        plain, events = _answers(request.url.host, path, body)
        if body.get("stream") or ":stream" in path:
            return httpx2.Response(
                200,
                headers={"content-type": "text/event-stream"},
                stream=Events(self.events if self.events is not None else events, stalls=self.stalls),
            )
        return httpx2.Response(200, json=plain if self.answer is None else self.answer)


def _answers(host: str, path: str, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    if host == "api.mistral.ai":
        return MISTRAL_COMPLETION, MISTRAL_CHUNKS
    if host == "api.cohere.com":
        return COHERE_ANSWER, COHERE_EVENTS
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


class _OlderTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands requests on to the provider in the terms of its own client library."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answered(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._answered(request)

    def _answered(self, request: httpx.Request) -> httpx.Response:
        asked = httpx2.Request(request.method, str(request.url), headers=dict(request.headers), content=request.content)
        answer = self._provider(asked)
        return httpx.Response(answer.status_code, headers=dict(answer.headers), stream=_OlderBody(answer.stream))


class _OlderBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An answer's body, as it arrives."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield piece

    async def aclose(self) -> None:
        """Nothing is held."""
