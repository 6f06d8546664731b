"""What is particular to the `anthropic` SDK: it traces itself, and its input tokens leave the cache out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from anthropic.lib.bedrock import AnthropicBedrock

from spancost.sdks.anthropic import message_usage
from spancost.wire import used

from .provider import ANTHROPIC_USAGE, MESSAGE, MESSAGE_EVENTS

if TYPE_CHECKING:
    from spancost.wire import Attributes

    from .conftest import Telemetry
    from .provider import Provider

ASK: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "a question"}],
}


def client(provider: Provider, **options: Any) -> Any:
    return anthropic.Anthropic(api_key="key", http_client=provider.client(), **options)


@pytest.mark.parametrize("environment", [None, "true", "false"])
@pytest.mark.parametrize("option", ["none", "on", "off"])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_the_sdks_own_tracing_adds_no_second_span(
    provider: Provider,
    instrumented: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    environment: str | None,
    option: str,
    streamed: bool,
) -> None:
    if environment is None:
        monkeypatch.delenv("ANTHROPIC_OPEN_TELEMETRY", raising=False)
    else:
        monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY", environment)
    # An explicit option sends the SDK's spans, if there are any, to where the test sees them.
    explicit: dict[str, Any] = {
        "none": {},
        "on": {"open_telemetry": {"tracer_provider": instrumented.tracer_provider, "propagation": True}},
        "off": {"open_telemetry": False},
    }[option]
    result = client(provider, **explicit).messages.create(**ASK, stream=streamed)
    if streamed:
        assert len(list(result)) == 6
    assert instrumented.span.name == "chat claude-sonnet-5"
    assert "traceparent" not in provider.requests[0].headers
    assert "baggage" not in provider.requests[0].headers


def test_without_us_the_sdk_traces_itself_again(provider: Provider, telemetry: Telemetry) -> None:
    client(provider, open_telemetry={"tracer_provider": telemetry.tracer_provider}).messages.create(**ASK)
    assert telemetry.span.name == "anthropic.messages.create"


@pytest.mark.parametrize("beta", [False, True], ids=["messages", "beta messages"])
def test_the_stream_helper_is_one_span_with_the_final_usage(
    provider: Provider, instrumented: Telemetry, beta: bool
) -> None:
    sdk = client(provider)
    messages = sdk.beta.messages if beta else sdk.messages
    with messages.stream(**ASK) as stream:
        assert stream.get_final_text() == "Hello there"
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 25


def test_a_beta_message_is_counted(provider: Provider, instrumented: Telemetry) -> None:
    client(provider).beta.messages.create(**ASK)
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240


def test_counting_tokens_is_free_and_no_model_call(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {"input_tokens": 3}
    client(provider, open_telemetry=False).messages.count_tokens(model=ASK["model"], messages=ASK["messages"])
    assert instrumented.spans == []


def test_an_interrupted_stream_keeps_the_reported_input_and_estimates_the_output(
    provider: Provider, instrumented: Telemetry
) -> None:
    with client(provider).messages.create(**ASK, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    attributes = instrumented.attributes
    assert attributes["spancost.usage.estimated"] is True
    assert attributes["gen_ai.usage.input_tokens"] == 240
    assert attributes["gen_ai.usage.output_tokens"] == 3  # "Hello there": 11 characters


def test_what_only_the_start_of_a_stream_says_is_kept(provider: Provider, instrumented: Telemetry) -> None:
    usage = {**ANTHROPIC_USAGE, "speed": "fast", "inference_geo": "us", "service_tier": "priority"}
    start = {**MESSAGE_EVENTS[0], "message": {**MESSAGE_EVENTS[0]["message"], "usage": usage}}
    provider.events = [start, *MESSAGE_EVENTS[1:]]
    list(client(provider).messages.create(**ASK, stream=True))
    attributes = instrumented.attributes
    assert attributes["spancost.speed"] == "fast"
    assert attributes["spancost.region"] == "us"
    assert attributes["spancost.service_tier"] == "priority"
    assert attributes["spancost.usage.cache_write_1h.input_tokens"] == 10


def test_an_advisors_tokens_are_a_call_of_their_own_at_the_advisors_model(
    provider: Provider, instrumented: Telemetry
) -> None:
    steps = [
        {"type": "message", "input_tokens": 10, "output_tokens": 25},
        {"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 700, "output_tokens": 40},
    ]
    provider.answer = {**MESSAGE, "usage": {**ANTHROPIC_USAGE, "iterations": steps}}
    client(provider).beta.messages.create(**ASK)
    call, advisor = instrumented.spans
    assert call.name == "chat claude-sonnet-5"
    assert (call.attributes or {})["gen_ai.usage.input_tokens"] == 240
    assert advisor.name == "chat claude-opus-5"
    assert advisor.parent == call.parent
    attributes = dict(advisor.attributes or {})
    assert attributes["gen_ai.response.model"] == "claude-opus-5"
    assert attributes["gen_ai.usage.input_tokens"] == 700
    assert attributes["gen_ai.usage.output_tokens"] == 40
    assert "gen_ai.response.id" not in attributes


def test_a_fallback_is_billed_as_the_model_that_answered(provider: Provider, instrumented: Telemetry) -> None:
    steps = [
        {"type": "message", "model": "claude-sonnet-5", "input_tokens": 10, "output_tokens": 0},
        {"type": "fallback_message", "model": "claude-opus-5", "input_tokens": 10, "output_tokens": 25},
    ]
    provider.answer = {**MESSAGE, "usage": {**ANTHROPIC_USAGE, "iterations": steps}}
    client(provider).beta.messages.create(**ASK)
    assert instrumented.attributes["gen_ai.request.model"] == "claude-sonnet-5"
    assert instrumented.attributes["gen_ai.response.model"] == "claude-opus-5"


def test_bedrock_is_billed_by_amazon_in_its_region(provider: Provider, instrumented: Telemetry) -> None:
    bedrock: Any = AnthropicBedrock(aws_region="eu-west-1", api_key="key", http_client=provider.client())
    provider.answer = MESSAGE
    bedrock.messages.create(**{**ASK, "model": "eu.anthropic.claude-sonnet-5-v1:0"})
    assert instrumented.attributes["gen_ai.provider.name"] == "aws.bedrock"
    assert instrumented.attributes["spancost.region"] == "eu-west-1"
    assert instrumented.attributes["gen_ai.request.model"] == "eu.anthropic.claude-sonnet-5-v1:0"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 240


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        pytest.param(
            {"input_tokens": 5, "output_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
            used(input_tokens=5, output_tokens=0, cache_read_tokens=0, cache_write_tokens=0),
            id="reported zeros stay",
        ),
        pytest.param({"input_tokens": 5, "output_tokens": 2}, used(input_tokens=5, output_tokens=2), id="no cache"),
        pytest.param(
            {
                "input_tokens": 5,
                "output_tokens": 2,
                "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 4},
            },
            used(input_tokens=16, output_tokens=2, cache_write_tokens=11, cache_write_1h_tokens=4),
            id="writes reported by lifetime alone",
        ),
        pytest.param(
            {
                "input_tokens": 600,
                "output_tokens": 100,
                "iterations": [
                    {"type": "compaction", "input_tokens": 60_000, "output_tokens": 500},
                    {"type": "message", "input_tokens": 600, "output_tokens": 100},
                ],
            },
            used(input_tokens=60_600, output_tokens=600),
            id="compaction is billed on top of the totals",
        ),
        pytest.param(
            {
                "input_tokens": 5,
                "output_tokens": 90,
                "output_tokens_details": {"thinking_tokens": 60},
                "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0},
            },
            used(input_tokens=5, output_tokens=90, reasoning_tokens=60, units={"web_search": 3, "web_fetch": 0}),
            id="thinking and tools that ran",
        ),
    ],
)
def test_usage_is_read_as_totals_that_include_their_parts(reported: dict[str, Any], usage: Attributes) -> None:
    assert message_usage(reported) == usage
