"""Managed agents: what a turn used is charged when the app first sees it, as an event, by itself or in a list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from .openai_payloads import AGENT_SESSION, AGENT_TURN

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Telemetry

pytest.importorskip("openai.resources.beta.agents", reason="openai has no managed agents yet")

UNFINISHED = {**AGENT_TURN, "status": "in_progress", "usage": None}
EVENTS: list[dict[str, Any]] = [
    {"type": "agent.session.in_progress", "event_id": "event_1", "session_id": "sess_1"},
    {"type": "agent.session.turn.created", "event_id": "event_2", "session_id": "sess_1", "turn": UNFINISHED},
    {"type": "agent.session.turn.completed", "event_id": "event_3", "session_id": "sess_1", "turn": AGENT_TURN},
]
CREATED = {"type": "agent.session.created", "event_id": "event_0", "session": AGENT_SESSION}
TURN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "gen_ai.request.model": "gpt-6-sol",
    "gen_ai.response.model": "gpt-6-sol",
    "gen_ai.response.id": "turn_1",
    "gen_ai.conversation.id": "sess_1",
    "spancost.service_tier": "flex",
    "gen_ai.usage.input_tokens": 900,
    "gen_ai.usage.cache_read.input_tokens": 600,
    "gen_ai.usage.output_tokens": 70,
    "gen_ai.usage.reasoning.output_tokens": 40,
}


def server(events: list[dict[str, Any]] = EVENTS, turn: dict[str, Any] = AGENT_TURN) -> Any:
    """A server with one session of an agent, in which there was one turn."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path.endswith("/events") or b'"stream":true' in request.content:
            body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
        if path.endswith("/turns"):
            return httpx2.Response(200, json={"object": "list", "data": [turn], "has_more": False})
        return httpx2.Response(200, json=turn if "/turns/" in path else AGENT_SESSION)

    return answer


def client(answer: Callable[[httpx2.Request], httpx2.Response]) -> Any:
    return openai.OpenAI(api_key="key", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


def test_a_turn_is_charged_once_however_often_and_in_whatever_way_it_is_seen(instrumented: Telemetry) -> None:
    sessions = client(server()).beta.agents.sessions
    sessions.retrieve("sess_1")
    assert instrumented.spans == []
    assert len(list(sessions.events.stream("sess_1"))) == 3
    assert [turn.id for turn in sessions.turns.list("sess_1")] == ["turn_1"]
    sessions.turns.retrieve("turn_1", session_id="sess_1")
    assert instrumented.attributes == TURN
    assert instrumented.span.name == "chat gpt-6-sol"
    assert instrumented.internal_errors == {}


async def test_an_async_client_is_charged_for_the_same(instrumented: Telemetry) -> None:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(server()))
    sessions: Any = openai.AsyncOpenAI(api_key="key", http_client=http).beta.agents.sessions
    await sessions.retrieve("sess_1")
    assert len([event async for event in await sessions.events.stream("sess_1")]) == 3
    assert instrumented.attributes == TURN


def test_a_session_that_streams_from_its_start_names_its_model_itself(instrumented: Telemetry) -> None:
    sessions = client(server([CREATED, *EVENTS])).beta.agents.sessions
    assert len(list(sessions.create(environment={"type": "hosted"}, agent_id="agent_1", stream=True))) == 4
    assert instrumented.attributes == TURN


def test_what_subagents_do_is_charged_beside_it(instrumented: Telemetry) -> None:
    turn = {**AGENT_TURN, "id": "turn_2", "subagent_id": "sub_1"}
    sessions = client(server(turn=turn)).beta.agents.sessions
    list(sessions.events.stream("sess_1"))
    list(sessions.subagents.turns.list("sub_1", session_id="sess_1"))
    assert [span.attributes["gen_ai.response.id"] for span in instrumented.spans if span.attributes] == [
        "turn_1",
        "turn_2",
    ]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_turn_that_did_not_succeed_costs_what_it_used(instrumented: Telemetry, status: str) -> None:
    event = {
        "type": f"agent.session.turn.{status}",
        "event_id": "event_3",
        "session_id": "sess_1",
        "turn": {**AGENT_TURN, "status": status, "usage": None},
        "usage": AGENT_TURN["usage"],
    }
    list(client(server([event])).beta.agents.sessions.events.stream("sess_1"))
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 900


def test_a_turn_of_an_unknown_session_counts_without_a_model(instrumented: Telemetry) -> None:
    client(server()).beta.agents.sessions.turns.retrieve("turn_1", session_id="sess_1")
    assert "gen_ai.request.model" not in instrumented.attributes
    assert "spancost.service_tier" not in instrumented.attributes
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 900


def test_a_turn_that_goes_on_is_not_charged_yet(instrumented: Telemetry) -> None:
    sessions = client(server(turn=UNFINISHED)).beta.agents.sessions
    sessions.turns.retrieve("turn_1", session_id="sess_1")
    assert instrumented.spans == []
