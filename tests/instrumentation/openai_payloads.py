"""Answers of the `openai` SDK's other operations, small and of the right shape."""

from __future__ import annotations

from typing import Any

import httpx2

from .provider import Events, Provider


class OpenAIProvider(Provider):
    """Answers whatever is posted or fetched with what it was told to, uploads included."""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.failures:
            status = self.failures.pop(0)
            return httpx2.Response(status, json={"error": {"message": "no"}}, headers={"retry-after-ms": "1"})
        streamed = b'"stream":true' in request.content or b'name="stream"\r\n\r\ntrue' in request.content
        if streamed or request.url.params.get("stream") == "true":
            stream = Events(self.events or [], stalls=self.stalls)
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)
        return httpx2.Response(200, json=self.answer)


RESPONSE_USAGE: dict[str, Any] = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 0},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 120,
}
_MESSAGE: dict[str, Any] = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello there", "annotations": []}],
}
_STARTED: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_760_000_000,
    "status": "in_progress",
    "background": False,
    "model": "gpt-5-2025-08-07",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "service_tier": "default",
    "usage": None,
}
RESPONSE: dict[str, Any] = {**_STARTED, "status": "completed", "output": [_MESSAGE], "usage": RESPONSE_USAGE}
RESPONSE_QUEUED: dict[str, Any] = {**_STARTED, "status": "queued", "background": True}
RESPONSE_FETCHED: dict[str, Any] = {**RESPONSE, "background": True}


def response_events(response: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream that ends with this response."""
    started: dict[str, Any] = {**response, "status": "in_progress", "output": [], "usage": None}
    message: dict[str, Any] = {**_MESSAGE, "status": "in_progress", "content": []}
    text: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
    part: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    return [
        {"type": "response.created", "sequence_number": 0, "response": started},
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": message},
        {"type": "response.content_part.added", "sequence_number": 2, "part": text, **part},
        {"type": "response.output_text.delta", "sequence_number": 3, "delta": "Hello there", **part},
        {"type": "response.completed", "sequence_number": 4, "response": response},
    ]


COMPLETION: dict[str, Any] = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1_760_000_000,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "text": "Hello there"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
}
COMPLETION_CHUNKS: list[dict[str, Any]] = [
    {
        **COMPLETION,
        "usage": None,
        "choices": [{"index": 0, "finish_reason": None, "logprobs": None, "text": "Hello "}],
    },
    {
        **COMPLETION,
        "usage": None,
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "text": "there"}],
    },
    {**COMPLETION, "choices": []},
]
EMBEDDINGS: dict[str, Any] = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
    "usage": {"prompt_tokens": 9, "total_tokens": 9},
}
IMAGES: dict[str, Any] = {
    "created": 1_760_000_000,
    "data": [{"b64_json": "aGVsbG8="}],
    "usage": {
        "input_tokens": 50,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        "output_tokens": 272,
        "total_tokens": 322,
    },
}
IMAGE_EVENTS: list[dict[str, Any]] = [
    {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "aGVs"},
    {"type": "image_generation.completed", "b64_json": "aGVsbG8=", "usage": IMAGES["usage"]},
]
TRANSCRIPTION: dict[str, Any] = {
    "text": "Hello there",
    "usage": {
        "type": "tokens",
        "input_tokens": 14,
        "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
        "output_tokens": 3,
        "total_tokens": 17,
    },
}
TRANSCRIPTION_EVENTS: list[dict[str, Any]] = [
    {"type": "transcript.text.delta", "delta": "Hello there"},
    {"type": "transcript.text.done", "text": "Hello there", "usage": TRANSCRIPTION["usage"]},
]
MODERATION: dict[str, Any] = {"id": "modr-1", "model": "omni-moderation-latest", "results": []}
BATCH: dict[str, Any] = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/responses",
    "completion_window": "24h",
    "created_at": 1_760_000_000,
    "input_file_id": "file-in",
    "output_file_id": "file-out",
    "status": "completed",
    "model": "gpt-5-2025-08-07",
    "request_counts": {"total": 3, "completed": 2, "failed": 1},
    "usage": {
        "input_tokens": 2000,
        "input_tokens_details": {"cached_tokens": 500},
        "output_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 120},
        "total_tokens": 2300,
    },
}
RUN: dict[str, Any] = {
    "id": "run_1",
    "object": "thread.run",
    "status": "completed",
    "model": "gpt-4o",
    "thread_id": "thread_1",
    "assistant_id": "asst_1",
    "usage": {
        "prompt_tokens": 381,
        "completion_tokens": 88,
        "total_tokens": 469,
        "prompt_token_details": {"cached_tokens": 128},
    },
}

AGENT_TURN: dict[str, Any] = {
    "id": "turn_1",
    "object": "agent.session.turn",
    "agent_id": "agent_1",
    "session_id": "sess_1",
    "created_at": 1_760_000_000,
    "status": "completed",
    "usage": {
        "input_tokens": 900,
        "input_tokens_details": {"cached_tokens": 600},
        "output_tokens": 70,
        "output_tokens_details": {"reasoning_tokens": 40},
        "total_tokens": 970,
    },
}
AGENT_SESSION: dict[str, Any] = {
    "id": "sess_1",
    "object": "agent.session",
    "created_at": 1_760_000_000,
    "status": "idle",
    "agent": {"id": "agent_1", "model": "gpt-6-sol", "service_tier": "flex"},
    "usage": AGENT_TURN["usage"],
}
