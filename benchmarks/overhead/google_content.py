"""Google generate_content."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .scenario import PAYS, QUESTION, ByHand, Calls, Provider, Sdk, arriving, events, http_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

CONTENT: Final[dict[str, Any]] = {"modelVersion": "gemini-2.5-flash", "responseId": "resp-1"}
CONTENT_USAGE: Final[dict[str, Any]] = {"promptTokenCount": 50, "candidatesTokenCount": 12, "thoughtsTokenCount": 5}


def part(text: str, *, done: bool = True) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if done:
        candidate["finishReason"] = "STOP"
    return {**CONTENT, "candidates": [candidate], "usageMetadata": CONTENT_USAGE}


class ContentByHand(ByHand):
    name = "generate_content gemini-2.5-flash"
    start: ClassVar[dict[str, Any]] = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-flash",
        "server.address": "generativelanguage.googleapis.com",
        **PAYS,
    }

    def __init__(self) -> None:
        self.last: Any = None

    def read(self, answer: Any) -> dict[str, Any]:
        usage = answer.usage_metadata
        return {
            "gen_ai.response.model": answer.model_version,
            "gen_ai.response.id": answer.response_id,
            "gen_ai.response.finish_reasons": (answer.candidates[0].finish_reason.name,),
            "spancost.retries": 0,
            "gen_ai.usage.input_tokens": usage.prompt_token_count,
            "gen_ai.usage.output_tokens": usage.candidates_token_count + usage.thoughts_token_count,
            "gen_ai.usage.reasoning.output_tokens": usage.thoughts_token_count,
        }

    def note(self, chunk: Any) -> bool:
        self.last = chunk
        return True

    def noted(self) -> dict[str, Any]:
        return self.read(self.last)


class _Segments:
    """What the SDK makes its chunks of."""

    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self._parts = parts

    def segments(self) -> Iterator[dict[str, Any]]:
        return iter(self._parts)

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        return arriving(self._parts)


def body(chunks: int, usage: bool) -> bytes:
    if chunks:
        return events([*(part("some text ", done=False) for _ in range(chunks)), part("")])
    return json.dumps(part("some text")).encode()


def calls(provider: Provider, is_async: bool) -> Calls:
    sdk: Any = importlib.import_module("google.genai")
    types: Any = importlib.import_module("google.genai.types")
    http = http_client(provider, "google.genai._api_client", is_async)
    options = types.HttpOptions(**{"httpx_async_client" if is_async else "httpx_client": http})
    client = sdk.Client(api_key="key", http_options=options)
    models = client.aio.models if is_async else client.models

    def plain() -> Any:
        return models.generate_content(model="gemini-2.5-flash", contents=QUESTION)

    def stream() -> Any:
        return models.generate_content_stream(model="gemini-2.5-flash", contents=QUESTION)

    def ready(chunks: int) -> Callable[[], Any]:
        segments = _Segments([*(part("some text ", done=False) for _ in range(chunks)), part("")])
        api = sdk.Client(api_key="key", http_options=options)._api_client
        asked: Any = ("POST", "models/gemini-2.5-flash:streamGenerateContent?alt=sse", {}, None)

        async def answered(**_: Any) -> _Segments:
            return segments

        if is_async:
            api._async_request = answered
            return lambda: api.async_request_streamed(*asked)
        api._request = lambda *_, **__: segments  # pyright: ignore[reportUnknownLambdaType]  # whatever is asked
        return lambda: api.request_streamed(*asked)

    return Calls(is_async, plain, stream, stream, ContentByHand, ready)


SDK: Final = Sdk(
    name="google_genai",
    title="google generate_content",
    package="google.genai",
    body=body,
    calls=calls,
    peers={
        "opentelemetry": "opentelemetry.instrumentation.google_genai:GoogleGenAiSdkInstrumentor",
        "openinference": "openinference.instrumentation.google_genai:GoogleGenAIInstrumentor",
    },
)
