"""What is particular to the Responses API: hosted tools, work in the background, helpers, and who reports what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pydantic
import pytest

import spancost
from spancost.sdks.openai.responses import response_usage
from spancost.wire import used

from .openai_payloads import (
    RESPONSE,
    RESPONSE_FETCHED,
    RESPONSE_QUEUED,
    RESPONSE_USAGE,
    OpenAIProvider,
    response_events,
)

if TYPE_CHECKING:
    from spancost.wire import Attributes

    from .conftest import Telemetry


@pytest.fixture
def provider() -> OpenAIProvider:
    return OpenAIProvider()


@pytest.fixture
def responses(provider: OpenAIProvider) -> Any:
    provider.answer, provider.events = RESPONSE, response_events(RESPONSE)
    return openai.OpenAI(api_key="key", http_client=provider.client()).responses


def test_the_stream_helper_is_one_call(responses: Any, instrumented: Telemetry) -> None:
    with responses.stream(model="gpt-5", input="Hi") as stream:
        assert stream.get_final_response().output_text == "Hello there"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


class Verdict(pydantic.BaseModel):
    number: int


def test_a_parsed_response_is_one_call_and_is_paid_although_parsing_it_raises(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    with pytest.raises(pydantic.ValidationError):
        responses.parse(model="gpt-5", input="Hi", text_format=Verdict)
    assert instrumented.attributes["error.type"] == "pydantic_core._pydantic_core.ValidationError"
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20


def test_a_raw_response_is_counted(responses: Any, instrumented: Telemetry) -> None:
    assert responses.with_raw_response.create(model="gpt-5", input="Hi").parse().id == "resp_1"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_compacting_a_conversation_is_paid(responses: Any, provider: OpenAIProvider, instrumented: Telemetry) -> None:
    provider.answer = {"id": "cmp_1", "object": "response.compaction", "output": [], "usage": RESPONSE_USAGE}
    responses.compact(model="gpt-5", input="Hi")
    assert instrumented.span.name == "chat gpt-5"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_counting_the_tokens_of_an_input_is_not_paid(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = {"object": "response.input_tokens", "input_tokens": 11}
    assert responses.input_tokens.count(model="gpt-5", input="Hi").input_tokens == 11
    assert instrumented.spans == []


def test_a_failed_response_without_usage_is_not_estimated(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    failed: dict[str, Any] = {**RESPONSE, "status": "failed", "usage": None, "output": []}
    provider.events = [
        *response_events(RESPONSE)[:-1],
        {"type": "response.failed", "sequence_number": 4, "response": failed},
    ]
    list(responses.create(model="gpt-5", input="Hi", stream=True))
    assert instrumented.attributes["gen_ai.response.finish_reasons"] == ("failed",)
    assert not any("usage" in name for name in instrumented.attributes)


@pytest.mark.parametrize(
    ("base_url", "searches"), [("https://api.openai.com/v1", 2), ("https://openrouter.ai/api/v1", None)]
)
def test_searches_are_counted_by_what_ran_where_each_is_billed(
    provider: OpenAIProvider, instrumented: Telemetry, base_url: str, searches: int | None
) -> None:
    def call(action: str, status: str = "completed") -> dict[str, Any]:
        return {"type": "web_search_call", "id": "ws", "status": status, "action": {"type": action}}

    ran = [call("search"), call("open_page"), call("search"), call("search", "failed"), call("find_in_page")]
    provider.answer = {**RESPONSE, "output": ran, "tools": [{"type": "web_search"}]}
    client = openai.OpenAI(api_key="key", base_url=base_url, http_client=provider.client())
    client.responses.create(model="gpt-5", input="Hi")
    assert instrumented.attributes.get("spancost.usage.web_searches") == searches


def test_searches_that_the_provider_counts_are_taken_from_it_zero_included(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    call = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}}
    nothing: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    provider.answer = {
        **RESPONSE,
        "output": [call],
        "tool_usage": {"web_search": {"num_requests": 0}, "image_gen": nothing},
    }
    responses.create(model="gpt-5", input="Hi")
    assert instrumented.attributes["spancost.usage.web_searches"] == 0


def test_images_that_a_tool_generates_are_tokens_of_another_model_beside_the_response(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    drawn = {
        "input_tokens": 30,
        "input_tokens_details": {"image_tokens": 20, "text_tokens": 10},
        "output_tokens": 272,
        "total_tokens": 302,
    }
    provider.answer = {
        **RESPONSE,
        "tools": [{"type": "image_generation", "model": "gpt-image-1-mini"}],
        "tool_usage": {"web_search": {"num_requests": 0}, "image_gen": drawn},
    }
    responses.create(model="gpt-5", input="Hi")
    response, image = (dict(span.attributes or {}) for span in instrumented.spans)
    assert response["gen_ai.usage.input_tokens"] == 100
    assert image["gen_ai.response.model"] == "gpt-image-1-mini"
    assert image["gen_ai.usage.input_tokens"] == 30
    assert image["gen_ai.usage.image.input_tokens"] == 20
    assert image["gen_ai.usage.image.output_tokens"] == 272


def test_a_background_response_is_charged_when_its_usage_is_first_seen_and_once(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = RESPONSE_QUEUED
    responses.create(model="gpt-5", input="Hi", background=True)
    assert instrumented.attributes["spancost.usage.pending"] is True
    assert "gen_ai.usage.input_tokens" not in instrumented.attributes
    responses.retrieve("resp_1")
    assert len(instrumented.spans) == 1
    provider.answer = RESPONSE_FETCHED
    for _ in range(3):
        assert responses.retrieve("resp_1").output_text == "Hello there"
    created, fetched = instrumented.spans
    assert (created.attributes or {})["gen_ai.response.id"] == "resp_1"
    assert dict(fetched.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "server.address": "api.openai.com",
        "openai.api.type": "responses",
        "openai.response.service_tier": "default",
        "spancost.service_tier": "default",
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ("completed",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 8,
    }


def test_a_response_that_was_charged_when_it_was_made_is_not_charged_when_it_is_fetched(
    responses: Any, instrumented: Telemetry
) -> None:
    responses.create(model="gpt-5", input="Hi")
    responses.retrieve("resp_1")
    assert len(instrumented.spans) == 1


def test_a_background_stream_that_breaks_off_is_charged_when_it_is_resumed(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.events = response_events(RESPONSE_FETCHED)
    with responses.create(model="gpt-5", input="Hi", background=True, stream=True) as stream:
        next(stream)
    assert instrumented.attributes["spancost.usage.pending"] is True
    assert len(list(responses.retrieve("resp_1", stream=True, starting_after=1))) == 5
    responses.retrieve("resp_1")
    _, resumed = instrumented.spans
    assert (resumed.attributes or {})["gen_ai.usage.input_tokens"] == 100
    assert (resumed.attributes or {})["gen_ai.response.id"] == "resp_1"


def test_a_background_stream_that_is_read_to_its_end_is_not_charged_again(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.events, provider.answer = response_events(RESPONSE_FETCHED), RESPONSE_FETCHED
    list(responses.create(model="gpt-5", input="Hi", background=True, stream=True))
    responses.retrieve("resp_1")
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100


def test_a_cancelled_background_response_is_charged_what_it_used(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = {**RESPONSE_FETCHED, "status": "cancelled"}
    responses.cancel("resp_1")
    assert instrumented.attributes["gen_ai.response.finish_reasons"] == ("cancelled",)
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 20


async def test_async_fetching_is_charged_once_and_to_who_fetches(
    provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = RESPONSE_FETCHED
    client = openai.AsyncOpenAI(api_key="key", http_client=provider.async_client())
    with spancost.attribution(feature="reports"):
        await client.responses.retrieve("resp_1")
        await client.responses.retrieve("resp_1")
    assert instrumented.attributes["spancost.feature"] == "reports"


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_a_background_response_is_paid_by_who_had_it_made(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry, streamed: bool
) -> None:
    provider.answer, provider.events = RESPONSE_QUEUED, response_events(RESPONSE_FETCHED)[:2]
    with spancost.attribution(feature="reports", tenant="acme"):
        result = responses.create(model="gpt-5", input="Hi", background=True, stream=streamed)
        if streamed:
            list(result)
    provider.answer = RESPONSE_FETCHED
    with spancost.attribution(feature="polling"):
        responses.retrieve("resp_1")
    _, fetched = instrumented.spans
    assert (fetched.attributes or {})["spancost.feature"] == "reports"
    assert (fetched.attributes or {})["spancost.tenant"] == "acme"


def test_an_error_while_fetching_is_the_callers_and_no_call(
    responses: Any, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.failures = [400]
    with pytest.raises(openai.BadRequestError):
        responses.retrieve("resp_1")
    assert instrumented.spans == []


@pytest.mark.parametrize(
    ("base_url", "reported", "cost", "by"),
    [
        pytest.param("https://openrouter.ai/api/v1", {"cost": 1.13e-05}, 1.13e-05, "openrouter", id="openrouter"),
        pytest.param("https://openrouter.ai/api/v1", {"cost": 0}, 0.0, "openrouter", id="a reported zero"),
        pytest.param(
            "https://openrouter.ai/api/v1",
            {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}},
            0.021,
            "openrouter",
            id="openrouter with a key of one's own",
        ),
        pytest.param("https://api.x.ai/v1", {"cost_in_usd_ticks": 37_756_000}, 0.0037756, "x_ai", id="xai"),
        pytest.param("https://api.openai.com/v1", {"cost": 1.0}, None, None, id="not from who bills"),
        pytest.param("https://openrouter.ai/api/v1", {"cost": None}, None, None, id="absent"),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_cost_that_the_biller_reports_is_passed_on(
    provider: OpenAIProvider,
    instrumented: Telemetry,
    api: str,
    base_url: str,
    reported: dict[str, Any],
    cost: float | None,
    by: str | None,
) -> None:
    client = openai.OpenAI(api_key="key", base_url=base_url, http_client=provider.client())
    if api == "chat":
        provider.answer = {"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, **reported}}
        client.chat.completions.create(model="m", messages=[])
    else:
        provider.answer = {**RESPONSE, "usage": {**RESPONSE_USAGE, **reported}}
        client.responses.create(model="m", input="Hi")
    assert instrumented.attributes.get("spancost.cost.reported_usd") == cost
    assert instrumented.attributes.get("spancost.cost.reported_by") == by


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        pytest.param(
            {"input_tokens": 0, "output_tokens": 0, "input_tokens_details": {"cached_tokens": 0}},
            used(input_tokens=0, output_tokens=0, cache_read_tokens=0),
            id="zeros stay and the absent stays absent",
        ),
        pytest.param(
            {"input_tokens": 50, "input_tokens_details": {"cache_write_tokens": 30}, "output_tokens": 4},
            used(input_tokens=50, cache_write_tokens=30, output_tokens=4),
            id="cache writes",
        ),
        pytest.param(
            {
                "input_tokens": 50,
                "input_tokens_details": {
                    "cache_write_tokens": 30,
                    "cache_write_tokens_details": {"ttl_30m_tokens": 10, "ttl_12h_tokens": 20},
                },
                "output_tokens": 4,
            },
            used(input_tokens=50, cache_write_tokens=30, cache_write_1h_tokens=20, output_tokens=4),
            id="cache writes of both lifetimes",
        ),
        pytest.param(
            {"prompt_tokens": 7, "completion_tokens": 3, "reasoning_tokens": 2},
            used(input_tokens=7, output_tokens=3, reasoning_tokens=2),
            id="a server that uses the names of chats",
        ),
    ],
)
def test_usage_of_a_response_is_read_as_totals_that_include_their_parts(
    reported: dict[str, Any], usage: Attributes
) -> None:
    assert response_usage(reported) == usage
