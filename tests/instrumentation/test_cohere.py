"""What Cohere reports, and how it is understood: billed units, not what was consumed."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import cohere
import httpx
import pytest

import spancost

from .provider import COHERE_ANSWER, Provider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Telemetry

META: dict[str, Any] = {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 7, "output_tokens": 22}}
V1_ANSWER: dict[str, Any] = {
    "response_id": "response-1",
    "generation_id": "generation-1",
    "text": "Hello there",
    "finish_reason": "COMPLETE",
    "meta": META,
}
V1_EVENTS: list[dict[str, Any]] = [
    {"is_finished": False, "event_type": "stream-start", "generation_id": "generation-1"},
    {"is_finished": False, "event_type": "text-generation", "text": "Hello "},
    {"is_finished": False, "event_type": "text-generation", "text": "there"},
    {"is_finished": True, "event_type": "stream-end", "finish_reason": "COMPLETE", "response": V1_ANSWER},
]


class Lines(httpx.SyncByteStream):
    """A stream of the first API: one JSON object a line."""

    def __iter__(self) -> Iterator[bytes]:
        for event in V1_EVENTS:
            yield json.dumps(event).encode() + b"\n"


def older_client(url: str | None = None) -> Any:
    """A client of the first API; its requests end up at `url`, as in the clients for other clouds."""

    def answer(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content).get("stream"):
            return httpx.Response(200, stream=Lines())
        return httpx.Response(200, json=V1_ANSWER)

    def turn_round(request: httpx.Request) -> None:
        if url is not None:
            request.url = httpx.URL(url)

    http = httpx.Client(transport=httpx.MockTransport(answer), event_hooks={"request": [turn_round]})
    return cohere.Client("key", httpx_client=http)


def bedrock_client(answer: httpx.Response) -> Any:
    """The SDK's client for Bedrock, which makes its HTTP client itself."""
    sdk: Any = cohere.BedrockClient(aws_access_key="key", aws_secret_key="key", aws_region="us-east-1")
    sdk._client_wrapper.httpx_client.httpx_client._transport = httpx.MockTransport(lambda _: answer)
    return sdk


@pytest.fixture
def client(provider: Provider) -> Any:
    return cohere.ClientV2("key", httpx_client=provider.older_client())


def usage(telemetry: Telemetry) -> dict[str, Any]:
    return {name: value for name, value in telemetry.attributes.items() if ".usage." in name}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_the_first_api_is_counted_like_the_second(instrumented: Telemetry, streamed: bool) -> None:
    sdk = older_client()
    if streamed:
        assert len(list(sdk.chat_stream(model="command-r-08-2024", message="Hello"))) == 4
    else:
        assert sdk.chat(model="command-r-08-2024", message="Hello").text == "Hello there"
    assert instrumented.span.name == "chat command-r-08-2024"
    assert instrumented.attributes["gen_ai.response.id"] == "generation-1"
    assert instrumented.attributes["gen_ai.response.finish_reasons"] == ("COMPLETE",)
    assert usage(instrumented) == {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 22}


def test_a_stream_that_nobody_reads_is_no_call(client: Any, provider: Provider, instrumented: Telemetry) -> None:
    stream = client.chat_stream(model="command-a-03-2025", messages=[{"role": "user", "content": "Hello"}])
    del stream
    assert provider.requests == []
    assert instrumented.spans == []


def test_a_stream_that_is_closed_before_its_usage_is_estimated(client: Any, instrumented: Telemetry) -> None:
    messages = [{"role": "user", "content": "twenty characters ok"}]
    stream = client.chat_stream(model="command-a-03-2025", messages=messages)
    next(stream)
    next(stream)
    stream.close()
    # 20 characters asked, 11 of "Hello there" written, four to a token.
    assert usage(instrumented) == {
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 3,
        "spancost.usage.estimated": True,
    }


def test_a_reranking_is_billed_by_its_search_units(client: Any, provider: Provider, instrumented: Telemetry) -> None:
    billed = {"api_version": {"version": "2"}, "billed_units": {"search_units": 2}}
    provider.answer = {"id": "rerank-1", "results": [{"index": 0, "relevance_score": 0.9}], "meta": billed}
    client.rerank(model="rerank-v3.5", query="q", documents=["a"] * 101)
    assert instrumented.span.name == "rerank rerank-v3.5"
    assert usage(instrumented) == {"spancost.usage.requests": 2}


def embedded(input_tokens: int, **more: int) -> dict[str, Any]:
    billed = {"input_tokens": input_tokens, **more}
    return {
        "id": "embed-1",
        "response_type": "embeddings_by_type",
        "embeddings": {"float": [[0.5]]},
        "texts": ["a"],
        "meta": {"api_version": {"version": "2"}, "billed_units": billed},
    }


@pytest.mark.parametrize(
    ("billed", "reported"),
    [
        ({"input_tokens": 10, "image_tokens": 4}, {"input": 10, "image": 4}),
        ({"input_tokens": 0, "image_tokens": 4}, {"input": 4, "image": 4}),
        ({"input_tokens": 10}, {"input": 10}),
    ],
    ids=["image inside", "image beside", "text alone"],
)
def test_image_tokens_are_part_of_the_input(
    client: Any, provider: Provider, instrumented: Telemetry, billed: dict[str, int], reported: dict[str, int]
) -> None:
    provider.answer = embedded(**billed)
    client.embed(model="embed-v4.0", texts=["a"], input_type="search_query", embedding_types=["float"])
    names = {"input": "gen_ai.usage.input_tokens", "image": "gen_ai.usage.image.input_tokens"}
    assert usage(instrumented) == {names[name]: tokens for name, tokens in reported.items()}


def test_many_texts_are_as_many_calls_as_requests_and_all_count_for_whom_they_were_made(
    provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {
        "id": "embed-1",
        "response_type": "embeddings_floats",
        "embeddings": [[0.5]],
        "texts": ["a"],
        "meta": {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 96}},
    }
    sdk: Any = cohere.Client("key", httpx_client=provider.older_client())
    with (
        instrumented.tracer_provider.get_tracer("app").start_as_current_span("request") as parent,
        spancost.attribution(feature="search"),
    ):
        answer = sdk.embed(model="embed-english-v3.0", texts=["a"] * 200, input_type="search_document")
    assert answer.meta.billed_units.input_tokens == 288
    *calls, _ = instrumented.spans
    assert len(calls) == len(provider.requests) == 3
    for call in calls:
        assert (call.attributes or {})["spancost.feature"] == "search"
        assert (call.attributes or {})["gen_ai.usage.input_tokens"] == 96
        assert call.parent is not None
        assert call.parent.span_id == parent.get_span_context().span_id


def test_where_nothing_is_said_to_be_billed_it_is_what_was_consumed(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {**COHERE_ANSWER, "usage": {"tokens": {"input_tokens": 500, "output_tokens": 24}}}
    client.chat(model="command-a-03-2025", messages=[{"role": "user", "content": "Hello"}])
    assert usage(instrumented) == {"gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 24}


@pytest.mark.parametrize(
    ("host", "path", "provider"),
    [
        ("bedrock-runtime.us-east-1.amazonaws.com", "model/cohere.command-r-v1:0/invoke", "aws.bedrock"),
        ("runtime.sagemaker.us-east-1.amazonaws.com", "endpoints/mine/invocations", "sagemaker"),
    ],
)
def test_a_call_that_another_cloud_answers_is_billed_by_that_cloud(
    instrumented: Telemetry, host: str, path: str, provider: str
) -> None:
    sdk = older_client(f"https://{host}/{path}")
    sdk.chat(model="cohere.command-r-v1:0", message="Hello")
    assert instrumented.attributes["gen_ai.provider.name"] == provider
    assert instrumented.attributes["server.address"] == host
    assert instrumented.attributes["spancost.region"] == "us-east-1"
    assert usage(instrumented) == {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 22}


@pytest.mark.parametrize(
    ("headers", "figures"),
    [
        ({}, {}),
        ({"X-Amzn-Bedrock-Input-Token-Count": "7"}, {"gen_ai.usage.input_tokens": 7}),
        (
            {"X-Amzn-Bedrock-Input-Token-Count": "7", "X-Amzn-Bedrock-Output-Token-Count": "0"},
            {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 0},
        ),
    ],
    ids=["nothing", "input", "both"],
)
def test_what_a_client_for_aws_is_not_told_is_absent(
    instrumented: Telemetry, headers: dict[str, str], figures: dict[str, int]
) -> None:
    answer = {"id": "embed-1", "response_type": "embeddings_floats", "embeddings": [[0.5]], "texts": ["a"]}
    sdk = bedrock_client(httpx.Response(200, json=answer, headers=headers))
    sdk.embed(model="cohere.embed-english-v3", texts=["a"], input_type="search_query")
    assert instrumented.attributes["gen_ai.provider.name"] == "aws.bedrock"
    assert usage(instrumented) == figures


def test_a_stream_of_bedrock_ends_with_its_usage(instrumented: Telemetry) -> None:
    counted = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 7, "outputTokenCount": 22}}
    start, *texts, end = V1_EVENTS
    events = [start, *texts, {**end, "response": {**V1_ANSWER, "meta": None}, **counted}]
    body = "\n".join(json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}) for event in events)
    answer = httpx.Response(200, text=body, headers={"content-type": "application/vnd.amazon.eventstream"})
    stream = bedrock_client(answer).chat_stream(model="cohere.command-r-v1:0", message="Hello")
    assert [event.event_type for event in stream] == [event["event_type"] for event in V1_EVENTS]
    assert usage(instrumented) == {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 22}


async def test_the_raw_client_gives_what_it_gave_and_its_call_is_counted(
    provider: Provider, instrumented: Telemetry
) -> None:
    sdk: Any = cohere.AsyncClientV2("key", httpx_client=provider.older_async_client())
    messages = [{"role": "user", "content": "Hello"}]
    raw = await sdk.v2.with_raw_response.chat(model="command-a-03-2025", messages=messages)
    assert raw.data.id == "cohere-1"
    async with sdk.v2.with_raw_response.chat_stream(model="command-a-03-2025", messages=messages) as opened:
        assert [event.type async for event in opened.data] == ["message-start", "content-delta", "message-end"]
    assert [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in instrumented.spans] == [7, 7]


def answering(answer: dict[str, Any]) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(200, json=answer))


async def test_a_transcription_is_a_call_that_does_not_say_what_it_used(instrumented: Telemetry) -> None:
    pytest.importorskip("cohere.audio", reason="cohere has no transcription yet")
    asked: dict[str, Any] = {"model": "cohere-transcribe-03-2026", "language": "en", "file": ("a.wav", b"RIFF")}
    transport = answering({"text": "Hello there"})
    sync = cohere.ClientV2("key", httpx_client=httpx.Client(transport=transport))
    assert sync.audio.transcriptions.create(**asked).text == "Hello there"
    later = cohere.AsyncClientV2("key", httpx_client=httpx.AsyncClient(transport=transport))
    assert (await later.audio.transcriptions.create(**asked)).text == "Hello there"
    assert [span.name for span in instrumented.spans] == ["transcription cohere-transcribe-03-2026"] * 2
    assert dict(instrumented.spans[0].attributes or {}) == {
        "gen_ai.operation.name": "transcription",
        "gen_ai.provider.name": "cohere",
        "gen_ai.request.model": "cohere-transcribe-03-2026",
        "server.address": "api.cohere.com",
        "spancost.retries": 0,
    }


def test_a_summary_is_billed_like_any_other_text(instrumented: Telemetry) -> None:
    http = httpx.Client(transport=answering({"id": "summary-1", "summary": "Hello", "meta": META}))
    assert cohere.Client("key", httpx_client=http).summarize(model="command-r", text="Hello there").summary == "Hello"
    assert instrumented.span.name == "text_completion command-r"
    assert usage(instrumented) == {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 22}
