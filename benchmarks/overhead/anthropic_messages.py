"""Anthropic messages."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .scenario import PAYS, QUESTION, ByHand, Calls, Provider, Sdk, events, http_client, refilled

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES: Final[Any] = [{"role": "user", "content": QUESTION}]
MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-20260301",
}
MESSAGE_USAGE: Final[dict[str, Any]] = {
    "input_tokens": 10,
    "output_tokens": 25,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 200,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    "service_tier": "standard",
}


def whole(text: str) -> dict[str, Any]:
    return {**MESSAGE, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": MESSAGE_USAGE}


def evented(texts: list[str]) -> list[dict[str, Any]]:
    begun: dict[str, Any] = {
        **MESSAGE,
        "content": [],
        "stop_reason": None,
        "usage": {**MESSAGE_USAGE, "output_tokens": 1},
    }
    return [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 25}},
        {"type": "message_stop"},
    ]


class MessageByHand(ByHand):
    name = "chat claude-sonnet-5"
    start: ClassVar[dict[str, Any]] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-5",
        "server.address": "api.anthropic.com",
        **PAYS,
    }

    def __init__(self) -> None:
        self.message: Any = None
        self.reason: str | None = None
        self.output = 0

    def read(self, answer: Any) -> dict[str, Any]:
        return self._attributes(answer, answer.stop_reason, answer.usage.output_tokens)

    def note(self, chunk: Any) -> bool:
        if chunk.type == "message_start":
            self.message = chunk.message
        elif chunk.type == "message_delta":
            self.reason, self.output = chunk.delta.stop_reason, chunk.usage.output_tokens
        return True

    def noted(self) -> dict[str, Any]:
        return self._attributes(self.message, self.reason, self.output)

    @staticmethod
    def _attributes(answer: Any, reason: str | None, output: int) -> dict[str, Any]:
        usage = answer.usage
        return {
            "anthropic.response.service_tier": usage.service_tier,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.id": answer.id,
            "gen_ai.response.finish_reasons": (reason,),
            "spancost.service_tier": usage.service_tier,
            "spancost.retries": 0,
            "gen_ai.usage.input_tokens": usage.input_tokens
            + usage.cache_read_input_tokens
            + usage.cache_creation_input_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cache_read_input_tokens,
            "gen_ai.usage.cache_write.input_tokens": usage.cache_creation_input_tokens,
            "spancost.usage.cache_write_1h.input_tokens": usage.cache_creation.ephemeral_1h_input_tokens,
            "gen_ai.usage.output_tokens": output,
        }


def body(chunks: int, usage: bool) -> bytes:
    return events(evented(["some text "] * chunks)) if chunks else json.dumps(whole("some text")).encode()


def calls(provider: Provider, is_async: bool) -> Calls:
    sdk: Any = importlib.import_module("anthropic")
    http = http_client(provider, "anthropic._base_client", is_async)
    client = (sdk.AsyncAnthropic if is_async else sdk.Anthropic)(api_key="key", http_client=http)

    def create(**more: Any) -> Any:
        return client.messages.create(model="claude-sonnet-5", max_tokens=64, messages=MESSAGES, **more)

    def stream() -> Any:
        return create(stream=True)

    def ready(chunks: int) -> Callable[[], Any]:
        construct, kind = importlib.import_module("anthropic._models").construct_type, sdk.types.RawMessageStreamEvent
        made = [construct(type_=kind, value=event) for event in evented(["some text "] * chunks)]
        return refilled(stream, made, is_async)

    return Calls(is_async, create, stream, stream, MessageByHand, ready)


SDK: Final = Sdk(
    name="anthropic",
    title="anthropic messages",
    package="anthropic",
    body=body,
    calls=calls,
    peers={
        "genai-anthropic": "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
        "openllmetry": "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
        "openinference": "openinference.instrumentation.anthropic:AnthropicInstrumentor",
    },
)
