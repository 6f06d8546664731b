"""What holds for every SDK, sync and async: the app gets what it would get without us, and each call is one span."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

import spancost

from .drivers import DRIVERS, PROMPT, Driver

if TYPE_CHECKING:
    from .conftest import Telemetry
    from .provider import Provider

PLAIN: dict[str, dict[str, Any]] = {
    "openai": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "server.address": "api.openai.com",
        "openai.api.type": "chat_completions",
        "openai.response.service_tier": "default",
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "spancost.service_tier": "default",
        "spancost.retries": 0,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.audio.input_tokens": 0,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 8,
    },
    "anthropic": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-5",
        "server.address": "api.anthropic.com",
        "anthropic.response.service_tier": "standard",
        "gen_ai.response.model": "claude-sonnet-5-20260301",
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.finish_reasons": ("end_turn",),
        "spancost.service_tier": "standard",
        "spancost.retries": 0,
        "gen_ai.usage.input_tokens": 240,  # 10 + 200 read + 30 written
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.cache_write.input_tokens": 30,
        "spancost.usage.cache_write_1h.input_tokens": 10,
        "gen_ai.usage.output_tokens": 25,
    },
    "google": {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-flash",
        "server.address": "generativelanguage.googleapis.com",
        "gen_ai.response.model": "gemini-2.5-flash",
        "gen_ai.response.id": "resp-1",
        "gen_ai.response.finish_reasons": ("STOP",),
        "spancost.service_tier": "standard",
        "spancost.retries": 0,
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.usage.output_tokens": 17,  # 12 shown + 5 thought
        "gen_ai.usage.reasoning.output_tokens": 5,
    },
    "mistral": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.request.model": "mistral-medium-latest",
        "server.address": "api.mistral.ai",
        "gen_ai.response.model": "mistral-medium-2508",
        "gen_ai.response.id": "cmpl-mistral-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "spancost.service_tier": "priority",
        "spancost.retries": 0,
        "gen_ai.usage.input_tokens": 80,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.output_tokens": 18,
    },
    "cohere": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "cohere",
        "gen_ai.request.model": "command-a-03-2025",
        "server.address": "api.cohere.com",
        "gen_ai.response.id": "cohere-1",
        "gen_ai.response.finish_reasons": ("COMPLETE",),
        "spancost.retries": 0,
        "gen_ai.usage.input_tokens": 7,  # billed; 500 were consumed, 448 of them from the cache
        "gen_ai.usage.output_tokens": 22,
    },
}
ERRORS = {
    "openai": "openai.BadRequestError",
    "anthropic": "anthropic.BadRequestError",
    "google": "google.genai.errors.ClientError",
    "mistral": "mistralai.client.errors.sdkerror.SDKError",
    "cohere": "cohere.errors.bad_request_error.BadRequestError",
}


@pytest.fixture(params=DRIVERS)
def sdk(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def driver(sdk: str, provider: Provider) -> Driver:
    return DRIVERS[sdk](provider)


@pytest.fixture
def expected(sdk: str) -> dict[str, Any]:
    return dict(PLAIN[sdk.removesuffix("-async")])


def comparable(answer: Any) -> Any:
    """An answer without what differs from call to call by itself."""
    return answer.model_dump(exclude={"sdk_http_response", "parsed", "automatic_function_calling_history"})


async def read(driver: Driver) -> None:
    """A streamed call, read to its end."""
    await driver.rest(await driver.stream())


async def loop_turns() -> None:
    """The event loop closes async generators that were dropped, one inside the other, in its own time."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_plain_call_returns_what_the_bare_sdk_returns(driver: Driver, telemetry: Telemetry) -> None:
    bare = await driver.plain()
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        seen = await driver.plain()
    finally:
        spancost.uninstrument()
    assert type(seen) is type(bare)
    assert comparable(seen) == comparable(bare)
    assert len(telemetry.spans) == 1


async def test_a_stream_yields_what_the_bare_sdk_yields(driver: Driver, telemetry: Telemetry) -> None:
    bare = [comparable(chunk) for chunk in await driver.rest(await driver.stream())]
    spancost.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        stream = await driver.stream()
        seen = [comparable(chunk) for chunk in await driver.rest(stream)]
    finally:
        spancost.uninstrument()
    assert seen == bare
    assert driver.stream_type is None or isinstance(stream, driver.stream_type)
    assert len(telemetry.spans) == 1


async def test_a_plain_call_is_one_client_span_with_everything_it_cost(
    driver: Driver, instrumented: Telemetry, expected: dict[str, Any]
) -> None:
    await driver.plain()
    span = instrumented.span
    assert instrumented.attributes == expected
    assert span.name == f"{expected['gen_ai.operation.name']} {expected['gen_ai.request.model']}"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert instrumented.internal_errors == {}


async def test_a_stream_is_one_span_with_the_same_figures_and_the_time_to_its_first_chunk(
    driver: Driver, instrumented: Telemetry, expected: dict[str, Any]
) -> None:
    await driver.rest(await driver.stream())
    attributes = dict(instrumented.attributes)
    assert 0 < attributes.pop("gen_ai.response.time_to_first_chunk") < 60
    assert attributes == {**expected, "gen_ai.request.stream": True}
    assert instrumented.span.status.status_code is StatusCode.UNSET


async def test_a_chunk_is_handed_on_before_the_next_one_arrives(provider: Provider, instrumented: Telemetry) -> None:
    provider.stalls = True
    for name in ("openai-async", "anthropic-async", "google-async", "mistral-async", "cohere-async"):
        driver: Driver = DRIVERS[name](provider)
        stream = await driver.stream()
        async with asyncio.timeout(5):
            assert await driver.one(stream) is not None
        await driver.close(stream)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_a_provider_error_reaches_the_caller_and_marks_the_span(
    driver: Driver, instrumented: Telemetry, provider: Provider, sdk: str, streamed: bool
) -> None:
    provider.failures = [400]
    with pytest.raises(driver.error):
        await (read(driver) if streamed else driver.plain())
    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert instrumented.attributes["error.type"] == ERRORS[sdk.removesuffix("-async")]
    assert not any("usage" in name for name in instrumented.attributes)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_retries_are_counted_on_the_one_span_of_the_call(
    driver: Driver, instrumented: Telemetry, provider: Provider, streamed: bool
) -> None:
    if streamed and not driver.retries_streams:
        pytest.skip("the SDK asks for a stream once")
    provider.failures = [503, 503]
    await (read(driver) if streamed else driver.plain())
    assert len(provider.requests) == 3
    assert instrumented.attributes["spancost.retries"] == 2
    assert instrumented.span.status.status_code is StatusCode.UNSET


async def test_retries_of_a_call_that_fails_in_the_end_are_counted_as_well(
    driver: Driver, instrumented: Telemetry, provider: Provider
) -> None:
    provider.failures = [503, 503, 400]
    with pytest.raises(Exception, match=r".+"):
        await driver.plain()
    assert len(provider.requests) == 3
    assert instrumented.attributes["spancost.retries"] == 2
    assert instrumented.span.status.status_code is StatusCode.ERROR


async def test_a_stream_that_is_closed_early_ends_its_span_without_an_error(
    driver: Driver, instrumented: Telemetry
) -> None:
    stream = await driver.stream()
    await driver.one(stream)
    assert instrumented.spans == []
    await driver.close(stream)
    await loop_turns()
    assert instrumented.span.status.status_code is StatusCode.UNSET
    assert "error.type" not in instrumented.attributes


async def test_a_stream_that_is_dropped_ends_its_span(driver: Driver, instrumented: Telemetry) -> None:
    stream = await driver.stream()
    await driver.one(stream)
    del stream
    gc.collect()
    await loop_turns()
    assert instrumented.span.status.status_code is StatusCode.UNSET


async def test_a_callers_error_in_the_middle_of_a_stream_is_not_the_calls_error(
    driver: Driver, instrumented: Telemetry
) -> None:
    stream = await driver.stream()

    async def handle_chunks() -> None:
        try:
            await driver.one(stream)
            raise LookupError("of the caller")
        finally:
            await driver.close(stream)

    with pytest.raises(LookupError, match="of the caller"):
        await handle_chunks()
    await loop_turns()
    assert instrumented.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("name", ["openai-async", "anthropic-async", "google-async", "mistral-async", "cohere-async"])
async def test_a_cancelled_stream_ends_its_span_and_stays_cancelled(
    name: str, provider: Provider, instrumented: Telemetry
) -> None:
    provider.stalls = True
    driver: Driver = DRIVERS[name](provider)
    task = asyncio.create_task(driver.rest(await driver.stream()))
    while len(provider.requests) == 0:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gc.collect()
    await loop_turns()
    assert instrumented.attributes["error.type"] == "asyncio.exceptions.CancelledError"


async def test_neither_prompt_nor_answer_is_recorded(driver: Driver, instrumented: Telemetry) -> None:
    await driver.plain()
    await driver.rest(await driver.stream())
    for span in instrumented.spans:
        assert PROMPT not in span.to_json()
        assert "Hello" not in span.to_json()


async def test_nothing_about_who_pays_leaves_the_process(
    driver: Driver, instrumented: Telemetry, provider: Provider
) -> None:
    with spancost.attribution(feature="secret-feature", user="secret-user"):
        await driver.plain()
        await driver.rest(await driver.stream())
    for request in provider.requests:
        assert "baggage" not in request.headers
        assert "traceparent" not in request.headers
        assert "secret-" not in str(request.headers) + str(request.url) + request.content.decode()


async def test_a_call_inside_a_span_is_its_child(driver: Driver, instrumented: Telemetry) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("request") as parent:
        await driver.rest(await driver.stream())
        with tracer.start_as_current_span("afterwards"):
            pass
    call, afterwards, _ = instrumented.spans
    assert call.parent is not None
    assert call.parent.span_id == parent.get_span_context().span_id
    assert afterwards.parent is not None
    assert afterwards.parent.span_id == parent.get_span_context().span_id


@pytest.mark.parametrize("name", ["openai", "openai-async", "anthropic", "anthropic-async"])
async def test_a_stream_is_copied_as_without_us(name: str, provider: Provider, instrumented: Telemetry) -> None:
    driver: Driver = DRIVERS[name](provider)
    stream = await driver.stream()
    copied = copy.copy(stream)
    for refused in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            refused(stream)
    del stream
    gc.collect()
    assert instrumented.spans == []
    assert len(await driver.rest(copied)) > 0
    assert instrumented.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("name", ["openai", "openai-async", "anthropic", "anthropic-async"])
async def test_a_stream_is_shown_as_without_us(name: str, provider: Provider, instrumented: Telemetry) -> None:
    stream = await DRIVERS[name](provider).stream()
    assert repr(stream).startswith(f"<{name.removesuffix('-async')}.{'Async' if 'async' in name else ''}Stream object")


@pytest.mark.parametrize("name", ["openai", "openai-async", "anthropic", "anthropic-async"])
async def test_a_stream_is_read_on_when_a_copy_of_it_is_dropped(
    name: str, provider: Provider, instrumented: Telemetry
) -> None:
    driver: Driver = DRIVERS[name](provider)
    stream = await driver.stream()
    copied = copy.copy(stream)
    del copied
    gc.collect()
    assert instrumented.spans == []
    assert len(await driver.rest(stream)) > 0
    assert "spancost.usage.estimated" not in instrumented.attributes


def test_a_call_whose_coroutine_is_closed_from_elsewhere_says_nothing_in_the_log(
    provider: Provider, instrumented: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.get_running_loop().create_future()

    driver: Any = DRIVERS["openai-async"](provider)
    driver.client._client.send = never
    asking = driver.ask()
    loop = asyncio.new_event_loop()
    inside = contextvars.copy_context()
    task = loop.create_task(asking, context=inside)
    loop.run_until_complete(asyncio.sleep(0.01))
    asking.close()
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    assert [record.getMessage() for record in caplog.records if "opentelemetry" in record.name] == []
    assert instrumented.span.name == "chat gpt-5"
