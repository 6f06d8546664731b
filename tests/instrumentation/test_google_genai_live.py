"""Live sessions: each turn is one call, with the usage that the message at its end reports."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google import genai
from google.genai import live, types
from websockets.exceptions import ConnectionClosedOK
from websockets.frames import Close

import spancost

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .conftest import Telemetry

MODEL = "gemini-2.5-flash-native-audio"
TEXT = {"serverContent": {"outputTranscription": {"text": "Hello there"}}}
GENERATED = {"serverContent": {"generationComplete": True}}


def turn_complete(**usage: Any) -> dict[str, Any]:
    return {"serverContent": {"turnComplete": True}, "usageMetadata": usage}


FIRST = turn_complete(
    promptTokenCount=1131,
    responseTokenCount=26,
    totalTokenCount=1157,
    promptTokensDetails=[{"modality": "TEXT", "tokenCount": 1100}, {"modality": "AUDIO", "tokenCount": 31}],
    responseTokensDetails=[{"modality": "AUDIO", "tokenCount": 26}],
    thoughtsTokenCount=24,
)
SECOND = turn_complete(promptTokenCount=1251, responseTokenCount=63, totalTokenCount=1314)


class Connection:
    """A websocket to a server that says what it is told to say, and then hangs up."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self._messages: list[dict[str, Any]] = [{"setupComplete": {}}, *messages]

    async def send(self, message: str) -> None:
        json.loads(message)

    async def recv(self, decode: bool | None = None) -> bytes:
        if not self._messages:
            raise ConnectionClosedOK(Close(1000, "bye"), None)
        return json.dumps(self._messages.pop(0)).encode()

    async def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the server says."""
    messages: list[dict[str, Any]] = []

    @asynccontextmanager
    async def connect(*_: Any, **__: Any) -> AsyncGenerator[Connection]:
        yield Connection(messages)

    monkeypatch.setattr(live, "ws_connect", connect)
    return messages


async def talk(turns: int) -> list[Any]:
    sdk: Any = genai.Client(api_key="key")
    heard: list[Any] = []
    async with sdk.aio.live.connect(model=MODEL, config={"response_modalities": ["AUDIO"]}) as session:
        for _ in range(turns):
            content = types.Content(role="user", parts=[types.Part(text="a secret prompt")])
            await session.send_client_content(turns=content)
            heard.extend([message async for message in session.receive()])
    return heard


async def test_each_turn_is_one_span_with_what_it_cost(server: list[dict[str, Any]], instrumented: Telemetry) -> None:
    server.extend([TEXT, GENERATED, FIRST, TEXT, TEXT, SECOND])
    await talk(2)
    first, second = instrumented.spans
    assert dict(first.attributes or {}) == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.stream": True,
        "server.address": "generativelanguage.googleapis.com",
        "gen_ai.usage.input_tokens": 1131,
        "gen_ai.usage.audio.input_tokens": 31,
        "gen_ai.usage.output_tokens": 50,  # 26 said + 24 thought
        "gen_ai.usage.reasoning.output_tokens": 24,
        "gen_ai.usage.audio.output_tokens": 26,
    }
    assert first.name == f"generate_content {MODEL}"
    assert (second.attributes or {})["gen_ai.usage.input_tokens"] == 1251
    assert first.start_time is not None
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.start_time < first.end_time <= second.start_time
    assert "secret" not in first.to_json()
    assert instrumented.internal_errors == {}


async def test_the_caller_hears_what_the_bare_sdk_hears(server: list[dict[str, Any]], telemetry: Telemetry) -> None:
    server.extend([TEXT, FIRST])
    bare = await talk(1)
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        server.extend([TEXT, FIRST])
        seen = await talk(1)
    finally:
        spancost.uninstrument()
    assert [message.model_dump() for message in seen] == [message.model_dump() for message in bare]
    assert len(telemetry.spans) == 1


async def test_a_connection_that_ends_in_a_turn_raises_what_the_sdk_raises(
    server: list[dict[str, Any]], instrumented: Telemetry
) -> None:
    server.append(TEXT)
    with pytest.raises(genai.errors.APIError, match="bye"):
        await talk(1)
    assert instrumented.spans == []
    assert instrumented.internal_errors == {}


async def test_a_turn_with_tools_counts_each_report(server: list[dict[str, Any]], instrumented: Telemetry) -> None:
    call: dict[str, Any] = {"toolCall": {"functionCalls": [{"name": "f", "args": {}, "id": "1"}]}}
    server.extend([call, {"usageMetadata": {"promptTokenCount": 24, "responseTokenCount": 5}}, TEXT, SECOND])
    await talk(1)
    assert [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in instrumented.spans] == [24, 1251]


async def test_searches_that_ran_are_of_the_turn_in_which_they_ran(
    server: list[dict[str, Any]], instrumented: Telemetry
) -> None:
    weather: dict[str, Any] = {"groundingMetadata": {"webSearchQueries": ["weather Oslo"]}}
    again: dict[str, Any] = {"groundingMetadata": {"webSearchQueries": ["weather Oslo", "weather Bergen"]}}
    ended = {**FIRST, "serverContent": {"turnComplete": True, **again}}
    server.extend([TEXT, {"serverContent": weather}, ended, TEXT, SECOND])
    await talk(2)
    searches = [(span.attributes or {}).get("spancost.usage.web_searches") for span in instrumented.spans]
    assert searches == [2, None]
    assert instrumented.internal_errors == {}
