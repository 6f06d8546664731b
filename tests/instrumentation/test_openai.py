"""What is particular to the `openai` SDK: usage that streams do not report unasked, and the many who copy the API."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pydantic
import pytest
import wrapt
from opentelemetry.trace import StatusCode

from spancost.sdks.openai import chat_usage
from spancost.wire import used

from .provider import CHAT_CHUNKS, CHAT_COMPLETION, OPENAI_USAGE, USAGE_CHUNK

if TYPE_CHECKING:
    from spancost.wire import Attributes

    from .conftest import Telemetry
    from .provider import Provider

MESSAGES: Any = [{"role": "user", "content": "Twelve chars"}]


@pytest.fixture
def completions(provider: Provider) -> Any:
    return openai.OpenAI(api_key="key", http_client=provider.client()).chat.completions


def test_a_stream_is_asked_for_usage_and_the_extra_chunk_is_kept_from_the_app(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    chunks: list[Any] = list(completions.create(model="gpt-5", messages=MESSAGES, stream=True))
    assert provider.bodies[0]["stream_options"] == {"include_usage": True}
    assert len(chunks) == 3
    assert all(chunk.usage is None for chunk in chunks)
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_a_stream_that_is_read_in_two_loops_is_one_call_with_its_usage(
    completions: Any, instrumented: Telemetry
) -> None:
    stream: Any = completions.create(model="gpt-5", messages=MESSAGES, stream=True)
    seen = 0
    for _ in stream:
        seen += 1
        if seen == 2:
            break
    assert instrumented.spans == []
    seen += len(list(stream))

    assert seen == 3
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20
    assert "spancost.usage.estimated" not in instrumented.attributes


def test_an_app_that_asks_for_usage_gets_its_chunk(completions: Any, instrumented: Telemetry) -> None:
    options = {"include_usage": True}
    chunks: list[Any] = list(completions.create(model="gpt-5", messages=MESSAGES, stream=True, stream_options=options))
    assert len(chunks) == 4
    assert chunks[-1].usage.total_tokens == 120
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_an_app_that_asks_in_the_extra_body_gets_its_chunk(completions: Any, instrumented: Telemetry) -> None:
    extra = {"stream_options": {"include_usage": True}}
    chunks: list[Any] = list(completions.create(model="gpt-5", messages=MESSAGES, stream=True, extra_body=extra))
    assert len(chunks) == 4
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20


@pytest.mark.parametrize("where", ["argument", "extra_body"])
def test_other_stream_options_of_the_app_are_kept(
    completions: Any, provider: Provider, instrumented: Telemetry, where: str
) -> None:
    options = {"include_obfuscation": False}
    arguments = {"stream_options": options} if where == "argument" else {"extra_body": {"stream_options": options}}
    assert len(list(completions.create(model="gpt-5", messages=MESSAGES, stream=True, **arguments))) == 3
    assert provider.bodies[0]["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100
    assert options == {"include_obfuscation": False}


def test_a_server_that_refuses_stream_options_is_asked_again_without_and_not_bothered_after(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.refuses_stream_options = True
    for _ in range(2):
        assert len(list(completions.create(model="gpt-5", messages=MESSAGES, stream=True))) == 3
    assert ["stream_options" in body for body in provider.bodies] == [True, False, False]
    assert [span.status.status_code for span in instrumented.spans] == [StatusCode.UNSET, StatusCode.UNSET]


def test_a_server_that_refuses_what_the_app_asked_for_is_not_asked_again(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.refuses_stream_options = True
    with pytest.raises(openai.UnprocessableEntityError):
        completions.create(model="gpt-5", messages=MESSAGES, stream=True, stream_options={"include_usage": True})
    assert len(provider.requests) == 1
    assert instrumented.span.status.status_code is StatusCode.ERROR


def test_a_usage_chunk_that_carries_choices_is_the_apps(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.events = [*CHAT_CHUNKS[:2], {**CHAT_CHUNKS[2], "usage": OPENAI_USAGE}]
    assert len(list(completions.create(model="gpt-5", messages=MESSAGES, stream=True))) == 3
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_the_app_may_put_its_own_close_in_the_place_of_a_streams(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    stream: Any = completions.create(model="gpt-5", messages=MESSAGES, stream=True)
    next(stream)
    closed: list[str] = []
    before = stream.close

    def close() -> None:
        closed.append("ours")
        before()

    stream.close = close
    stream.close()

    assert closed == ["ours"]
    assert stream.response.is_closed
    assert instrumented.attributes["spancost.usage.estimated"] is True


def test_an_interrupted_stream_is_estimated_and_says_so(completions: Any, instrumented: Telemetry) -> None:
    with completions.create(model="gpt-5", messages=MESSAGES, stream=True) as stream:
        next(stream)
    attributes = instrumented.attributes
    assert attributes["spancost.usage.estimated"] is True
    assert attributes["gen_ai.usage.input_tokens"] == 4  # "user" and "Twelve chars": 16 characters
    assert attributes["gen_ai.usage.output_tokens"] == 2  # "Hello ": 6 characters


def test_the_stream_helper_is_one_span_that_ends_with_its_context(completions: Any, instrumented: Telemetry) -> None:
    with completions.stream(model="gpt-5", messages=MESSAGES) as stream:
        for _ in stream:
            break
        assert instrumented.spans == []
    assert instrumented.span.name == "chat gpt-5"


def test_the_stream_helper_read_to_the_end_has_the_providers_usage(completions: Any, instrumented: Telemetry) -> None:
    with completions.stream(model="gpt-5", messages=MESSAGES) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Hello there"
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20
    assert "spancost.usage.estimated" not in instrumented.attributes


@pytest.mark.parametrize(
    ("base_url", "searches"), [("https://api.openai.com/v1", 1), ("https://openrouter.ai/api/v1", None)]
)
def test_openais_search_models_bill_a_search_where_the_answer_cites(
    provider: Provider, instrumented: Telemetry, base_url: str, searches: int | None
) -> None:
    note = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 1, "title": "t", "url": "u"}}
    message = {"role": "assistant", "content": "Hello", "annotations": [note, note]}
    provider.answer = {**CHAT_COMPLETION, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    client = openai.OpenAI(api_key="key", base_url=base_url, http_client=provider.client())
    client.chat.completions.create(model="gpt-5-search-api", messages=MESSAGES)
    assert instrumented.attributes.get("spancost.usage.web_searches") == searches


class Answer(pydantic.BaseModel):
    number: int


def test_a_parsed_call_is_one_span(completions: Any, provider: Provider, instrumented: Telemetry) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"number": 7}'}}
    provider.answer = {**CHAT_COMPLETION, "choices": [choice]}
    parsed = completions.parse(model="gpt-5", messages=MESSAGES, response_format=Answer)
    assert parsed.choices[0].message.parsed == Answer(number=7)
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_an_answer_that_was_cut_off_is_paid_although_parsing_it_raises(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    choice = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": '{"num'}}
    provider.answer = {**CHAT_COMPLETION, "choices": [choice]}
    with pytest.raises(openai.LengthFinishReasonError):
        completions.parse(model="gpt-5", messages=MESSAGES, response_format=Answer)
    assert instrumented.attributes["error.type"] == "openai.LengthFinishReasonError"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20


def test_a_raw_response_is_counted_and_stays_the_sdks_own(completions: Any, instrumented: Telemetry) -> None:
    raw = completions.with_raw_response.create(model="gpt-5", messages=MESSAGES)
    assert raw.parse().id == "chatcmpl-1"
    assert raw.http_response.json()["usage"]["prompt_tokens"] == 100
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_a_raw_stream_is_counted_when_it_is_parsed(completions: Any, instrumented: Telemetry) -> None:
    raw = completions.with_raw_response.create(model="gpt-5", messages=MESSAGES, stream=True)
    stream: Any = raw.parse()
    assert raw.parse() is stream
    del raw
    assert issubclass(stream.__class__, openai.Stream)
    assert len(list(stream)) == 3
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20


def test_a_raw_stream_that_somebody_wraps_where_the_sdk_keeps_it_is_counted(
    completions: Any, instrumented: Telemetry
) -> None:
    class Theirs:
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __iter__(self) -> Theirs:
            return self

        def __next__(self) -> Any:
            return next(self._stream)

    raw = completions.with_raw_response.create(model="gpt-5", messages=MESSAGES, stream=True)
    raw.parse()
    ((kind, stream),) = raw._parsed_by_type.items()
    raw._parsed_by_type[kind] = Theirs(stream)
    stream = raw.parse()
    del raw
    assert len(list(stream)) == 3
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20


def test_an_answer_that_the_app_takes_as_an_http_response_is_counted(
    provider: Provider, instrumented: Telemetry
) -> None:
    client = openai.OpenAI(api_key="key", http_client=provider.client())
    answer = client.post("/chat/completions", cast_to=httpx2.Response, body={"model": "gpt-5", "messages": []})
    assert type(answer) is httpx2.Response
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20


def test_a_raw_stream_that_nobody_parses_ends_its_span(completions: Any, instrumented: Telemetry) -> None:
    raw = completions.with_raw_response.create(model="gpt-5", messages=MESSAGES, stream=True)
    assert not hasattr(raw, "close")
    del raw
    assert instrumented.span.name == "chat gpt-5"


@pytest.mark.parametrize("way", ["parse", "json"])
def test_a_streaming_response_is_counted_however_its_body_is_read(
    completions: Any, instrumented: Telemetry, way: str
) -> None:
    with completions.with_streaming_response.create(model="gpt-5", messages=MESSAGES) as response:
        getattr(response, way)()
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


async def test_an_async_streaming_response_is_counted(provider: Provider, instrumented: Telemetry) -> None:
    client = openai.AsyncOpenAI(api_key="key", http_client=provider.async_client())
    call: Any = client.chat.completions.with_streaming_response.create(model="gpt-5", messages=MESSAGES)
    async with call as response:
        assert (await response.parse()).id == "chatcmpl-1"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


@pytest.mark.skipif(not hasattr(wrapt, "BaseObjectProxy"), reason="proxies of this wrapt all pass for iterables")
@pytest.mark.usefixtures("instrumented")
async def test_an_async_stream_does_not_pass_for_something_to_iterate_over(provider: Provider) -> None:
    client = openai.AsyncOpenAI(api_key="key", http_client=provider.async_client())
    stream: Any = await client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True)

    assert (isinstance(stream, Iterable), isinstance(stream, AsyncIterable)) == (False, True)
    assert len([chunk async for chunk in stream]) == 3


@pytest.mark.parametrize(
    ("base_url", "billed_by"),
    [
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gcp.gemini"),
        ("https://res.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("https://mine.eastus.models.ai.azure.com/v1", "azure.ai.inference"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://router.huggingface.co/v1", "huggingface"),
        ("https://router.huggingface.co/together/v1", "huggingface_together"),
        ("https://us-east5-aiplatform.googleapis.com/v1", "gcp.vertex_ai"),
        ("https://bedrock-mantle.us-east-1.api.aws/openai/v1", "aws.bedrock"),
        ("https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/mine/openai/v1", "sagemaker"),
        ("https://llm-proxy-1.us-east-1.elb.amazonaws.com/v1", "openai"),
        ("https://max.ai/v1", "openai"),
        ("https://llm-x.ai/v1", "openai"),
        ("http://127.0.0.1:8000/v1", "openai"),
    ],
)
def test_who_bills_is_told_from_the_address(
    provider: Provider, instrumented: Telemetry, base_url: str, billed_by: str
) -> None:
    client = openai.OpenAI(api_key="key", base_url=base_url, http_client=provider.client())
    client.chat.completions.create(model="m", messages=MESSAGES)
    assert instrumented.attributes["gen_ai.provider.name"] == billed_by
    assert instrumented.attributes["server.address"] == base_url.split("/")[2].split(":")[0]


def test_azure_behind_an_address_of_ones_own_is_still_azure(provider: Provider, instrumented: Telemetry) -> None:
    client = openai.AzureOpenAI(
        api_key="key", azure_endpoint="https://llm.example.com", api_version="2025-01-01", http_client=provider.client()
    )
    client.chat.completions.create(model="deployment-1", messages=MESSAGES)
    assert provider.requests[0].url.path == "/openai/deployments/deployment-1/chat/completions"
    assert instrumented.attributes["gen_ai.provider.name"] == "azure.ai.openai"
    assert instrumented.attributes["gen_ai.request.model"] == "deployment-1"


def test_calls_that_cost_nothing_are_no_spans(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {"object": "list", "data": []}
    client = openai.OpenAI(api_key="key", http_client=provider.client())
    assert client.models.list().data == []
    assert instrumented.spans == []


def test_a_call_that_another_client_makes_on_the_way_of_the_first_is_one_of_its_own(
    provider: Provider, instrumented: Telemetry
) -> None:
    guard = openai.OpenAI(api_key="key", http_client=provider.client()).chat.completions

    class Guarded(openai.OpenAI):
        def _prepare_options(self, options: Any) -> Any:
            guard.create(model="guard", messages=MESSAGES)
            return super()._prepare_options(options)

    client = Guarded(api_key="key", http_client=provider.client())
    client.chat.completions.create(model="gpt-5", messages=MESSAGES)

    assert [span.name for span in instrumented.spans] == ["chat guard", "chat gpt-5"]


def test_an_error_in_the_middle_of_a_stream_is_the_calls_error(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.events = [CHAT_CHUNKS[0], {"error": {"message": "overloaded"}}]
    with pytest.raises(openai.APIError, match="overloaded"):
        list(completions.create(model="gpt-5", messages=MESSAGES, stream=True))
    assert instrumented.attributes["error.type"] == "openai.APIError"
    assert instrumented.attributes["spancost.usage.estimated"] is True


def test_a_stream_whose_provider_reports_usage_unasked_is_not_counted_twice(
    completions: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.events = [*CHAT_CHUNKS, USAGE_CHUNK, USAGE_CHUNK]
    list(completions.create(model="gpt-5", messages=MESSAGES, stream=True))
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 0}},
            used(input_tokens=9, output_tokens=0, cache_read_tokens=0),
            id="a reported zero stays and the absent stays absent",
        ),
        pytest.param(
            {"prompt_tokens": 90, "completion_tokens": 5, "prompt_cache_hit_tokens": 64},
            used(input_tokens=90, output_tokens=5, cache_read_tokens=64),
            id="deepseek's own field",
        ),
        pytest.param(
            {"prompt_tokens": 90, "completion_tokens": 5, "prompt_tokens_details": {"cache_write_tokens": 32}},
            used(input_tokens=90, output_tokens=5, cache_write_tokens=32),
            id="cache writes",
        ),
        pytest.param(
            {
                "prompt_tokens": 12,
                "completion_tokens": 3,
                "total_tokens": 115,
                "completion_tokens_details": {"reasoning_tokens": 100},
            },
            used(input_tokens=12, output_tokens=103, reasoning_tokens=100),
            id="reasoning on top of the completion, as the total tells",
        ),
        pytest.param(
            {
                "prompt_tokens": 50,
                "completion_tokens": 40,
                "prompt_tokens_details": {"audio_tokens": 20, "image_tokens": 10},
                "completion_tokens_details": {"audio_tokens": 30, "image_tokens": 4},
            },
            used(
                input_tokens=50,
                output_tokens=40,
                input_audio_tokens=20,
                input_image_tokens=10,
                output_audio_tokens=30,
                output_image_tokens=4,
            ),
            id="audio and images",
        ),
        pytest.param(
            {"prompt_tokens": 1, "completion_tokens": 1, "server_tool_use_details": {"web_search_requests": 2}},
            used(input_tokens=1, output_tokens=1, units={"web_search": 2}),
            id="searches that ran",
        ),
        pytest.param(
            {"prompt_tokens": "7", "completion_tokens": True, "prompt_tokens_details": None},
            used(),
            id="what is not a number is not reported",
        ),
    ],
)
def test_usage_is_read_as_totals_that_include_their_parts(reported: dict[str, Any], usage: Attributes) -> None:
    assert chat_usage(reported) == usage
