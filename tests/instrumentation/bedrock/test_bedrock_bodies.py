"""The body of InvokeModel is counted in whatever way it is read, and by its headers where nobody reads it."""

from __future__ import annotations

import gc
import io
import json
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock

import pytest
from botocore.stub import Stubber

from ..bedrock_endpoint import MESSAGE, Endpoint
from .driver import MODEL, aws, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import Telemetry

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


@pytest.mark.parametrize(
    ("operation", "asked", "answer", "member"),
    [
        ("invoke_model", {"body": "{}"}, {"contentType": "application/json", "body": b"{}"}, "body"),
        ("invoke_model", {"body": "{}"}, {"contentType": "application/json", "body": "{}"}, "body"),
        ("invoke_model", {"body": "{}"}, {"contentType": "application/json", "body": io.BytesIO(b"{}")}, "body"),
        ("converse_stream", {"messages": []}, {"stream": {"messageStart": {"role": "assistant"}}}, "stream"),
    ],
    ids=["bytes", "text", "buffer", "dictionary"],
)
def test_a_body_that_is_not_the_sdks_own_is_handed_on_as_it_is(
    operation: str, asked: dict[str, Any], answer: dict[str, Any], member: str, boto: Any, instrumented: Telemetry
) -> None:
    stubber: Any = Stubber(boto)
    with stubber:
        stubber.add_response(operation, answer)
        assert getattr(boto, operation)(modelId=MODEL, **asked)[member] is answer[member]
    assert len(instrumented.spans) == 1
    assert instrumented.internal_errors == {}


@pytest.mark.parametrize("member", ["body", "stream"])
def test_a_mock_in_place_of_a_body_stays_a_mock(member: str, boto: Any, instrumented: Telemetry) -> None:
    body = MagicMock()

    def answered(**_: Any) -> tuple[Any, dict[str, Any]]:
        return Mock(status_code=200), {member: body}

    boto.meta.events.register("before-call.bedrock-runtime.InvokeModel", answered)
    assert boto.invoke_model(modelId=MODEL, body="{}")[member] is body
    assert body.mock_calls == []
    assert instrumented.internal_errors == {}


def test_events_that_somebody_else_hands_on_one_by_one_are_seen(boto: Any, instrumented: Telemetry) -> None:
    usage = {"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}

    def answered(**_: Any) -> tuple[Any, dict[str, Any]]:
        return Mock(status_code=200), {"stream": (event for event in [{"metadata": {"usage": usage}}])}

    boto.meta.events.register("before-call.bedrock-runtime.ConverseStream", answered)
    assert len(list(boto.converse_stream(modelId=MODEL, messages=[])["stream"])) == 1
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 12
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 5
