"""What is particular to the `google-genai` SDK: several paid requests behind one method call, and Vertex AI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from spancost.sdks._google_genai.content import GenerateContentReading
from spancost.sdks.google_genai import content_usage
from spancost.wire import answered, used

from .older import transports
from .provider import GEMINI_USAGE, GENERATED
from .used import usage_in

if TYPE_CHECKING:
    from spancost.wire import Answer, Attributes

    from .conftest import Telemetry
    from .provider import Provider


def client(provider: Provider, **options: Any) -> Any:
    http = types.HttpOptions(**transports(provider))
    return genai.Client(http_options=http, **options)


def test_each_hop_of_automatic_function_calling_is_a_call(instrumented: Telemetry) -> None:
    hops = [
        {"functionCall": {"name": "temperature", "args": {"city": "Oslo"}}},
        {"text": "It is 4 degrees."},
    ]

    def answer(request: httpx2.Request) -> httpx2.Response:
        turns = len(json.loads(request.content)["contents"])
        part = hops[0 if turns == 1 else 1]
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 10 * turns, "candidatesTokenCount": turns, "totalTokenCount": 11 * turns}
        return httpx2.Response(200, json={**GENERATED, "candidates": [candidate], "usageMetadata": usage})

    def temperature(city: str) -> int:
        """Degrees in a city."""
        return len(city)

    sdk: Any = genai.Client(
        api_key="key",
        http_options=types.HttpOptions(**transports(answer)),
    )
    config = types.GenerateContentConfig(tools=[temperature])
    response = sdk.models.generate_content(model="gemini-2.5-flash", contents="How cold is it?", config=config)
    assert response.text == "It is 4 degrees."
    usages = [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in instrumented.spans]
    assert usages == [10, 30]


def test_vertex_is_another_provider_than_the_gemini_api_and_its_location_is_kept(
    provider: Provider, instrumented: Telemetry
) -> None:
    usage = {name: value for name, value in GEMINI_USAGE.items() if name != "serviceTier"}
    provider.answer = {**GENERATED, "usageMetadata": {**usage, "trafficType": "ON_DEMAND_PRIORITY"}}
    vertex = client(
        provider, vertexai=True, project="p", location="europe-west4", credentials=Credentials(token="token")
    )
    vertex.models.generate_content(model="gemini-2.5-flash", contents="Hi")
    attributes = instrumented.attributes
    assert attributes["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert attributes["server.address"] == "europe-west4-aiplatform.googleapis.com"
    assert attributes["spancost.region"] == "europe-west4"
    assert attributes["gen_ai.request.model"] == "gemini-2.5-flash"
    assert attributes["spancost.service_tier"] == "priority"


def test_the_served_tier_that_the_typed_answer_drops_is_kept(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {**GENERATED, "usageMetadata": {**GEMINI_USAGE, "serviceTier": "flex"}}
    client(provider, api_key="key").models.generate_content(model="gemini-2.5-flash", contents="Hi")
    assert instrumented.attributes["spancost.service_tier"] == "flex"


def test_searches_that_ran_are_counted_and_those_only_offered_are_not(
    provider: Provider, instrumented: Telemetry
) -> None:
    sdk = client(provider, api_key="key")
    config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
    sdk.models.generate_content(model="gemini-2.5-flash", contents="Hi", config=config)
    candidate = {**GENERATED["candidates"][0], "groundingMetadata": {"webSearchQueries": ["a", "b"]}}
    provider.answer = {**GENERATED, "candidates": [candidate]}
    sdk.models.generate_content(model="gemini-2.5-flash", contents="Hi", config=config)
    offered, ran = (dict(span.attributes or {}) for span in instrumented.spans)
    assert "spancost.usage.web_searches" not in offered
    assert ran["spancost.usage.web_searches"] == 2


def test_counting_tokens_is_free_and_no_model_call(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {"totalTokens": 3}
    client(provider, api_key="key").models.count_tokens(model="gemini-2.5-flash", contents="Hi")
    assert instrumented.spans == []


def test_an_address_of_ones_own_is_kept(provider: Provider, instrumented: Telemetry) -> None:
    http = types.HttpOptions(**transports(provider), base_url="http://127.0.0.1:8080")
    sdk: Any = genai.Client(api_key="key", http_options=http)
    sdk.models.generate_content(model="gemini-2.5-flash", contents="Hi")
    assert instrumented.attributes["server.address"] == "127.0.0.1"
    assert instrumented.attributes["server.port"] == 8080
    assert instrumented.attributes["gen_ai.provider.name"] == "gcp.gemini"


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        pytest.param(
            {"promptTokenCount": 100, "toolUsePromptTokenCount": 40, "candidatesTokenCount": 0},
            used(input_tokens=140, output_tokens=0),
            id="tool results stand beside the prompt",
        ),
        pytest.param(
            {"promptTokenCount": 100, "thoughtsTokenCount": 30},
            used(input_tokens=100, output_tokens=30, reasoning_tokens=30),
            id="thoughts without candidates",
        ),
        pytest.param(
            {
                "promptTokenCount": 500,
                "cachedContentTokenCount": 300,
                "candidatesTokenCount": 20,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 100},
                    {"modality": "AUDIO", "tokenCount": 300},
                    {"modality": "IMAGE", "tokenCount": 100},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 250}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 20}],
            },
            used(
                input_tokens=500,
                cache_read_tokens=300,
                input_audio_tokens=300,
                input_image_tokens=100,
                cache_read_audio_tokens=250,
                output_tokens=20,
                output_image_tokens=20,
            ),
            id="modalities",
        ),
    ],
)
def test_usage_is_read_as_totals_that_include_their_parts(reported: dict[str, Any], usage: Attributes) -> None:
    assert content_usage(reported, 0) == usage


def finished(usage: Attributes) -> Answer:
    """What the chunks below say when they are all there."""
    return answered(model="gemini-2.5-flash", response_id="resp-1", finish_reasons=("STOP",), usage=usage)


def read(*chunks: dict[str, Any]) -> Answer:
    reading = GenerateContentReading()
    for chunk in chunks:
        reading.add(types.HttpResponse(body=json.dumps(chunk)))
    return reading.answer()


TEXT: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": 'He said "finishReason".'}]}}
DONE: dict[str, Any] = {**TEXT, "finishReason": "STOP"}
NAMED: dict[str, Any] = {"modelVersion": "gemini-2.5-flash", "responseId": "resp-1"}


def test_a_stream_that_ends_early_has_the_last_total_that_arrived() -> None:
    so_far = [{"promptTokenCount": 50, "candidatesTokenCount": tokens} for tokens in (3, 7)]
    answer = read(*({**NAMED, "candidates": [TEXT], "usageMetadata": usage} for usage in so_far))
    assert answer == answered(
        model="gemini-2.5-flash", response_id="resp-1", usage=used(input_tokens=50, output_tokens=7)
    )


def test_a_total_counts_that_comes_after_the_end_was_said() -> None:
    answer = read(
        {**NAMED, "candidates": [DONE], "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 7}},
        {**NAMED, "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 9}},
    )
    assert answer == finished(used(input_tokens=50, output_tokens=9))


def test_a_total_before_the_end_is_replaced_by_the_one_of_the_end() -> None:
    answer = read(
        {**NAMED, "candidates": [TEXT], "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 3}},
        {**NAMED, "candidates": [DONE], "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 7}},
    )
    assert answer == finished(used(input_tokens=50, output_tokens=7))


def test_the_first_chunk_names_a_stream_whose_end_does_not() -> None:
    answer = read(
        {"candidates": [TEXT]},
        {**NAMED, "candidates": [TEXT]},
        {"candidates": [TEXT]},
        {"candidates": [DONE], "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 7}},
    )
    assert answer == finished(used(input_tokens=50, output_tokens=7))


def test_a_blocked_prompt_was_read_all_the_same() -> None:
    answer = read({**NAMED, "promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 50}})
    assert answer == answered(model="gemini-2.5-flash", response_id="resp-1", usage=used(input_tokens=50))


def test_searches_of_a_stream_are_counted_once_whichever_chunks_say_them() -> None:
    searched = [{**TEXT, "groundingMetadata": {"webSearchQueries": queries}} for queries in (["a"], ["a", "b"])]
    answer = read(
        *({**NAMED, "candidates": [candidate]} for candidate in searched),
        {**NAMED, "candidates": [DONE], "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 7}},
    )
    assert usage_in(answer) == used(input_tokens=50, output_tokens=7, units={"web_search": 2})
