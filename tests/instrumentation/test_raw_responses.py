"""Raw responses that the app reads itself, as bytes, text or lines: it gets every piece as it comes, and it counts."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import openai
import pytest
from opentelemetry.trace import StatusCode

import spancost
from spancost.bodies import Body

from .provider import CHAT_COMPLETION, MESSAGE, MESSAGE_EVENTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from .conftest import Telemetry
    from .provider import Provider

WAYS = ["iter_bytes", "iter_text", "iter_lines"]
SDKS = ["openai", "anthropic"]


def calls_of(sdk: str, provider: Provider, is_async: bool) -> Any:
    """The SDK's operation that leaves the reading to the app, and what it is asked."""
    if sdk == "openai":
        chat: Any = (
            openai.AsyncOpenAI(api_key="key", http_client=provider.async_client())
            if is_async
            else openai.OpenAI(api_key="key", http_client=provider.client())
        )
        return chat.chat.completions.with_streaming_response
    messages: Any = (
        anthropic.AsyncAnthropic(api_key="key", http_client=provider.async_client())
        if is_async
        else anthropic.Anthropic(api_key="key", http_client=provider.client())
    )
    return messages.messages.with_streaming_response


ASK: dict[str, dict[str, Any]] = {
    "openai": {"model": "gpt-5", "stream_options": {"include_usage": True}},
    "anthropic": {"model": "claude-sonnet-5", "max_tokens": 64},
}
FIGURES = {"openai": (100, 20), "anthropic": (240, 25)}


async def pieces_of(sdk: str, provider: Provider, way: str, *, streamed: bool, is_async: bool) -> list[Any]:
    asked = {**ASK[sdk], "messages": [{"role": "user", "content": "Hi"}], "stream": streamed}
    if not streamed:
        asked.pop("stream_options", None)
    opening = calls_of(sdk, provider, is_async).create(**asked)
    if is_async:
        async with opening as response:
            return [piece async for piece in getattr(response, way)()]
    with opening as response:
        return list(getattr(response, way)())


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sdk", SDKS)
async def test_the_app_gets_every_piece_and_the_call_its_usage(
    sdk: str, way: str, streamed: bool, is_async: bool, provider: Provider, telemetry: Telemetry
) -> None:
    bare = await pieces_of(sdk, provider, way, streamed=streamed, is_async=is_async)
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        seen = await pieces_of(sdk, provider, way, streamed=streamed, is_async=is_async)
    finally:
        spancost.uninstrument()
    assert seen == bare
    attributes = telemetry.attributes
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == FIGURES[sdk]
    assert "spancost.usage.estimated" not in attributes
    assert ("gen_ai.response.time_to_first_chunk" in attributes) is streamed


@pytest.mark.parametrize("sdk", SDKS)
def test_a_stream_that_is_read_whole_counts_too(sdk: str, provider: Provider, instrumented: Telemetry) -> None:
    asked = {**ASK[sdk], "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with calls_of(sdk, provider, is_async=False).create(**asked) as response:
        assert response.read().startswith(b"event: message_start" if sdk == "anthropic" else b'data: {"id"')
    assert (
        instrumented.attributes["gen_ai.usage.input_tokens"],
        instrumented.attributes["gen_ai.usage.output_tokens"],
    ) == FIGURES[sdk]


def test_a_piece_is_handed_on_before_the_next_one_is_read(provider: Provider, instrumented: Telemetry) -> None:
    opening = calls_of("anthropic", provider, False).create(
        **ASK["anthropic"], messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    with opening as response:
        pieces = response.iter_bytes()
        assert b"message_start" in next(pieces)
        assert instrumented.spans == []
    attributes = instrumented.attributes
    assert attributes["spancost.usage.estimated"] is True
    assert attributes["gen_ai.usage.input_tokens"] == 240
    assert instrumented.span.status.status_code is StatusCode.UNSET


class Broken(httpx2.SyncByteStream):
    """A body that breaks off after its first event."""

    def __iter__(self) -> Iterator[bytes]:
        yield f"event: message_start\ndata: {json.dumps(MESSAGE_EVENTS[0])}\n\n".encode()
        raise httpx2.ReadError("gone")


def test_an_error_while_reading_is_the_callers_and_the_calls(instrumented: Telemetry) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Broken())

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    messages: Any = anthropic.Anthropic(api_key="key", http_client=http).messages
    asked: dict[str, Any] = {**ASK["anthropic"], "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with messages.with_streaming_response.create(**asked) as response, pytest.raises(httpx2.ReadError, match="gone"):
        list(response.iter_lines())
    assert instrumented.attributes["error.type"] == f"{httpx2.__name__}.ReadError"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240


class Stalling(httpx2.AsyncByteStream):
    """A body whose second event is long in coming."""

    def __init__(self) -> None:
        self.stalled = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield f"event: message_start\ndata: {json.dumps(MESSAGE_EVENTS[0])}\n\n".encode()
        self.stalled.set()
        await asyncio.Event().wait()


def test_a_body_that_breaks_off_is_no_fault_of_ours(instrumented: Telemetry) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "application/json"}, stream=Broken())

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    messages: Any = anthropic.Anthropic(api_key="key", http_client=http).messages
    asked: dict[str, Any] = {**ASK["anthropic"], "messages": [{"role": "user", "content": "Hi"}]}
    with messages.with_streaming_response.create(**asked) as response, pytest.raises(httpx2.ReadError, match="gone"):
        list(response.iter_bytes())
    assert instrumented.attributes["error.type"] == f"{httpx2.__name__}.ReadError"
    assert instrumented.internal_errors == {}


async def test_a_task_that_is_cancelled_while_it_reads_is_an_error_of_the_call(instrumented: Telemetry) -> None:
    body = Stalling()

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)

    async def read() -> None:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        messages: Any = anthropic.AsyncAnthropic(api_key="key", http_client=http).messages
        asked: dict[str, Any] = {**ASK["anthropic"], "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        async with messages.with_streaming_response.create(**asked) as response:
            async for _ in response.iter_bytes():
                pass

    reading = asyncio.create_task(read())
    await body.stalled.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert instrumented.attributes["error.type"] == "asyncio.exceptions.CancelledError"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240


class Heard:
    """An observer that keeps what it is told."""

    unsent = False

    def __init__(self) -> None:
        self.chunks: list[object] = []
        self.wholes: list[object] = []
        self.ends = 0

    def enter(self) -> None:
        pytest.fail("nothing is sent here")

    def leave(self) -> None:
        pytest.fail("nothing is sent here")

    def read(self, part: object) -> None:
        self.wholes.append(part)

    def complete(self, answer: object) -> None:
        self.wholes.append(answer)
        self.ends += 1

    def read_chunk(self, chunk: object) -> bool:
        self.chunks.append(chunk)
        return True

    def following(self) -> Callable[[object], bool]:
        return self.read_chunk

    def end(self) -> None:
        self.ends += 1

    def drop(self) -> None:
        self.ends += 1

    def fail(self, error: BaseException) -> None:
        raise error


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_events_are_told_however_the_bytes_are_cut(size: int, newline: str) -> None:
    text = newline.join(["event: a", 'data: {"text": "é"}', "", ": ping", "", 'data: {"n":', "data: 2}", "", ""])
    encoded = (text + "data: [DONE]" + newline + newline).encode()
    heard = Heard()
    body = Body("text/event-stream; charset=utf-8", heard)
    cut = [encoded[start : start + size] for start in range(0, len(encoded), size)]
    assert b"".join(piece for piece in body.pieces(iter(cut)) if isinstance(piece, bytes)) == encoded
    assert heard.chunks == [{"text": "é"}, {"n": 2}]
    assert heard.ends == 1


def test_lines_of_json_are_told_one_by_one_and_of_other_bodies_only_that_there_was_one() -> None:
    heard = Heard()
    lines = (json.dumps({"n": 1}) + "\n" + json.dumps({"n": 2})).encode()
    list(Body("application/binary", heard).pieces(iter([lines])))
    assert (heard.chunks, heard.wholes) == ([{"n": 1}, {"n": 2}], [])
    sound = Heard()
    list(Body("audio/mpeg", sound).pieces(iter([b"\xff\xfb\x90{", b"\n\xff"])))
    assert (sound.chunks, sound.wholes) == ([], [None])


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("way", ["read", "json", "text"])
def test_a_body_that_is_read_whole_counts_too(sdk: str, way: str, provider: Provider, instrumented: Telemetry) -> None:
    asked = {name: value for name, value in ASK[sdk].items() if name != "stream_options"}
    opening = calls_of(sdk, provider, False).create(**asked, messages=[{"role": "user", "content": "Hi"}])
    with opening as response:
        body = getattr(response, way)()
    whole = CHAT_COMPLETION if sdk == "openai" else MESSAGE
    assert (body if way == "json" else json.loads(body)) == whole
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == FIGURES[sdk][1]


@pytest.mark.parametrize("way", ["iter_bytes", "read"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "application/binary"])
def test_a_body_that_is_nested_beyond_reason_is_the_apps_to_read(way: str, kind: str, instrumented: Telemetry) -> None:
    content = b'data: {"nested": ' + b"[" * 100_000 + b"\n\n"
    if "event" not in kind:
        content = content.removeprefix(b"data: ")

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=content, headers={"content-type": kind})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    messages: Any = anthropic.Anthropic(api_key="key", http_client=http).messages
    with messages.with_streaming_response.create(**ASK["anthropic"], messages=[]) as response:
        read = getattr(response, way)()
        assert (read if way == "read" else b"".join(read)) == content
    assert instrumented.span.status.status_code is StatusCode.UNSET


def test_an_app_that_reads_a_stream_as_bytes_gets_nothing_that_it_did_not_ask_for(
    provider: Provider, telemetry: Telemetry
) -> None:
    def lines() -> list[str]:
        opening = calls_of("openai", provider, is_async=False).create(
            model="gpt-5", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        with opening as response:
            return list(response.iter_lines())

    bare = lines()
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        seen = lines()
    finally:
        spancost.uninstrument()

    assert seen == bare
    assert telemetry.attributes["spancost.usage.estimated"] is True
