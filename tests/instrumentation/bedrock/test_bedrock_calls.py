"""Amazon Bedrock through botocore and aiobotocore: every promise for both, for Converse and for InvokeModel."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode

import spancost
from spancost.sdks import bedrock as bedrock_sdk
from spancost.sdks.bedrock import BedrockInstrumentor

from .driver import MODEL, PROMPT, switch_on

if TYPE_CHECKING:
    from ..bedrock_endpoint import Endpoint
    from ..conftest import Telemetry
    from .driver import Driver

SPAN: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "aws.bedrock",
    "gen_ai.request.model": MODEL,
    "gen_ai.response.finish_reasons": ("end_turn",),
    "server.address": "127.0.0.1",
    "aws.request_id": "req-1",
    "spancost.region": "eu-west-1",
    "spancost.service_tier": "priority",
    "spancost.speed": "optimized",
    "spancost.retries": 0,
    "gen_ai.usage.input_tokens": 240,  # 10 + 200 read + 30 written
    "gen_ai.usage.cache_read.input_tokens": 200,
    "gen_ai.usage.cache_write.input_tokens": 30,
    "spancost.usage.cache_write_1h.input_tokens": 10,
    "gen_ai.usage.output_tokens": 25,
}
RESPONSE_IDS = {"converse": "req-1", "invoke": "msg_bdrk_1"}


def comparable(answer: Any) -> Any:
    """An answer without what differs from call to call by itself."""
    headers = {name: value for name, value in answer["ResponseMetadata"]["HTTPHeaders"].items() if name != "date"}
    return {**answer, "ResponseMetadata": {**answer["ResponseMetadata"], "HTTPHeaders": headers}}


async def test_a_plain_call_returns_what_the_bare_sdk_returns(driver: Driver, telemetry: Telemetry) -> None:
    bare = await driver.plain()
    switch_on(telemetry)
    try:
        seen = await driver.plain()
    finally:
        BedrockInstrumentor().uninstrument()
    assert comparable(seen) == comparable(bare)
    assert type(seen) is type(bare)
    assert len(telemetry.spans) == 1


async def test_a_stream_yields_what_the_bare_sdk_yields(driver: Driver, telemetry: Telemetry) -> None:
    stream = await driver.stream()
    kind, bare = cast("type[object]", type(stream)), await driver.rest(driver.events(stream))
    switch_on(telemetry)
    try:
        stream = await driver.stream()
        seen = await driver.rest(driver.events(stream))
    finally:
        BedrockInstrumentor().uninstrument()
    assert seen == bare
    assert isinstance(stream, kind)
    assert len(telemetry.spans) == 1


async def test_a_plain_call_is_one_client_span_with_everything_it_cost(
    driver: Driver, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    await driver.plain()
    attributes = dict(instrumented.attributes)
    assert endpoint.url.endswith(f":{attributes.pop('server.port')}")
    assert attributes == {**SPAN, "gen_ai.response.id": RESPONSE_IDS[driver.api]}
    assert instrumented.span.name == f"chat {MODEL}"
    assert instrumented.span.kind is SpanKind.CLIENT
    assert instrumented.span.status.status_code is StatusCode.UNSET
    assert instrumented.internal_errors == {}


async def test_a_stream_is_one_span_with_the_same_figures_and_the_time_to_its_first_chunk(
    driver: Driver, instrumented: Telemetry
) -> None:
    await driver.rest(driver.events(await driver.stream()))
    attributes = dict(instrumented.attributes)
    del attributes["server.port"]
    assert 0 < attributes.pop("gen_ai.response.time_to_first_chunk") < 60
    assert attributes == {**SPAN, "gen_ai.response.id": RESPONSE_IDS[driver.api], "gen_ai.request.stream": True}
    assert instrumented.span.status.status_code is StatusCode.UNSET
    assert instrumented.internal_errors == {}


@pytest.mark.usefixtures("instrumented")
async def test_an_event_is_handed_on_before_the_next_one_arrives(driver: Driver, endpoint: Endpoint) -> None:
    endpoint.stalls = True
    stream = await driver.stream()
    events = driver.events(stream)
    async with asyncio.timeout(5):
        assert await driver.one(events) is not None
    assert not endpoint.released.is_set()
    stream.close()


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_a_provider_error_reaches_the_caller_and_marks_the_span(
    driver: Driver, instrumented: Telemetry, endpoint: Endpoint, streamed: bool
) -> None:
    endpoint.failures = [400]
    with pytest.raises(driver.client.exceptions.ValidationException):
        await (driver.stream() if streamed else driver.plain())
    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert instrumented.attributes["error.type"] == "botocore.errorfactory.ValidationException"
    assert not any("usage" in name for name in instrumented.attributes)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
async def test_retries_are_counted_on_the_one_span_of_the_call(
    driver: Driver, instrumented: Telemetry, endpoint: Endpoint, streamed: bool
) -> None:
    endpoint.failures = [503, 503]
    if streamed:
        await driver.rest(driver.events(await driver.stream()))
    else:
        await driver.plain()
    assert len(endpoint.requests) == 3
    assert instrumented.attributes["spancost.retries"] == 2
    assert instrumented.span.status.status_code is StatusCode.UNSET


async def test_neither_prompt_nor_answer_is_recorded_and_nothing_is_sent_along(
    driver: Driver, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    with spancost.attribution(feature="secret-feature", user="secret-user"):
        await driver.plain()
        await driver.rest(driver.events(await driver.stream()))
    for span in instrumented.spans:
        assert PROMPT not in span.to_json()
        assert "Hello" not in span.to_json()
        assert (span.attributes or {})["spancost.feature"] == "secret-feature"
    for path, headers, body in endpoint.requests:
        assert "traceparent" not in headers
        assert "secret-" not in f"{path} {headers} {body!r}"


async def test_suppressed_code_makes_no_spans_and_works(driver: Driver, instrumented: Telemetry) -> None:
    with suppress_instrumentation():
        await driver.plain()
        assert len(await driver.rest(driver.events(await driver.stream()))) == 6
    assert instrumented.spans == []


async def test_a_broken_extractor_changes_nothing_and_is_counted(
    driver: Driver, instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def add(self, part: object) -> None:
            raise RuntimeError("a bug in an extractor")

        def answer(self) -> Any:
            raise RuntimeError("a bug in an extractor")

    operation = bedrock_sdk.Operation(lambda _, __: "chat", lambda _, __: Broken(), lambda _: None, stream=False)
    monkeypatch.setattr(bedrock_sdk, "OPERATIONS", dict.fromkeys(bedrock_sdk.OPERATIONS, operation))
    answer = await driver.plain()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(await driver.rest(driver.events(await driver.stream()))) == 6
    assert len(instrumented.spans) == 2
    assert instrumented.internal_errors["reading an answer"] >= 4


def test_switching_off_restores_every_patched_function(telemetry: Telemetry) -> None:
    def patched() -> list[Any]:
        found: list[Any] = []
        for patch in BedrockInstrumentor.patches:
            owner, name = patch.name.split(".")
            found.append(vars(getattr(importlib.import_module(patch.module), owner))[name])
        return found

    before = patched()
    switch_on(telemetry)
    during = patched()
    BedrockInstrumentor().uninstrument()
    assert not any(one is other for one, other in zip(before, during, strict=True))
    assert all(one is other for one, other in zip(before, patched(), strict=True))
