"""The Interactions API: each request is one call, whether it is streamed, continued, or left to run by itself."""

from __future__ import annotations

import asyncio
import gc
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx2
import pytest
from google import genai
from google.genai import types
from opentelemetry.trace import StatusCode

import spancost

from .older import transports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from .conftest import Telemetry

# The SDK says of the whole API that it is experimental.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:google.genai", "ignore:.*experimental.*")

MODEL = "gemini-2.5-flash"
USAGE = {
    "total_tokens": 1983,
    "total_input_tokens": 22,
    "input_tokens_by_modality": [{"modality": "text", "tokens": 12}, {"modality": "audio", "tokens": 10}],
    "total_cached_tokens": 0,
    "total_output_tokens": 590,
    "total_tool_use_tokens": 198,
    "total_thought_tokens": 1173,
    "grounding_tool_count": [{"type": "google_search", "count": 2}, {"type": "google_maps", "count": 1}],
}
OPEN: dict[str, Any] = {"id": "v1_a", "status": "in_progress", "object": "interaction", "model": MODEL}
DONE: dict[str, Any] = {**OPEN, "status": "completed", "service_tier": "flex", "usage": USAGE, "steps": []}
FIGURES: dict[str, Any] = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": MODEL,
    "server.address": "generativelanguage.googleapis.com",
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": "v1_a",
    "gen_ai.response.finish_reasons": ("completed",),
    "spancost.service_tier": "flex",
    "spancost.retries": 0,
    "gen_ai.usage.input_tokens": 220,  # 22 + 198 of tools
    "gen_ai.usage.audio.input_tokens": 10,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "gen_ai.usage.output_tokens": 1763,  # 590 + 1173 thought
    "gen_ai.usage.reasoning.output_tokens": 1173,
    "spancost.usage.web_searches": 2,
}


def events(interaction: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"interaction": {**OPEN, "id": interaction["id"]}, "event_type": "interaction.created"},
        {"index": 0, "step": {"type": "model_output"}, "event_type": "step.start"},
        {"index": 0, "delta": {"type": "text", "text": "Hello there"}, "event_type": "step.delta"},
        {"index": 0, "event_type": "step.stop"},
        {"interaction": interaction, "event_type": "interaction.completed"},
    ]


@dataclass
class Service:
    """Answers one request after the other with the given interactions; the last one stays."""

    answers: list[dict[str, Any]] = field(default_factory=lambda: [DONE])
    failures: list[int] = field(default_factory=list[int])
    stalls: bool = False
    requests: int = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        if self.failures:
            return httpx2.Response(self.failures.pop(0), json={"error": {"code": 1, "message": "no"}})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        streamed = json.loads(request.content or b"{}").get("stream") or "stream=true" in str(request.url)
        if streamed:
            body = Sse(events(answer), stalls=self.stalls)
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)
        return httpx2.Response(200, json=answer)

    def client(self) -> Any:
        http = types.HttpOptions(
            **transports(self),
            retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.001, jitter=0),
        )
        return genai.Client(api_key="key", http_options=http)


class Sse(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    def __init__(self, events: list[dict[str, Any]], *, stalls: bool) -> None:
        self._events = [f"event: {event['event_type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
        self._events.append(b"event: done\ndata: [DONE]\n\n")
        self._stalls = stalls

    def __iter__(self) -> Iterator[bytes]:
        yield from self._events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for position, event in enumerate(self._events):
            if self._stalls and position == 1:
                await asyncio.Event().wait()
            yield event

    async def aclose(self) -> None:
        """Nothing is held."""


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return request.param


async def create(service: Service, is_async: bool, **options: Any) -> Any:
    asked: dict[str, Any] = {"model": MODEL, "input": "a secret prompt", **options}
    sdk = service.client()
    return await sdk.aio.interactions.create(**asked) if is_async else sdk.interactions.create(**asked)


async def rest(stream: Any, is_async: bool) -> list[Any]:
    return [event async for event in stream] if is_async else list(stream)


async def test_an_interaction_is_one_span_with_everything_it_cost(
    service: Service, instrumented: Telemetry, is_async: bool
) -> None:
    await create(service, is_async)
    assert instrumented.attributes == FIGURES
    assert "secret" not in instrumented.span.to_json()
    assert instrumented.internal_errors == {}


async def test_a_streamed_one_has_the_same_figures(service: Service, instrumented: Telemetry, is_async: bool) -> None:
    await rest(await create(service, is_async, stream=True), is_async)
    attributes = dict(instrumented.attributes)
    assert 0 < attributes.pop("gen_ai.response.time_to_first_chunk") < 60
    assert attributes == {**FIGURES, "gen_ai.request.stream": True}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_the_caller_gets_what_the_bare_sdk_gives(
    service: Service, telemetry: Telemetry, is_async: bool, streamed: bool
) -> None:
    async def make() -> tuple[type[Any], list[Any]]:
        result = await create(service, is_async, stream=streamed)
        parts = await rest(result, is_async) if streamed else [result]
        return cast("type[Any]", result.__class__), [part.model_dump() for part in parts]

    bare = await make()
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        seen = await make()
    finally:
        spancost.uninstrument()
    assert seen == bare
    assert len(telemetry.spans) == 1


async def test_a_provider_error_reaches_the_caller_and_marks_the_span(
    service: Service, instrumented: Telemetry, is_async: bool
) -> None:
    service.failures = [400]
    with pytest.raises(Exception, match="no") as error:
        await create(service, is_async)
    kind = type(error.value)
    assert instrumented.attributes["error.type"] == f"{kind.__module__}.{kind.__qualname__}"
    assert instrumented.span.status.status_code is StatusCode.ERROR


async def test_retries_are_counted_on_the_one_span(service: Service, instrumented: Telemetry, is_async: bool) -> None:
    service.failures = [503, 503]
    await create(service, is_async)
    assert instrumented.attributes["spancost.retries"] == 2


@pytest.mark.parametrize("continued", [False, True], ids=["one request", "continuing"])
async def test_a_stream_that_is_closed_early_ends_its_span_with_an_estimate(
    service: Service, instrumented: Telemetry, is_async: bool, continued: bool
) -> None:
    stream = await create(service, is_async, stream=True, automatic_continuation=continued)
    for _ in range(3):
        await anext(stream) if is_async else next(stream)
    assert instrumented.spans == []
    await stream.close() if is_async else stream.close()
    assert instrumented.span.status.status_code is StatusCode.UNSET
    assert instrumented.attributes["spancost.usage.estimated"] is True
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 4  # 15 characters
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 3  # 11 characters


def test_a_stream_that_is_dropped_ends_its_span(service: Service, instrumented: Telemetry) -> None:
    stream = service.client().interactions.create(model=MODEL, input="Hi", stream=True)
    next(stream)
    del stream
    gc.collect()
    assert instrumented.span.status.status_code is StatusCode.UNSET


async def test_a_cancelled_stream_ends_its_span_and_stays_cancelled(service: Service, instrumented: Telemetry) -> None:
    service.stalls = True
    stream = await create(service, True, stream=True)
    await anext(stream)
    task = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert instrumented.attributes["error.type"] == "asyncio.exceptions.CancelledError"


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_each_hop_of_a_continued_interaction_is_paid_for_and_is_a_call(
    service: Service, instrumented: Telemetry, is_async: bool, streamed: bool
) -> None:
    first = {
        **DONE,
        "status": "requires_continuation",
        "continuation_token": "more",
        "usage": {"total_input_tokens": 10, "total_output_tokens": 4},
    }
    last = {**DONE, "id": "v1_b", "usage": {"total_input_tokens": 14, "total_output_tokens": 6}}
    service.answers = [first, last]
    result = await create(service, is_async, stream=streamed)
    if streamed:
        await rest(result, is_async)
    else:
        assert result.usage.total_input_tokens == 24  # the SDK adds up; we do not
    figures = [
        (
            (span.attributes or {})["gen_ai.response.id"],
            (span.attributes or {})["gen_ai.usage.input_tokens"],
            (span.attributes or {})["gen_ai.usage.output_tokens"],
        )
        for span in instrumented.spans
    ]
    assert figures == [("v1_a", 10, 4), ("v1_b", 14, 6)]


async def test_what_runs_in_the_background_is_paid_for_when_its_answer_is_first_seen(
    service: Service, instrumented: Telemetry, is_async: bool
) -> None:
    service.answers = [OPEN, OPEN, DONE]
    sdk = service.client()
    resource = sdk.aio.interactions if is_async else sdk.interactions
    asked: dict[str, Any] = {"model": MODEL, "input": "Hi", "background": True}
    (await resource.create(**asked)) if is_async else resource.create(**asked)
    for _ in range(3):
        (await resource.get("v1_a")) if is_async else resource.get("v1_a")
    asked_for, answered = instrumented.spans
    # The receiver takes the first for what it is: no call, and nothing that lacks a price.
    assert (asked_for.attributes or {})["gen_ai.operation.name"] == "fetch_response"
    assert not any("usage" in name for name in asked_for.attributes or {})
    expected = {name: value for name, value in FIGURES.items() if name != "spancost.retries"}
    assert dict(answered.attributes or {}) == expected


async def test_a_background_answer_that_is_streamed_later_is_paid_for_once(
    service: Service, instrumented: Telemetry, is_async: bool
) -> None:
    service.answers = [OPEN, DONE]
    sdk = service.client()
    resource = sdk.aio.interactions if is_async else sdk.interactions
    asked: dict[str, Any] = {"model": MODEL, "input": "Hi", "background": True}
    (await resource.create(**asked)) if is_async else resource.create(**asked)
    for _ in range(2):
        stream = resource.get("v1_a", stream=True)
        assert len(await rest(await stream if is_async else stream, is_async)) == 5
    assert len(instrumented.spans) == 2
    assert (instrumented.spans[1].attributes or {})["gen_ai.usage.output_tokens"] == 1763


async def test_what_was_cancelled_in_the_background_is_paid_for_as_far_as_it_came(
    service: Service, instrumented: Telemetry, is_async: bool
) -> None:
    service.answers = [OPEN, {**DONE, "status": "cancelled"}]
    sdk = service.client()
    resource = sdk.aio.interactions if is_async else sdk.interactions
    asked: dict[str, Any] = {"model": MODEL, "input": "Hi", "background": True}
    (await resource.create(**asked)) if is_async else resource.create(**asked)
    (await resource.cancel("v1_a")) if is_async else resource.cancel("v1_a")
    (await resource.get("v1_a")) if is_async else resource.get("v1_a")
    asked_for, cancelled = instrumented.spans
    assert (asked_for.attributes or {})["gen_ai.operation.name"] == "fetch_response"
    assert (cancelled.attributes or {})["gen_ai.response.finish_reasons"] == ("cancelled",)
    assert (cancelled.attributes or {})["gen_ai.usage.output_tokens"] == 1763


def test_looking_at_an_interaction_again_is_free(service: Service, instrumented: Telemetry) -> None:
    sdk = service.client()
    sdk.interactions.create(model=MODEL, input="Hi")
    sdk.interactions.get("v1_a")
    service.answers = [{**DONE, "id": "v1_of_another_process"}]
    sdk.interactions.get("v1_of_another_process")
    assert len(instrumented.spans) == 1


def test_an_agents_answer_is_paid_for_wherever_it_was_started(service: Service, instrumented: Telemetry) -> None:
    agent = "deep-research-preview-04-2026"
    service.answers = [{**{name: value for name, value in DONE.items() if name != "model"}, "agent": agent}]
    sdk = service.client()
    sdk.interactions.get("v1_a")
    sdk.interactions.get("v1_a")
    assert instrumented.span.name == f"generate_content {agent}"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 220


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_a_raw_response_is_read_as_it_is_parsed(
    service: Service, instrumented: Telemetry, is_async: bool, streamed: bool
) -> None:
    sdk = service.client()
    raw = (sdk.aio.interactions if is_async else sdk.interactions).with_raw_response
    asked: dict[str, Any] = {"model": MODEL, "input": "Hi", "stream": streamed}
    response = await raw.create(**asked) if is_async else raw.create(**asked)
    parsed = response.parse()
    parsed = await parsed if is_async else parsed
    if streamed:
        assert len(await rest(parsed, is_async)) == 5
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 1763


async def test_a_decision_is_a_call(service: Service, instrumented: Telemetry, is_async: bool) -> None:
    service.answers = [{"answers": {}, "usage": USAGE}]
    sdk = service.client()
    asked: dict[str, Any] = {"model": MODEL, "input": "Is it?", "questions": {}}
    (await sdk.aio.decisions.create(**asked)) if is_async else sdk.decisions.create(**asked)
    assert instrumented.span.name == f"generate_content {MODEL}"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 220
