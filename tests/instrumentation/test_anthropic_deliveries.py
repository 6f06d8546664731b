"""What the `anthropic` SDK fetches of calls that were made earlier, and the calls that it makes by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

import spancost

from .provider import ANTHROPIC_USAGE, MESSAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Telemetry

USAGE = {**ANTHROPIC_USAGE, "service_tier": "batch"}


def line(custom_id: str, message: dict[str, Any] | None) -> dict[str, Any]:
    error = {"type": "errored", "error": {"type": "error", "error": {"type": "api_error", "message": "no"}}}
    return {
        "custom_id": custom_id,
        "result": error if message is None else {"type": "succeeded", "message": message},
    }


LINES = [
    line("a", {**MESSAGE, "id": "msg_a", "usage": USAGE}),
    line("b", None),
    line("c", {**MESSAGE, "id": "msg_c", "usage": {**USAGE, "input_tokens": 0, "output_tokens": 0}}),
]


def results(request: httpx2.Request) -> httpx2.Response:
    """A server with one batch that is over."""
    if request.url.path.endswith("/results"):
        body = "".join(json.dumps(line) + "\n" for line in LINES)
        return httpx2.Response(200, headers={"content-type": "application/binary"}, content=body)
    batch = {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0},
        "created_at": "2026-11-01T00:00:00Z",
        "expires_at": "2026-11-02T00:00:00Z",
        "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results",
    }
    return httpx2.Response(200, json=batch)


def client(answer: Callable[[httpx2.Request], httpx2.Response], is_async: bool = False) -> Any:
    transport = httpx2.MockTransport(answer)
    off: dict[str, Any] = {"api_key": "key", "open_telemetry": False, "max_retries": 0}
    if is_async:
        return anthropic.AsyncAnthropic(**off, http_client=httpx2.AsyncClient(transport=transport))
    return anthropic.Anthropic(**off, http_client=httpx2.Client(transport=transport))


async def read(decoder: Any, is_async: bool) -> list[Any]:
    return [line async for line in decoder] if is_async else list(decoder)


async def fetched(sdk: Any, is_async: bool, *, beta: bool = False) -> list[Any]:
    batches = sdk.beta.messages.batches if beta else sdk.messages.batches
    opening = batches.results("msgbatch_1")
    return await read(await opening if is_async else opening, is_async)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.mark.parametrize("beta", [False, True], ids=["messages", "beta messages"])
async def test_each_message_of_a_batch_is_paid_for_once_and_at_the_batch_tier(
    instrumented: Telemetry, is_async: bool, beta: bool
) -> None:
    sdk = client(results, is_async)
    for _ in range(2):
        assert len(await fetched(sdk, is_async, beta=beta)) == 3
    first, second = instrumented.spans
    assert dict(first.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-5-20260301",
        "server.address": "api.anthropic.com",
        "anthropic.response.service_tier": "batch",
        "gen_ai.response.model": "claude-sonnet-5-20260301",
        "gen_ai.response.id": "msg_a",
        "gen_ai.response.finish_reasons": ("end_turn",),
        "spancost.service_tier": "batch",
        "gen_ai.usage.input_tokens": 240,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.cache_write.input_tokens": 30,
        "spancost.usage.cache_write_1h.input_tokens": 10,
        "gen_ai.usage.output_tokens": 25,
    }
    assert (second.attributes or {})["gen_ai.response.id"] == "msg_c"
    assert (second.attributes or {})["gen_ai.usage.output_tokens"] == 0
    assert instrumented.internal_errors == {}


async def test_results_are_what_the_bare_sdk_gives(telemetry: Telemetry, is_async: bool) -> None:
    sdk = client(results, is_async)
    bare = await fetched(sdk, is_async)
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        seen = await fetched(sdk, is_async)
    finally:
        spancost.uninstrument()
    assert [type(line) for line in seen] == [type(line) for line in bare]
    assert [line.model_dump() for line in seen] == [line.model_dump() for line in bare]


def test_a_result_is_paid_for_as_it_is_read_and_not_before(instrumented: Telemetry) -> None:
    decoder = client(results).messages.batches.results("msgbatch_1")
    assert instrumented.spans == []
    next(decoder)
    assert instrumented.attributes["gen_ai.response.id"] == "msg_a"
    decoder.close()


def test_results_that_are_read_as_bytes_count_too(instrumented: Telemetry) -> None:
    batches = client(results).messages.batches
    with batches.with_streaming_response.results("msgbatch_1") as response:
        assert b"".join(response.iter_bytes()).count(b"\n") == 3
    assert [(span.attributes or {})["gen_ai.response.id"] for span in instrumented.spans] == ["msg_a", "msg_c"]


def test_an_error_while_fetching_results_is_the_callers_and_no_call(instrumented: Telemetry) -> None:
    sdk = client(lambda _: httpx2.Response(404, json={"error": {"type": "not_found_error", "message": "no"}}))
    with pytest.raises(anthropic.NotFoundError):
        sdk.messages.batches.results("msgbatch_1")
    assert instrumented.spans == []


def test_creating_and_watching_a_batch_is_no_model_call(instrumented: Telemetry) -> None:
    sdk = client(results)
    sdk.messages.batches.create(
        requests=[{"custom_id": "a", "params": {"model": "claude-sonnet-5", "max_tokens": 1, "messages": []}}]
    )
    sdk.messages.batches.retrieve("msgbatch_1")
    assert instrumented.spans == []


async def test_each_turn_of_the_tool_runner_is_one_call(instrumented: Telemetry, is_async: bool) -> None:
    tool = {"type": "tool_use", "id": "toolu_1", "name": "temperature", "input": {"city": "Oslo"}}
    turns = [{**MESSAGE, "content": [tool], "stop_reason": "tool_use"}, {**MESSAGE, "id": "msg_2"}]

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=turns.pop(0))

    @anthropic.beta_tool
    def temperature(city: str) -> str:
        """Degrees in a city."""
        return f"4 in {city}"

    @anthropic.beta_async_tool(name="temperature")
    async def async_temperature(city: str) -> str:
        """Degrees in a city."""
        return f"4 in {city}"

    runner = client(answer, is_async).beta.messages.tool_runner(
        model="claude-sonnet-5",
        max_tokens=64,
        messages=[{"role": "user", "content": "How cold is it?"}],
        tools=[async_temperature if is_async else temperature],
    )
    assert len(await read(runner, is_async)) == 2
    assert [(span.attributes or {})["gen_ai.response.id"] for span in instrumented.spans] == ["msg_1", "msg_2"]


EVENTS: list[dict[str, Any]] = [
    {"id": "sevt_1", "type": "span.model_request_start", "processed_at": "2026-11-01T00:00:00Z"},
    {
        "id": "sevt_2",
        "type": "span.model_request_end",
        "model_request_start_id": "sevt_1",
        "processed_at": "2026-11-01T00:00:01Z",
        "model_usage": {
            "input_tokens": 10,
            "output_tokens": 25,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 200,
            "speed": "fast",
        },
    },
    {"id": "sevt_3", "type": "session.status_idle", "processed_at": "2026-11-01T00:00:02Z"},
]


def managed(request: httpx2.Request) -> httpx2.Response:
    """A server with one session of a managed agent."""
    path = request.url.path
    if path.endswith("/stream"):
        body = "".join(f"event: message\ndata: {json.dumps(event)}\n\n" for event in EVENTS)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    if path.endswith("/events"):
        return httpx2.Response(200, json={"data": EVENTS, "next_page": None})
    return httpx2.Response(
        200, json={"id": "session_1", "type": "session", "agent": {"model": {"id": "claude-opus-5"}}}
    )


async def test_each_model_request_of_a_managed_agent_is_paid_for_once(instrumented: Telemetry, is_async: bool) -> None:
    sdk = client(managed, is_async)
    sessions = sdk.beta.sessions
    (await sessions.retrieve("session_1")) if is_async else sessions.retrieve("session_1")
    stream = sessions.events.stream("session_1")
    await read(await stream if is_async else stream, is_async)
    listed = sessions.events.list("session_1")
    assert len((await listed if is_async else listed).data) == 3
    assert instrumented.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-opus-5",
        "gen_ai.response.model": "claude-opus-5",
        "gen_ai.response.id": "sevt_2",
        "gen_ai.conversation.id": "session_1",
        "server.address": "api.anthropic.com",
        "spancost.speed": "fast",
        "gen_ai.usage.input_tokens": 240,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.cache_write.input_tokens": 30,
        "gen_ai.usage.output_tokens": 25,
    }


def test_an_agents_request_of_an_unknown_session_counts_without_a_model(instrumented: Telemetry) -> None:
    client(managed).beta.sessions.events.list("session_1")
    assert "gen_ai.request.model" not in instrumented.attributes
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240


DREAM: dict[str, Any] = {
    "id": "drm_1",
    "type": "dream",
    "status": "completed",
    "session_id": "session_1",
    "model": {"id": "claude-opus-5"},
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "output_tokens": 25,
    },
}


def dreaming(dream: dict[str, Any]) -> Callable[[httpx2.Request], httpx2.Response]:
    """A server with this dream, and the session that it runs in."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/dreams"):
            return httpx2.Response(200, json={"data": [dream], "next_page": None})
        return httpx2.Response(200, json=dream) if "/dreams/" in request.url.path else managed(request)

    return answer


async def test_a_dream_is_paid_for_once_when_it_is_over(instrumented: Telemetry, is_async: bool) -> None:
    dreams = client(dreaming(DREAM), is_async).beta.dreams
    for _ in range(2):
        (await dreams.retrieve("drm_1")) if is_async else dreams.retrieve("drm_1")
    listed = dreams.list()
    assert len((await listed if is_async else listed).data) == 1
    assert instrumented.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-opus-5",
        "gen_ai.response.model": "claude-opus-5",
        "gen_ai.response.id": "drm_1",
        "gen_ai.conversation.id": "session_1",
        "server.address": "api.anthropic.com",
        "gen_ai.usage.input_tokens": 240,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.cache_write.input_tokens": 30,
        "gen_ai.usage.output_tokens": 25,
    }


def test_a_dream_that_goes_on_is_not_paid_for_yet(instrumented: Telemetry) -> None:
    client(dreaming({**DREAM, "status": "running"})).beta.dreams.retrieve("drm_1")
    assert instrumented.spans == []


@pytest.mark.parametrize(
    ("followed", "identifier"), [(True, "sevt_2"), (False, "drm_1")], ids=["events first", "dream first"]
)
def test_a_dream_and_the_events_of_its_session_are_paid_for_once(
    instrumented: Telemetry, followed: bool, identifier: str
) -> None:
    beta = client(dreaming(DREAM)).beta
    if followed:
        beta.sessions.events.list("session_1")
    beta.dreams.retrieve("drm_1")
    beta.sessions.events.list("session_1")
    assert instrumented.attributes["gen_ai.response.id"] == identifier


def test_a_completion_of_the_first_api_is_estimated(instrumented: Telemetry) -> None:
    completion = {
        "id": "compl_1",
        "type": "completion",
        "completion": "Hello there",
        "stop_reason": "stop_sequence",
        "model": "claude-2.1",
    }
    sdk = client(lambda _: httpx2.Response(200, json=completion))
    prompt = "\n\nHuman: Hi\n\nAssistant:"
    asked = {"model": "claude-2.1", "prompt": prompt, "max_tokens_to_sample": 8}
    assert sdk.post("/v1/complete", cast_to=object, body=asked) == completion
    attributes = instrumented.attributes
    assert instrumented.span.name == "text_completion claude-2.1"
    assert attributes["gen_ai.usage.input_tokens"] == 6  # 23 characters
    assert attributes["gen_ai.usage.output_tokens"] == 3  # 11 characters
    assert attributes["spancost.usage.estimated"] is True
