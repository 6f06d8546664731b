"""The `openai` SDK's operations beside chat: for each, sync and async, the app gets what it would get without us."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import openai
import pytest
from opentelemetry.trace import SpanKind, StatusCode

import spancost

from .openai_payloads import (
    COMPLETION,
    COMPLETION_CHUNKS,
    EMBEDDINGS,
    IMAGE_EVENTS,
    IMAGES,
    MODERATION,
    RESPONSE,
    TRANSCRIPTION,
    TRANSCRIPTION_EVENTS,
    OpenAIProvider,
    response_events,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Telemetry

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # old operations are paid, too

PROMPT = "a secret prompt"
_SOUND = ("a.wav", b"RIFF")
_PICTURE = ("a.png", b"PNG")


@pytest.fixture
def provider() -> OpenAIProvider:
    return OpenAIProvider()


@dataclass(frozen=True)
class Operation:
    """An operation: how it is called, what is answered, and what has to be on its span."""

    call: Callable[..., Any]
    """(client, what to add to the call) -> the answer, or its coroutine."""
    answer: Any
    name: str
    model: str
    expected: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What a stream of it consists of; empty where there are no streams."""
    interrupted: dict[str, Any] = field(default_factory=dict[str, Any])
    """Usage when only the first event was read."""


def ask_response(client: Any, **more: Any) -> Any:
    return client.responses.create(model="gpt-5", input=PROMPT, **more)


def complete(client: Any, **more: Any) -> Any:
    return client.completions.create(model="gpt-3.5-turbo-instruct", prompt=PROMPT, **more)


def draw(client: Any, **more: Any) -> Any:
    return client.images.generate(model="gpt-image-1", prompt=PROMPT, **more)


def edit_image(client: Any, **more: Any) -> Any:
    return client.images.edit(model="gpt-image-1", image=_PICTURE, prompt=PROMPT, **more)


def vary_image(client: Any, **more: Any) -> Any:
    return client.images.create_variation(model="dall-e-2", image=_PICTURE, n=2, **more)


def transcribe(client: Any, **more: Any) -> Any:
    return client.audio.transcriptions.create(model="gpt-4o-transcribe", file=_SOUND, **more)


def translate(client: Any, **more: Any) -> Any:
    return client.audio.translations.create(model="whisper-1", file=_SOUND, response_format="verbose_json", **more)


def speak(client: Any, **more: Any) -> Any:
    return client.audio.speech.create(model="tts-1", voice="alloy", input=PROMPT, **more)


def embed(client: Any, **more: Any) -> Any:
    return client.embeddings.create(model="text-embedding-3-small", input=PROMPT, **more)


def moderate(client: Any, **more: Any) -> Any:
    return client.moderations.create(model="omni-moderation-latest", input=PROMPT, **more)


_RESPONSE = {
    "openai.api.type": "responses",
    "openai.response.service_tier": "default",
    "spancost.service_tier": "default",
    "gen_ai.response.model": "gpt-5-2025-08-07",
    "gen_ai.response.id": "resp_1",
    "gen_ai.response.finish_reasons": ("completed",),
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.cache_write.input_tokens": 0,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.reasoning.output_tokens": 8,
}
_IMAGES = {
    "gen_ai.usage.input_tokens": 50,
    "gen_ai.usage.image.input_tokens": 40,
    "gen_ai.usage.output_tokens": 272,
    "gen_ai.usage.image.output_tokens": 272,
}
_TRANSCRIPTION = {
    "gen_ai.usage.input_tokens": 14,
    "gen_ai.usage.audio.input_tokens": 10,
    "gen_ai.usage.output_tokens": 3,
}
OPERATIONS: dict[str, Operation] = {
    "responses": Operation(
        ask_response,
        RESPONSE,
        "chat",
        "gpt-5",
        _RESPONSE,
        response_events(RESPONSE),
        # "a secret prompt" is 15 characters; the first event has no text yet.
        {"gen_ai.usage.input_tokens": 4, "gen_ai.usage.output_tokens": 0, "spancost.usage.estimated": True},
    ),
    "completions": Operation(
        complete,
        COMPLETION,
        "text_completion",
        "gpt-3.5-turbo-instruct",
        {
            "gen_ai.response.model": "gpt-3.5-turbo-instruct",
            "gen_ai.response.id": "cmpl-1",
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 20,
        },
        COMPLETION_CHUNKS,
        # "Hello " is 6 characters.
        {"gen_ai.usage.input_tokens": 4, "gen_ai.usage.output_tokens": 2, "spancost.usage.estimated": True},
    ),
    "images": Operation(
        draw,
        IMAGES,
        "image_generation",
        "gpt-image-1",
        _IMAGES,
        IMAGE_EVENTS,
    ),
    "image edits": Operation(
        edit_image,
        IMAGES,
        "image_edit",
        "gpt-image-1",
        _IMAGES,
    ),
    "image variations": Operation(
        vary_image,
        {"created": 1_760_000_000, "data": [{"url": "u"}, {"url": "v"}]},
        "image_variation",
        "dall-e-2",
        {"spancost.usage.images": 2},
    ),
    "transcriptions": Operation(
        transcribe,
        TRANSCRIPTION,
        "transcription",
        "gpt-4o-transcribe",
        _TRANSCRIPTION,
        TRANSCRIPTION_EVENTS,
    ),
    "translations": Operation(
        translate,
        {"text": "Hello there", "language": "english", "duration": 12.5},
        "translation",
        "whisper-1",
        {"spancost.usage.seconds": 12.5},
    ),
    "speech": Operation(
        speak,
        {"sound": "of the right length"},
        "speech",
        "tts-1",
        {"spancost.usage.characters": 15},
    ),
    "embeddings": Operation(
        embed,
        EMBEDDINGS,
        "embeddings",
        "text-embedding-3-small",
        {"gen_ai.response.model": "text-embedding-3-small", "gen_ai.usage.input_tokens": 9},
    ),
    "moderations": Operation(
        moderate,
        MODERATION,
        "moderation",
        "omni-moderation-latest",
        {"gen_ai.response.model": "omni-moderation-latest", "gen_ai.response.id": "modr-1"},
    ),
}
STREAMED = [name for name, operation in OPERATIONS.items() if operation.events]


@dataclass
class Caller:
    """A client that makes one operation, sync or async behind the same face."""

    operation: Operation
    client: Any
    is_async: bool

    async def plain(self) -> Any:
        result = self.operation.call(self.client)
        return await result if self.is_async else result

    async def stream(self) -> Any:
        result = self.operation.call(self.client, stream=True)
        return await result if self.is_async else result

    async def one(self, stream: Any) -> Any:
        return await anext(stream) if self.is_async else next(stream)

    async def rest(self, stream: Any) -> list[Any]:
        return [event async for event in stream] if self.is_async else list(stream)

    async def close(self, stream: Any) -> None:
        if self.is_async:
            await stream.close()
        else:
            stream.close()


def caller_of(name: str, provider: OpenAIProvider, *, is_async: bool) -> Caller:
    operation = OPERATIONS[name]
    provider.answer, provider.events = operation.answer, operation.events
    if is_async:
        return Caller(operation, openai.AsyncOpenAI(api_key="key", http_client=provider.async_client()), True)
    return Caller(operation, openai.OpenAI(api_key="key", http_client=provider.client()), False)


both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
every_operation = pytest.mark.parametrize("name", OPERATIONS)
every_stream = pytest.mark.parametrize("name", STREAMED)


def shown(answer: Any) -> Any:
    """An answer as plain values."""
    return answer.model_dump() if hasattr(answer, "model_dump") else answer.content


@every_operation
@both
async def test_a_call_is_one_span_with_what_it_used_and_the_app_gets_the_sdks_answer(
    name: str, is_async: bool, provider: OpenAIProvider, telemetry: Telemetry
) -> None:
    caller = caller_of(name, provider, is_async=is_async)
    bare = await caller.plain()
    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    try:
        seen = await caller.plain()
    finally:
        spancost.uninstrument("openai")
    assert type(seen) is type(bare)
    assert shown(seen) == shown(bare)
    assert telemetry.attributes == {
        "gen_ai.operation.name": caller.operation.name,
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": caller.operation.model,
        "server.address": "api.openai.com",
        "spancost.retries": 0,
        **caller.operation.expected,
    }
    assert telemetry.span.name == f"{caller.operation.name} {caller.operation.model}"
    assert telemetry.span.kind is SpanKind.CLIENT
    assert telemetry.span.status.status_code is StatusCode.UNSET
    assert telemetry.internal_errors == {}
    assert PROMPT not in telemetry.span.to_json()
    assert "Hello" not in telemetry.span.to_json()


@every_stream
@both
async def test_a_stream_is_one_span_with_the_same_figures_and_the_app_gets_the_sdks_events(
    name: str, is_async: bool, provider: OpenAIProvider, telemetry: Telemetry
) -> None:
    caller = caller_of(name, provider, is_async=is_async)
    bare = [event.model_dump() for event in await caller.rest(await caller.stream())]
    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider)
    try:
        stream = await caller.stream()
        seen = [event.model_dump() for event in await caller.rest(stream)]
    finally:
        spancost.uninstrument("openai")
    hidden = 1 if name == "completions" else 0  # the usage that the app did not ask for
    assert seen == bare[: len(bare) - hidden]
    assert isinstance(stream, openai.AsyncStream if is_async else openai.Stream)
    for attribute, value in caller.operation.expected.items():
        assert telemetry.attributes[attribute] == value
    assert telemetry.attributes["gen_ai.request.stream"] is True


@every_operation
@both
async def test_a_provider_error_reaches_the_caller_and_costs_nothing(
    name: str, is_async: bool, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    caller = caller_of(name, provider, is_async=is_async)
    provider.failures = [400]
    with pytest.raises(openai.BadRequestError):
        await caller.plain()
    assert instrumented.attributes["error.type"] == "openai.BadRequestError"
    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert not any("usage" in attribute for attribute in instrumented.attributes)


@every_operation
@both
async def test_retries_are_part_of_the_one_call(
    name: str, is_async: bool, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    caller = caller_of(name, provider, is_async=is_async)
    provider.failures = [503, 503]
    await caller.plain()
    assert len(provider.requests) == 3
    assert instrumented.attributes["spancost.retries"] == 2


@every_stream
@both
@pytest.mark.parametrize("way", ["closed", "dropped", "failed"])
async def test_a_stream_that_is_not_read_to_its_end_is_no_error_and_estimated_where_text_was_written(
    name: str, is_async: bool, way: str, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    caller = caller_of(name, provider, is_async=is_async)

    async def handle() -> None:
        stream = await caller.stream()
        await caller.one(stream)
        assert instrumented.spans == []
        try:
            if way == "failed":
                raise LookupError("of the caller")
        finally:
            if way != "dropped":
                await caller.close(stream)

    if way == "failed":
        with pytest.raises(LookupError, match="of the caller"):
            await handle()
    else:
        await handle()
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert instrumented.span.status.status_code is StatusCode.UNSET
    usage = {name: value for name, value in instrumented.attributes.items() if "usage" in name}
    assert usage == caller.operation.interrupted


@every_stream
async def test_a_cancelled_stream_ends_its_span_and_stays_cancelled(
    name: str, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    caller = caller_of(name, provider, is_async=True)
    provider.stalls = True
    stream = await caller.stream()
    await caller.one(stream)
    task = asyncio.create_task(caller.rest(stream))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert instrumented.attributes["error.type"] == "asyncio.exceptions.CancelledError"
