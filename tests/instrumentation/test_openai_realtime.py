"""Conversations over a websocket: every response is one call, however the app receives its events."""

from __future__ import annotations

import json
from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from websockets.exceptions import ConnectionClosedOK

import spancost

from .openai_payloads import RESPONSE

if TYPE_CHECKING:
    from .conftest import Telemetry

REALTIME: Any = pytest.importorskip("openai.resources.realtime.realtime", reason="openai has no such connections yet")
RESPONSES: Any = pytest.importorskip("openai.resources.responses.responses")

USAGE: dict[str, Any] = {
    "total_tokens": 205,
    "input_tokens": 141,
    "output_tokens": 64,
    "input_token_details": {
        "text_tokens": 40,
        "audio_tokens": 101,
        "image_tokens": 0,
        "cached_tokens": 96,
        "cached_tokens_details": {"text_tokens": 32, "audio_tokens": 64, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 20, "audio_tokens": 44},
}
SESSION: dict[str, Any] = {
    "type": "session.created",
    "session": {"model": "gpt-realtime", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}},
}
STARTED: dict[str, Any] = {"type": "response.created", "response": {"id": "resp_1", "object": "realtime.response"}}
DELTA: dict[str, Any] = {"type": "response.output_audio.delta", "delta": "AAAA"}
DONE: dict[str, Any] = {
    "type": "response.done",
    "response": {"id": "resp_1", "object": "realtime.response", "status": "completed", "usage": USAGE},
}
TRANSCRIBED: dict[str, Any] = {
    "type": "conversation.item.input_audio_transcription.completed",
    "item_id": "item_1",
    "transcript": "Hello there",
    "usage": {"type": "duration", "seconds": 3},
}


class Websocket:
    """A websocket that receives these messages and is then closed."""

    def __init__(self, *messages: dict[str, Any], host: str = "api.openai.com", path: str = "/v1/realtime") -> None:
        self.request = SimpleNamespace(path=path, headers={"Host": host})
        self._messages = deque(json.dumps(message).encode() for message in messages)

    def recv(self, *, decode: bool) -> bytes:
        assert not decode
        if not self._messages:
            raise ConnectionClosedOK(None, None)
        return self._messages.popleft()


class AsyncWebsocket(Websocket):
    async def recv(self, *, decode: bool) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().recv(decode=decode)


def connection(*messages: dict[str, Any], **where: str) -> Any:
    return REALTIME.RealtimeConnection(cast("Any", Websocket(*messages, **where)))


RESPONDED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "gen_ai.request.model": "gpt-realtime",
    "gen_ai.request.stream": True,
    "gen_ai.response.model": "gpt-realtime",
    "gen_ai.response.id": "resp_1",
    "gen_ai.response.finish_reasons": ("completed",),
    "gen_ai.usage.input_tokens": 141,
    "gen_ai.usage.cache_read.input_tokens": 96,
    "gen_ai.usage.audio.input_tokens": 101,
    "gen_ai.usage.image.input_tokens": 0,
    "gen_ai.usage.audio.cache_read.input_tokens": 64,
    "gen_ai.usage.image.cache_read.input_tokens": 0,
    "gen_ai.usage.output_tokens": 64,
    "gen_ai.usage.audio.output_tokens": 44,
}


def test_a_response_is_one_call_that_began_when_it_was_created(instrumented: Telemetry) -> None:
    events = list(connection(SESSION, STARTED, DELTA, DONE))
    assert [event.type for event in events] == [message["type"] for message in (SESSION, STARTED, DELTA, DONE)]
    assert instrumented.attributes == RESPONDED
    assert instrumented.span.name == "chat gpt-realtime"
    assert instrumented.span.start_time is not None
    assert instrumented.span.end_time is not None
    assert 0 < instrumented.span.end_time - instrumented.span.start_time < 60_000_000_000
    assert instrumented.internal_errors == {}


async def test_an_async_conversation_is_counted_the_same(instrumented: Telemetry) -> None:
    socket: Any = AsyncWebsocket(SESSION, STARTED, DELTA, DONE)
    assert len([event async for event in REALTIME.AsyncRealtimeConnection(socket)]) == 4
    assert instrumented.attributes == RESPONDED


def test_events_are_what_the_bare_sdk_gives(telemetry: Telemetry) -> None:
    bare = connection(DONE).recv()
    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider)
    try:
        seen = connection(DONE).recv()
    finally:
        spancost.uninstrument("openai")
    assert type(seen) is type(bare)
    assert seen.model_dump() == bare.model_dump()
    connection(DONE).recv()
    assert len(telemetry.spans) == 1


def test_bytes_that_the_app_parses_itself_are_counted(instrumented: Telemetry) -> None:
    conversation = connection(SESSION, DONE)
    for _ in range(2):
        conversation.parse_event(conversation.recv_bytes())
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 141


def test_a_second_listener_to_the_same_conversation_does_not_charge_it_again(instrumented: Telemetry) -> None:
    list(connection(SESSION, STARTED, DONE))
    list(connection(SESSION, STARTED, DONE))
    assert len(instrumented.spans) == 1


def test_responses_that_have_no_id_are_charged_each(instrumented: Telemetry) -> None:
    nameless = {**DONE, "response": {"object": "realtime.response", "status": "completed", "usage": USAGE}}
    unnamed = {name: value for name, value in TRANSCRIBED.items() if name != "item_id"}

    list(connection(SESSION, nameless, nameless, unnamed, unnamed))

    assert [span.name for span in instrumented.spans] == [
        "chat gpt-realtime",
        "chat gpt-realtime",
        "transcription gpt-4o-transcribe",
        "transcription gpt-4o-transcribe",
    ]


def test_a_transcript_of_what_was_said_is_a_call_of_another_model(instrumented: Telemetry) -> None:
    list(connection(SESSION, TRANSCRIBED))
    assert instrumented.attributes == {
        "gen_ai.operation.name": "transcription",
        "gen_ai.provider.name": "openai",
        "server.address": "api.openai.com",
        "gen_ai.request.model": "gpt-4o-transcribe",
        "spancost.usage.seconds": 3,
    }


@pytest.mark.parametrize(
    ("host", "path", "provider", "model"),
    [
        ("eu.api.openai.com:443", "/v1/realtime?model=gpt-realtime-mini", "openai", "gpt-realtime-mini"),
        ("res.openai.azure.com", "/openai/realtime?api-version=1&deployment=mine", "azure.ai.openai", "mine"),
    ],
)
def test_who_bills_and_for_what_is_told_from_the_handshake_where_no_session_says_it(
    instrumented: Telemetry, host: str, path: str, provider: str, model: str
) -> None:
    list(connection(DONE, host=host, path=path))
    assert instrumented.attributes["gen_ai.provider.name"] == provider
    assert instrumented.attributes["server.address"] == host.partition(":")[0]
    assert instrumented.attributes["gen_ai.request.model"] == model


def test_a_response_without_usage_is_no_call(instrumented: Telemetry) -> None:
    cancelled = {**DONE, "response": {"id": "resp_1", "status": "cancelled", "usage": None}}
    list(connection(SESSION, STARTED, cancelled))
    assert instrumented.spans == []


def test_responses_over_a_websocket_are_calls_too(instrumented: Telemetry) -> None:
    created = {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "usage": None}}
    completed = {"type": "response.completed", "response": RESPONSE}
    socket: Any = Websocket(created, completed, path="/v1/responses")
    assert len(list(RESPONSES.ResponsesConnection(socket))) == 2
    assert instrumented.attributes["gen_ai.response.model"] == "gpt-5-2025-08-07"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100
    assert instrumented.attributes["spancost.service_tier"] == "default"


def test_a_connection_without_a_handshake_is_counted_all_the_same(instrumented: Telemetry) -> None:
    conversation = connection(SESSION, DONE)
    conversation._connection = cast("Any", SimpleNamespace(recv=conversation._connection.recv))
    list(conversation)
    assert instrumented.attributes["gen_ai.provider.name"] == "openai"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 141
