"""Amazon Bedrock through botocore and aiobotocore: every promise for both, for Converse and for InvokeModel."""

from __future__ import annotations

import asyncio
import gc
import importlib
import io
import json
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry import context as otel
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode

import spancost
from spancost.sdks import bedrock as bedrock_sdk
from spancost.sdks.bedrock import BedrockInstrumentor

from .bedrock_endpoint import (
    CONVERSE_EVENTS,
    CONVERSED,
    MESSAGE,
    MESSAGE_CHUNKS,
    Endpoint,
    chunk,
    event,
    failure,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from .conftest import Telemetry

MODEL = "eu.anthropic.claude-sonnet-5-v1:0"
PROMPT = "a secret prompt"
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


@cache
def aws(package: str) -> Any:
    """A session of botocore or aiobotocore; it keeps what it reads from disk."""
    return importlib.import_module(f"{package}.session").get_session()


def settings(endpoint: Endpoint) -> dict[str, Any]:
    config: Any = importlib.import_module("aiobotocore.config").AioConfig
    return {
        "region_name": "eu-west-1",
        "endpoint_url": endpoint.url,
        "aws_access_key_id": "id",
        "aws_secret_access_key": "key",
        "config": config(retries={"mode": "standard", "max_attempts": 3}, read_timeout=10),
    }


class Driver:
    """One API through one client; every method is a coroutine, one of a sync client just never waits."""

    def __init__(self, client: Any, api: str) -> None:
        self.client = client
        self.api = api
        self.is_async = type(client).__mro__[1].__name__ == "AioBaseClient"
        self.member = "stream" if api == "converse" else "body"

    async def call(self, operation: str, **parameters: Any) -> Any:
        result = getattr(self.client, operation)(**parameters)
        return await result if self.is_async else result

    async def plain(self) -> Any:
        """The answer, its body read."""
        if self.api == "converse":
            return await self.call("converse", **self.parameters())
        answer = await self.call("invoke_model", **self.parameters())
        read = answer["body"].read()
        return {**answer, "body": await read if self.is_async else read}

    async def stream(self) -> Any:
        """An open stream."""
        operation = "converse_stream" if self.api == "converse" else "invoke_model_with_response_stream"
        return (await self.call(operation, **self.parameters()))[self.member]

    def parameters(self) -> dict[str, Any]:
        if self.api == "converse":
            return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": PROMPT}]}]}
        return {"modelId": MODEL, "body": json.dumps({"messages": [{"role": "user", "content": PROMPT}]})}

    def events(self, stream: Any) -> Any:
        return aiter(stream) if self.is_async else iter(stream)

    async def one(self, events: Any) -> Any:
        return await anext(events) if self.is_async else next(events)

    async def rest(self, events: Any) -> list[Any]:
        return [event async for event in events] if self.is_async else list(events)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as endpoint:
        yield endpoint


def _at_once(*_: object) -> int:
    """How long to wait before a retry."""
    return 0


@pytest.fixture
def instrumented(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", _at_once)
    switch_on(telemetry)
    yield telemetry
    BedrockInstrumentor().uninstrument()


def switch_on(telemetry: Telemetry) -> None:
    BedrockInstrumentor().instrument(
        skip_dep_check=True, tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
    )


@pytest.fixture(params=["botocore", "aiobotocore"])
async def client(request: pytest.FixtureRequest, endpoint: Endpoint) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        made = aws(request.param).create_client("bedrock-runtime", **settings(endpoint))
        yield await stack.enter_async_context(made) if request.param == "aiobotocore" else made
        if request.param == "botocore":
            made.close()


@pytest.fixture(params=["converse", "invoke"])
def driver(request: pytest.FixtureRequest, client: Any) -> Driver:
    return Driver(client, request.param)


@pytest.fixture
def boto(endpoint: Endpoint) -> Iterator[Any]:
    client = aws("botocore").create_client("bedrock-runtime", **settings(endpoint))
    yield client
    client.close()


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


def test_other_operations_are_no_model_calls(boto: Any, instrumented: Telemetry, endpoint: Endpoint) -> None:
    endpoint.answer = {"inputTokens": 3}
    counted = boto.count_tokens(modelId=MODEL, input={"converse": {"messages": []}})
    assert counted["inputTokens"] == 3
    assert instrumented.spans == []


def test_a_request_for_credentials_on_the_way_is_no_retry(
    boto: Any, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    sts = aws("botocore").create_client("sts", **settings(endpoint))
    asked: list[str] = []

    def fetch(**_: Any) -> None:
        with pytest.raises(importlib.import_module("botocore.parsers").ResponseParserError):
            sts.get_caller_identity()
        asked.append("credentials")

    boto.meta.events.register("before-sign.bedrock-runtime.Converse", fetch)
    boto.converse(modelId=MODEL, messages=[])
    sts.close()
    assert asked == ["credentials"]
    assert instrumented.attributes["spancost.retries"] == 0


READS: dict[str, Callable[[Any], bytes]] = {
    "read": lambda body: body.read(),
    "read in pieces": lambda body: b"".join(iter(lambda: body.read(100), b"")),
    "read to the length": lambda body: body.read(len(json.dumps(MESSAGE))),
    "json": lambda body: json.dumps(json.load(body)).encode(),
    "loop": lambda body: b"".join(body),
    "chunks": lambda body: b"".join(body.iter_chunks(7)),
    "lines": lambda body: b"\n".join(body.iter_lines()),
    "all lines": lambda body: b"".join(body.readlines()),
    "buffered": lambda body: io.BufferedReader(body).read(),
}


@pytest.mark.parametrize("way", READS)
def test_a_body_is_counted_in_whatever_way_it_is_read(way: str, boto: Any, instrumented: Telemetry) -> None:
    body = boto.invoke_model(modelId=MODEL, body="{}")["body"]
    assert instrumented.spans == []
    assert json.loads(READS[way](body)) == MESSAGE
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240
    assert instrumented.attributes["spancost.usage.cache_write_1h.input_tokens"] == 10


def test_the_raw_stream_that_a_body_lends_out_is_counted(boto: Any, instrumented: Telemetry) -> None:
    with boto.invoke_model(modelId=MODEL, body="{}")["body"] as raw:
        assert json.loads(raw.read()) == MESSAGE
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 25


async def _read(body: Any) -> bytes:
    return await body.read()


async def _read_in_pieces(body: Any) -> bytes:
    pieces: list[bytes] = []
    while piece := await body.read(100):
        pieces.append(piece)
    return b"".join(pieces)


async def _loop(body: Any) -> bytes:
    return b"".join([piece async for piece in body])


async def _chunks(body: Any) -> bytes:
    return b"".join([piece async for piece in body.iter_chunks(7)])


async def _lines(body: Any) -> bytes:
    return b"\n".join([line async for line in body.iter_lines()])


async def _all_lines(body: Any) -> bytes:
    return b"\n".join(await body.readlines())


async def _by_next(body: Any) -> bytes:
    return await anext(body)


async def _into_buffer(body: Any) -> bytes:
    buffer = bytearray(4096)
    return bytes(buffer[: await body.readinto(buffer)])


async def _in_context(body: Any) -> bytes:
    async with body as entered:
        return await entered.read()


@pytest.mark.parametrize(
    "way", [_read, _read_in_pieces, _loop, _chunks, _lines, _all_lines, _by_next, _into_buffer, _in_context]
)
async def test_an_async_body_is_counted_in_whatever_way_it_is_read(
    way: Any, endpoint: Endpoint, instrumented: Telemetry
) -> None:
    async with aws("aiobotocore").create_client("bedrock-runtime", **settings(endpoint)) as client:
        body = (await client.invoke_model(modelId=MODEL, body="{}"))["body"]
        assert instrumented.spans == []
        assert json.loads(await way(body)) == MESSAGE
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the connection is dropped with the body
@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_body_that_is_never_read_is_counted_by_its_headers(
    end: str, boto: Any, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    endpoint.headers = {
        "X-Amzn-Bedrock-Input-Token-Count": "10",
        "X-Amzn-Bedrock-Output-Token-Count": "25",
        "X-Amzn-Bedrock-Cache-Read-Input-Token-Count": "200",
        "X-Amzn-Bedrock-Cache-Write-Input-Token-Count": "0",
    }
    answer = boto.invoke_model(modelId=MODEL, body="{}")
    if end == "close":
        answer["body"].close()
    del answer
    gc.collect()
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 210
    assert instrumented.attributes["gen_ai.usage.cache_write.input_tokens"] == 0
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 25
    assert "spancost.usage.estimated" not in instrumented.attributes


def test_the_model_that_a_router_chose_is_the_served_one(
    boto: Any, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    chosen = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    router = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/amazon.nova:1"
    endpoint.answer = {**CONVERSED, "trace": {"promptRouter": {"invokedModelId": chosen}}}
    boto.converse(modelId=router, messages=[])
    assert instrumented.attributes["gen_ai.request.model"] == router
    assert instrumented.attributes["gen_ai.response.model"] == chosen


def test_input_is_reported_as_the_official_bedrock_instrumentation_around_us_reports_it(
    boto: Any, instrumented: Telemetry
) -> None:
    class Official:
        def __init__(self) -> None:
            self.attributes: dict[str, Any] = {}

    tracer = instrumented.tracer_provider.get_tracer("opentelemetry.instrumentation.genai.bedrock")
    with tracer.start_as_current_span("chat"):
        token = otel.attach(otel.set_value("opentelemetry.genai.client.inference.context", Official()))
        boto.converse(modelId=MODEL, messages=[])
        otel.detach(token)
    assert instrumented.span.name == "chat"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 10
    assert instrumented.attributes["gen_ai.usage.cache_read.input_tokens"] == 200
    assert instrumented.attributes["gen_ai.usage.cache_write.input_tokens"] == 30
    assert instrumented.attributes["spancost.usage.cache_write_1h.input_tokens"] == 10


def test_an_embedding_inside_an_official_instrumentation_keeps_that_ones_span(
    boto: Any, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    class Official:
        def __init__(self) -> None:
            self.attributes: dict[str, Any] = {}

    endpoint.answer = {"embedding": [0.5], "inputTextTokenCount": 6}
    tracer = instrumented.tracer_provider.get_tracer("opentelemetry.instrumentation.genai.bedrock")
    with tracer.start_as_current_span("embeddings"):
        token = otel.attach(otel.set_value("opentelemetry.genai.client.embedding.context", Official()))
        boto.invoke_model(modelId="amazon.titan-embed-text-v2:0", body='{"inputText": "x"}')["body"].read()
        otel.detach(token)
    assert instrumented.span.name == "embeddings"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 6


@pytest.mark.parametrize(
    ("model", "body", "operation"),
    [
        ("amazon.titan-embed-text-v2:0", {"inputText": "x"}, "embeddings"),
        ("cohere.rerank-v3-5:0", {"query": "x"}, "rerank"),
        ("amazon.nova-canvas-v1:0", {"taskType": "TEXT_IMAGE"}, "image_generation"),
        ("us.meta.llama3-2-1b-instruct-v1:0", {"prompt": 'with "messages" in it'}, "text_completion"),
        ("amazon.nova-lite-v1:0", {"messages": []}, "chat"),
    ],
)
@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "bytes"])
def test_the_operation_is_told_from_the_model_and_the_request(
    model: str, body: Any, operation: str, encode: Any, boto: Any, instrumented: Telemetry
) -> None:
    boto.invoke_model(modelId=model, body=encode(json.dumps(body)))["body"].read()
    assert instrumented.span.name == f"{operation} {model}"
