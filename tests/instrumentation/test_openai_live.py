"""Live conversations: so many seconds of a live model, and what it has other models do at their own rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .openai_payloads import RESPONSE
from .test_openai_realtime import AsyncWebsocket, Websocket

if TYPE_CHECKING:
    from .conftest import Telemetry

LIVE: Any = pytest.importorskip("openai.resources.live.live", reason="openai has no live conversations yet")
FORKS: Any = pytest.importorskip("openai.resources.live.forks")
SIDEBAND: Any = pytest.importorskip("openai.resources.live.sideband")

SESSION: dict[str, Any] = {"id": "live_1", "model": "gpt-live-1", "expires_at": 1_760_003_600, "status": "active"}
STARTED: dict[str, Any] = {"type": "session.started", "event_id": "event_1", "session": SESSION}
SO_FAR: dict[str, Any] = {"type": "session.usage.updated", "event_id": "event_2", "usage": {"seconds": 30.0}}
CLOSED: dict[str, Any] = {
    "type": "session.closed",
    "event_id": "event_9",
    "reason": "close_requested",
    "session": SESSION,
    "usage": {"seconds": 62.5},
}
LIVED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "gen_ai.request.model": "gpt-live-1",
    "gen_ai.request.stream": True,
    "gen_ai.response.model": "gpt-live-1",
    "gen_ai.response.id": "live_1",
    "spancost.usage.seconds": 62.5,
}


def delegated(kind: str, response: dict[str, Any]) -> dict[str, Any]:
    """What a live connection says of a response that another model gives."""
    event = {"type": kind, "sequence_number": 1, "response": response}
    return {"type": "response.event", "event_id": "event_3", "delegation_id": "item_1", "event": event}


ANSWERING = delegated("response.created", {**RESPONSE, "status": "in_progress", "usage": None, "output": []})
ANSWERED = delegated("response.completed", {**RESPONSE, "output": []})
DECIDED: dict[str, Any] = {
    "type": "decision.event",
    "event_id": "event_4",
    "event": {
        "type": "decision.completed",
        "decision": {
            "model": "gpt-6-luna",
            "answers": [{"type": "predicate", "probability": 0.9}],
            "usage": {
                "input_tokens": 80,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 81,
            },
        },
    },
}


@pytest.mark.parametrize(
    "connection",
    [LIVE.LiveConnection, FORKS.ForksConnection, SIDEBAND.SidebandConnection],
    ids=["live", "fork", "sideband"],
)
def test_a_session_is_one_call_of_as_many_seconds_as_it_had_when_it_closed(
    instrumented: Telemetry, connection: Any
) -> None:
    socket: Any = Websocket(STARTED, SO_FAR, CLOSED, path="/v1/live")
    assert len(list(connection(socket))) == 3
    assert instrumented.attributes == LIVED
    assert instrumented.span.name == "chat gpt-live-1"
    assert instrumented.internal_errors == {}


async def test_an_async_session_is_counted_the_same(instrumented: Telemetry) -> None:
    socket: Any = AsyncWebsocket(STARTED, SO_FAR, CLOSED, path="/v1/live")
    assert len([event async for event in LIVE.AsyncLiveConnection(socket)]) == 3
    assert instrumented.attributes == LIVED


def test_a_listener_beside_the_session_does_not_charge_it_again(instrumented: Telemetry) -> None:
    for connection in (LIVE.LiveConnection, SIDEBAND.SidebandConnection):
        socket: Any = Websocket(STARTED, ANSWERING, ANSWERED, DECIDED, CLOSED, path="/v1/live")
        list(connection(socket))
    assert len(instrumented.spans) == 3


def test_a_response_that_it_had_another_model_give_is_that_models_call(instrumented: Telemetry) -> None:
    socket: Any = Websocket(STARTED, ANSWERING, ANSWERED, path="/v1/live")
    assert len(list(LIVE.LiveConnection(socket))) == 3
    assert instrumented.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "server.address": "api.openai.com",
        "gen_ai.request.model": "gpt-5-2025-08-07",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ("completed",),
        "openai.api.type": "responses",
        "openai.response.service_tier": "default",
        "spancost.service_tier": "default",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 8,
    }


def test_a_decision_that_it_had_another_model_make_is_that_models_call(instrumented: Telemetry) -> None:
    socket: Any = Websocket(STARTED, DECIDED, path="/v1/live")
    list(LIVE.LiveConnection(socket))
    assert instrumented.attributes["gen_ai.request.model"] == "gpt-6-luna"
    assert instrumented.attributes["gen_ai.response.model"] == "gpt-6-luna"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 80
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 1


def test_a_session_that_never_says_that_it_closed_is_no_call(instrumented: Telemetry) -> None:
    socket: Any = Websocket(STARTED, SO_FAR, path="/v1/live")
    list(LIVE.LiveConnection(socket))
    assert instrumented.spans == []
