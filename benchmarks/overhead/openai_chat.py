"""OpenAI chat completions."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .scenario import PAYS, QUESTION, ByHand, Calls, Provider, Sdk, events, http_client, refilled

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES: Final[Any] = [{"role": "user", "content": QUESTION}]
CHAT: Final[dict[str, Any]] = {
    "id": "chatcmpl-1",
    "model": "gpt-5-2025-08-07",
    "created": 1_760_000_000,
    "service_tier": "default",
}
CHAT_USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 8},
}


def whole(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return {**CHAT, "object": "chat.completion", "choices": choices, "usage": CHAT_USAGE}


def chunked(texts: list[str], *, usage: bool) -> list[dict[str, Any]]:
    base = {**CHAT, "object": "chat.completion.chunk"}
    found: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts
    ]
    found.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [*found, {**base, "choices": [], "usage": CHAT_USAGE}] if usage else found


class ChatByHand(ByHand):
    name = "chat gpt-5"
    start: ClassVar[dict[str, Any]] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "server.address": "api.openai.com",
        **PAYS,
    }

    def __init__(self) -> None:
        self.last: Any = None
        self.reason: str | None = None

    def read(self, answer: Any) -> dict[str, Any]:
        return self._attributes(answer, answer.choices[0].finish_reason)

    def note(self, chunk: Any) -> bool:
        if not chunk.choices:
            self.last = chunk
            return False
        if chunk.choices[0].finish_reason is not None:
            self.reason = chunk.choices[0].finish_reason
        return True

    def noted(self) -> dict[str, Any]:
        return self._attributes(self.last, self.reason)

    @staticmethod
    def _attributes(answer: Any, reason: str | None) -> dict[str, Any]:
        usage = answer.usage
        return {
            "openai.api.type": "chat_completions",
            "openai.response.service_tier": answer.service_tier,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.id": answer.id,
            "gen_ai.response.finish_reasons": (reason,),
            "spancost.service_tier": answer.service_tier,
            "spancost.retries": 0,
            "gen_ai.usage.input_tokens": usage.prompt_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.prompt_tokens_details.cached_tokens,
            "gen_ai.usage.audio.input_tokens": usage.prompt_tokens_details.audio_tokens,
            "gen_ai.usage.output_tokens": usage.completion_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage.completion_tokens_details.reasoning_tokens,
        }


def body(chunks: int, usage: bool) -> bytes:
    if chunks:
        return events(chunked(["some text "] * chunks, usage=usage))
    return json.dumps(whole("some text")).encode()


def calls(provider: Provider, is_async: bool) -> Calls:
    sdk: Any = importlib.import_module("openai")
    http = http_client(provider, "openai._base_client", is_async)
    client = (sdk.AsyncOpenAI if is_async else sdk.OpenAI)(api_key="key", http_client=http)

    def create(**more: Any) -> Any:
        return client.chat.completions.create(model="gpt-5", messages=MESSAGES, **more)

    def with_usage() -> Any:
        return create(stream=True, stream_options={"include_usage": True})

    def ready(chunks: int) -> Callable[[], Any]:
        kind = sdk.types.chat.ChatCompletionChunk
        made = [kind.construct(**event) for event in chunked(["some text "] * chunks, usage=True)]
        return refilled(with_usage, made, is_async)

    return Calls(is_async, create, lambda: create(stream=True), with_usage, ChatByHand, ready)


SDK: Final = Sdk(
    name="openai",
    title="openai chat",
    package="openai",
    body=body,
    calls=calls,
    peers={
        "openai-v2": "opentelemetry.instrumentation.openai_v2:OpenAIInstrumentor",
        "genai-openai": "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
        "openllmetry": "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
        "openinference": "openinference.instrumentation.openai:OpenAIInstrumentor",
        "openlit": "openlit:init",
    },
)
