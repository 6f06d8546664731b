"""Every generation of the OpenTelemetry GenAI conventions becomes the same call, and nothing else becomes one."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spancost_collector.call import Attribution, Reported, Resource
from spancost_collector.dialects import DIALECTS
from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.columns import COUNTS, UNITS
from spancost_collector.reading.decode import Envelope
from spancost_collector.reading.normalise import Normaliser, Reading
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.collector.conftest import Otlp, Scalar

    from spancost_collector.call import ModelCall

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "acme", "gen_ai.request.model": "one"}


def read(
    otlp: Otlp, values: Mapping[str, Scalar], *, scope: str = "", resource: Mapping[str, Scalar] | None = None
) -> Reading:
    request = otlp.request(otlp.span(values), scope=scope, resource=resource)
    (resource_spans,) = request.resource_spans
    (scope_spans,) = resource_spans.scope_spans
    envelope = Envelope(resource_spans.resource.SerializeToString(), scope_spans.scope.SerializeToString())
    return Normaliser(DIALECTS).read(scope_spans.spans[0].SerializeToString(), envelope)


def call_of(otlp: Otlp, values: Mapping[str, Scalar], *, scope: str = "") -> ModelCall:
    call = read(otlp, values, scope=scope).call
    assert call is not None
    return call


GENERATIONS: dict[str, dict[str, Scalar]] = {
    "today": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "one",
        "gen_ai.response.model": "one-2026",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_write.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 128,
        "openai.response.service_tier": "flex",
    },
    "1.37 to 1.41, cache_creation": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "one",
        "gen_ai.response.model": "one-2026",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_creation.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 128,
        "gen_ai.openai.response.service_tier": "flex",
    },
}


@pytest.mark.parametrize("values", GENERATIONS.values(), ids=GENERATIONS)
def test_the_generations_with_parts_are_the_same_call(otlp: Otlp, values: dict[str, Scalar]) -> None:
    call = call_of(otlp, values)

    assert call.route == Route("openai", "one-2026", service_tier="flex")
    assert (call.request_model, call.response_model) == ("one", "one-2026")
    assert call.usage == Usage(
        input_tokens=1200, output_tokens=300, cache_read_tokens=1000, cache_write_tokens=50, reasoning_tokens=128
    )
    assert (call.operation, call.outcome, call.dialect) == ("chat", "ok", "otel")


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 5},
        {"gen_ai.operation.name": "chat", "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 5},
        {"gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 5},
    ],
    ids=["1.28 to 1.36", "1.27", "before operation names"],
)
def test_the_generations_with_a_system_are_the_same_call(otlp: Otlp, values: dict[str, Scalar]) -> None:
    call = call_of(otlp, {"gen_ai.system": "vertex_ai", "gen_ai.request.model": "gemini", **values})

    assert call.operation == "chat"
    assert call.route == Route("vertex_ai", "gemini")
    assert call.usage == Usage(input_tokens=7, output_tokens=5)


def test_the_newest_name_wins_whatever_the_order(otlp: Otlp) -> None:
    older = {"gen_ai.usage.prompt_tokens": 1, "gen_ai.system": "old"}
    newer = {"gen_ai.usage.input_tokens": 0, "gen_ai.provider.name": "new", "gen_ai.operation.name": "chat"}

    for values in ({**older, **newer}, {**newer, **older}):
        call = call_of(otlp, values)
        assert call.usage == Usage(input_tokens=0)
        assert call.route.provider == "new"


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(OTEL.names["service_tier"], 2)))
def test_of_two_names_the_one_that_is_declared_first_wins(otlp: Otlp, first: str, second: str) -> None:
    assert call_of(otlp, {**CHAT, second: "flex", first: "batch"}).route.service_tier == "batch"


@pytest.mark.parametrize("operation", ["chat", "text_completion", "generate_content", "embeddings", "image_generation"])
def test_an_operation_that_is_paid_for_is_a_call(otlp: Otlp, operation: str) -> None:
    assert call_of(otlp, {**CHAT, "gen_ai.operation.name": operation}).operation == operation


@pytest.mark.parametrize("operation", ["invoke_agent", "create_agent", "invoke_workflow"])
def test_an_operation_that_repeats_calls_stands_for_them_only_if_it_has_usage(otlp: Otlp, operation: str) -> None:
    values = {**CHAT, "gen_ai.operation.name": operation}

    assert read(otlp, values).call is None
    call = call_of(otlp, {**values, "gen_ai.usage.input_tokens": 9})
    assert (call.role, call.operation, call.usage) == ("aggregate", operation, Usage(input_tokens=9))


@pytest.mark.parametrize("operation", ["execute_tool", "fetch_response", "retrieval", "plan"])
def test_an_operation_that_holds_or_follows_calls_is_not_a_call(otlp: Otlp, operation: str) -> None:
    values = {
        **CHAT,
        "gen_ai.operation.name": operation,
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.prompt_tokens": 9,
    }
    assert read(otlp, values) == (None, 0, False, False)


def test_usage_under_an_operation_that_nobody_knows_is_counted(otlp: Otlp) -> None:
    strange = {**CHAT, "gen_ai.operation.name": "interactions.create"}

    assert read(otlp, {**strange, "gen_ai.usage.input_tokens": 9}) == (None, 0, False, True)
    assert read(otlp, strange) == (None, 0, False, False)
    assert read(otlp, {**CHAT, "gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9})[3] is False


def test_a_span_that_only_mentions_gen_ai_is_not_a_call(otlp: Otlp) -> None:
    assert read(otlp, {"http.url": "https://docs.example/gen_ai.usage", "gen_ai.request.model": "one"}).call is None


@pytest.mark.parametrize(
    "scope",
    ["opentelemetry.instrumentation.genai.bedrock", "opentelemetry.instrumentation.botocore.bedrock-runtime"],
)
def test_bedrock_input_that_leaves_out_cached_tokens_is_made_whole(otlp: Otlp, scope: str) -> None:
    values = {
        **CHAT,
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.cache_read.input_tokens": 5000,
        "gen_ai.usage.cache_creation.input_tokens": 300,
    }

    known = call_of(otlp, values, scope=scope)
    assert known.usage == Usage(input_tokens=5420, cache_read_tokens=5000, cache_write_tokens=300)
    assert known.assumed is None
    # Where the rule is known and says otherwise, a contradiction stays one.
    openai = call_of(otlp, values, scope="opentelemetry.instrumentation.genai.openai")
    assert openai.usage == Usage(input_tokens=120, cache_read_tokens=5000, cache_write_tokens=300)


@pytest.mark.parametrize(
    ("figures", "whole", "assumed"),
    [
        ({"input_tokens": 120, "cache_read.input_tokens": 5000}, 5120, "cached tokens stand beside the input"),
        (
            {"input_tokens": 120, "output_tokens": 7, "cache_read.input_tokens": 50, "total_tokens": 177},
            170,
            "cached tokens stand beside the input",
        ),
        ({"input_tokens": 5120, "cache_read.input_tokens": 5000}, 5120, "the input includes cached tokens"),
        ({"input_tokens": 120, "cache_read.input_tokens": 0}, 120, None),
    ],
    ids=["more cached than all", "the grand total has both", "nothing says otherwise", "nothing was cached"],
)
def test_an_unknown_emitters_input_is_judged_by_arithmetic(
    otlp: Otlp, figures: dict[str, int], whole: int, assumed: str | None
) -> None:
    call = call_of(otlp, {**CHAT, **{f"gen_ai.usage.{name}": value for name, value in figures.items()}})

    assert call.usage is not None
    assert (call.usage.input_tokens, call.assumed) == (whole, assumed)


def test_reasoning_beside_the_output_is_put_in_where_it_is_more_than_the_output(otlp: Otlp) -> None:
    figures = {"gen_ai.usage.output_tokens": 2, "gen_ai.usage.reasoning.output_tokens": 340}

    unknown = call_of(otlp, {**CHAT, **figures})
    assert unknown.usage == Usage(output_tokens=342, reasoning_tokens=340)
    assert unknown.assumed == "reasoning stands beside the output"
    scope = "opentelemetry.instrumentation.genai.openai"
    xai = call_of(
        otlp, {**CHAT, **figures, "gen_ai.provider.name": "openai", "server.address": "api.x.ai"}, scope=scope
    )
    assert (xai.usage, xai.assumed) == (Usage(output_tokens=342, reasoning_tokens=340), None)


def test_an_hour_long_cache_write_is_told_from_a_short_one(otlp: Otlp) -> None:
    values = {
        **CHAT,
        "gen_ai.usage.input_tokens": 5400,
        "gen_ai.usage.cache_write.input_tokens": 300,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 200,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 100,
        "anthropic.response.service_tier": "priority",
    }
    call = call_of(otlp, values)

    assert call.usage == Usage(input_tokens=5400, cache_write_tokens=300, cache_write_1h_tokens=100)
    assert call.route.service_tier == "priority"


def test_our_own_attributes_say_what_the_conventions_cannot(otlp: Otlp) -> None:
    call = call_of(
        otlp,
        {
            **CHAT,
            "gen_ai.usage.input_tokens": 10,
            "spancost.usage.web_searches": 2,
            "spancost.usage.seconds": 12.5,
            "spancost.usage.estimated": True,
            "spancost.service_tier": "batch",
            "openai.response.service_tier": "default",
            "spancost.region": "eu",
            "spancost.speed": "fast",
            "spancost.deployment": "DataZone",
        },
    )

    assert call.usage == Usage(input_tokens=10, units={"web_search": 2, "second": Decimal("12.5")}, estimated=True)
    assert call.route == Route("acme", "one", service_tier="batch", region="eu", deployment="DataZone", speed="fast")


def test_a_call_is_billed_by_whoever_it_was_sent_to(otlp: Otlp) -> None:
    values = {**CHAT, "gen_ai.provider.name": "openai", "server.address": "openrouter.ai"}
    assert call_of(otlp, values).route == Route("openrouter", "one")


def test_attribution_is_read_from_the_span(otlp: Otlp) -> None:
    call = call_of(
        otlp,
        {
            **CHAT,
            "spancost.feature": "search",
            "spancost.task": "rerank",
            "spancost.tenant": "acme",
            "user.id": "u42",
            "gen_ai.conversation.id": "c1",
        },
    )
    assert call.attribution == Attribution("search", "rerank", "acme", "u42", "c1")


@pytest.mark.parametrize("name", ["deployment.environment.name", "deployment.environment"])
def test_the_resource_says_where_the_call_was_made(otlp: Otlp, name: str) -> None:
    reading = read(otlp, CHAT, resource={"service.name": "shop", name: "production", "service.version": "1.4.0"})
    assert reading.call is not None
    assert reading.call.resource == Resource("shop", "production", "1.4.0")


def test_an_empty_string_is_unset(otlp: Otlp) -> None:
    reading = read(
        otlp,
        {
            **CHAT,
            "gen_ai.response.model": "",
            "spancost.feature": "",
            "gen_ai.provider.name": "",
            "gen_ai.system": "older",
        },
    )

    assert reading.call is not None
    assert reading.call.route == Route("older", "one")
    assert reading.call.attribution == Attribution()
    assert reading.unreadable_attributes == 0


def test_no_usage_is_not_a_usage_of_zero(otlp: Otlp) -> None:
    assert call_of(otlp, CHAT).usage is None
    assert call_of(otlp, {**CHAT, "gen_ai.usage.output_tokens": 0}).usage == Usage(output_tokens=0)


def test_a_failed_call_is_still_a_call(otlp: Otlp) -> None:
    failed = call_of(otlp, {**CHAT, "error.type": "openai.RateLimitError"})
    assert (failed.outcome, failed.usage) == ("error", None)

    span = otlp.span(CHAT)
    span.status.code = span.status.STATUS_CODE_ERROR
    assert (call := Normaliser(DIALECTS).read(span.SerializeToString(), Envelope(b"", b"")).call) is not None
    assert call.outcome == "error"


def test_whole_numbers_are_read_however_they_are_written(otlp: Otlp) -> None:
    reading = read(otlp, {**CHAT, "gen_ai.usage.input_tokens": 12.0, "gen_ai.usage.output_tokens": 3})
    assert reading.call is not None
    assert reading.call.usage == Usage(input_tokens=12, output_tokens=3)


@pytest.mark.parametrize("value", ["12", 12.5, True, float("nan"), float("inf"), 10**10 + 1, -(10**11)])
def test_a_count_that_cannot_be_one_is_absent_and_counted(otlp: Otlp, value: Scalar) -> None:
    reading = read(otlp, {**CHAT, "gen_ai.usage.input_tokens": value, "gen_ai.usage.output_tokens": 3})

    assert reading.call is not None
    assert reading.call.usage == Usage(output_tokens=3)
    assert reading.unreadable_attributes == 1


def test_a_name_that_is_really_content_is_absent_and_counted(otlp: Otlp) -> None:
    reading = read(otlp, {**CHAT, "spancost.feature": "x" * 1025, "spancost.task": "x" * 1024})

    assert reading.call is not None
    assert reading.call.attribution == Attribution(task="x" * 1024)
    assert reading.unreadable_attributes == 1


def test_the_dialect_can_say_everything_that_a_usage_holds() -> None:
    assert set(COUNTS) | set(UNITS) <= set(OTEL.names)
    assert (len(COUNTS), len(UNITS)) == (13, 6)


def test_what_the_biller_reported_is_read_to_the_pico_dollar(otlp: Otlp) -> None:
    told = call_of(
        otlp,
        {**GENERATIONS["today"], "spancost.cost.reported_usd": 0.002103, "spancost.cost.reported_by": "openrouter"},
    )

    assert told.reported == Reported(2_103_000_000, "openrouter")


@pytest.mark.parametrize("value", [-0.5, 9_223_372.1, "0.002"])
def test_a_reported_cost_that_cannot_be_one_is_absent_and_counted(otlp: Otlp, value: Scalar) -> None:
    reading = read(otlp, {**GENERATIONS["today"], "spancost.cost.reported_usd": value})

    assert reading.call is not None
    assert (reading.call.reported, reading.unreadable_attributes) == (None, 1)


def test_an_estimate_is_quoted_and_never_taken_for_the_billers_figure(otlp: Otlp) -> None:
    call = call_of(otlp, {**GENERATIONS["today"], "gen_ai.usage.cost.amount": 0.25, "gen_ai.usage.cost": 0.5})

    assert (call.reported, call.quoted) == (None, Reported(250_000_000_000, "otel"))


def test_the_time_to_the_first_chunk_is_read(otlp: Otlp) -> None:
    assert call_of(otlp, {**CHAT, "gen_ai.response.time_to_first_chunk": 0.31}).first_chunk_s == 0.31
    assert call_of(otlp, CHAT).first_chunk_s is None


def test_a_call_says_who_described_it_and_under_which_span(otlp: Otlp) -> None:
    span = otlp.span(CHAT)
    span.parent_span_id = b"\x09" * 8
    request = otlp.request(span, scope="my.scope")
    (scope_spans,) = request.resource_spans[0].scope_spans
    envelope = Envelope(b"", scope_spans.scope.SerializeToString())
    call = Normaliser(DIALECTS).read(span.SerializeToString(), envelope).call

    assert call is not None
    assert (call.emitter, call.parent_id, call.role) == ("my.scope", b"\x09" * 8, "leaf")


def test_a_model_that_only_one_provider_has_says_who_that_is_where_nobody_else_does(otlp: Otlp) -> None:
    call = call_of(otlp, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4-5"})
    assert (call.route.provider, call.assumed) == ("anthropic", "anthropic serves claude-sonnet-4-5, by its name alone")
    nobody = call_of(otlp, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "llama-3"})
    assert (nobody.route.provider, nobody.assumed) == ("", None)


def test_a_receiver_before_this_one_may_have_charged_another_span(otlp: Otlp) -> None:
    told = call_of(otlp, {**CHAT, "spancost.duplicate_of": "00000000000000ff"})
    assert told.duplicate_of == b"\0\0\0\0\0\0\0\xff"
    assert call_of(otlp, {**CHAT, "spancost.duplicate_of": "no span"}).duplicate_of == b""
