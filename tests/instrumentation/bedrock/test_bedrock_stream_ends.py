"""A Bedrock stream that is closed, dropped, left, cancelled or broken off is one span, with what is known of it."""

from __future__ import annotations

import asyncio
import gc
import importlib
from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import StatusCode

from ..bedrock_endpoint import CONVERSE_EVENTS, MESSAGE_CHUNKS, Endpoint, chunk, event, failure
from .driver import Driver, aws, settings

if TYPE_CHECKING:
    from ..conftest import Telemetry


async def test_a_stream_that_is_closed_early_is_no_error_and_its_output_is_estimated(
    driver: Driver, instrumented: Telemetry
) -> None:
    stream = await driver.stream()
    events = driver.events(stream)
    for _ in range(3):
        await driver.one(events)
    assert instrumented.spans == []
    stream.close()
    attributes = instrumented.attributes
    assert instrumented.span.status.status_code is StatusCode.UNSET
    assert attributes["spancost.usage.estimated"] is True
    assert attributes["gen_ai.usage.output_tokens"] == 3  # "Hello there": 11 characters
    # The prompt of 15 characters and its role; Anthropic's first event reports the real figure.
    assert attributes["gen_ai.usage.input_tokens"] == (5 if driver.api == "converse" else 240)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the connection is dropped with the stream
async def test_a_stream_that_is_dropped_ends_its_span(driver: Driver, instrumented: Telemetry) -> None:
    stream = await driver.stream()
    events = driver.events(stream)
    await driver.one(events)
    assert instrumented.spans == []
    del stream, events
    for _ in range(3):  # the event loop closes async generators that were dropped in its own time
        gc.collect()
        await asyncio.sleep(0)
    assert instrumented.span.status.status_code is StatusCode.UNSET
    assert "error.type" not in instrumented.attributes


async def test_a_loop_that_is_left_and_taken_up_again_still_finds_the_usage(
    driver: Driver, instrumented: Telemetry
) -> None:
    stream = await driver.stream()
    await driver.one(driver.events(stream))
    gc.collect()
    await asyncio.sleep(0)  # the event loop closes the async generator that was left
    assert instrumented.spans == []
    await driver.rest(driver.events(stream))
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240


async def test_a_callers_error_in_the_middle_of_a_stream_is_not_the_calls_error(
    driver: Driver, instrumented: Telemetry
) -> None:
    stream = await driver.stream()

    async def handle_events() -> None:
        try:
            await driver.one(driver.events(stream))
            raise LookupError("of the caller")
        finally:
            stream.close()

    with pytest.raises(LookupError, match="of the caller"):
        await handle_events()
    assert instrumented.span.status.status_code is StatusCode.UNSET


async def test_an_error_event_reaches_the_caller_and_marks_the_span(
    driver: Driver, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    usual = event(*CONVERSE_EVENTS[1]) if driver.api == "converse" else chunk(MESSAGE_CHUNKS[0])
    endpoint.events = [usual, failure("throttlingException", "slow down")]
    stream = await driver.stream()
    events = driver.events(stream)
    await driver.one(events)
    with pytest.raises(importlib.import_module("botocore.exceptions").EventStreamError):
        await driver.one(events)
    stream.close()
    assert instrumented.attributes["error.type"] == "botocore.exceptions.EventStreamError"
    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert instrumented.attributes["spancost.usage.estimated"] is True


@pytest.mark.parametrize("api", ["converse", "invoke"])
async def test_a_cancelled_stream_ends_its_span_and_stays_cancelled(
    api: str, endpoint: Endpoint, instrumented: Telemetry
) -> None:
    endpoint.stalls = True
    async with aws("aiobotocore").create_client("bedrock-runtime", **settings(endpoint)) as client:
        driver = Driver(client, api)
        stream = await driver.stream()
        task = asyncio.create_task(driver.rest(driver.events(stream)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stream.close()
    assert instrumented.attributes["error.type"] == "asyncio.exceptions.CancelledError"
