"""Each emitter's words, as it writes them, become one call with the tokens that were used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.dialects import CASES

from spancost_collector.dialects import DIALECTS
from spancost_collector.reading.decode import Export
from spancost_collector.reading.normalise import Normaliser, Reading
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.collector.conftest import Otlp, Scalar
    from tests.collector.dialects.case import Case


def read(otlp: Otlp, values: Mapping[str, Scalar], *, scope: str = "", version: str = "") -> Reading:
    request = otlp.request(otlp.span(values), scope=scope)
    request.resource_spans[0].scope_spans[0].scope.version = version
    normaliser = Normaliser(DIALECTS)
    found = list(Export(request.SerializeToString()).candidates(normaliser.markers))
    if not found:
        return Reading(None, 0, enriched=False, unknown_operation=False)
    return normaliser.read(found[0].span, found[0].envelope)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_an_emitter_writes_is_one_call_with_the_tokens_that_were_used(otlp: Otlp, case: Case) -> None:
    reading = read(otlp, case.values, scope=case.scope, version=case.version)
    call = reading.call

    assert call is not None
    assert (call.dialect, call.role, call.operation) == (case.dialect, "leaf", case.operation)
    assert (call.route, call.usage) == (case.route, case.usage)
    assert call.attribution == case.attribution
    assert (call.quoted, call.reported) == (case.quoted, case.reported)
    assert reading.unreadable_attributes == 0


@pytest.mark.parametrize(
    "name",
    [
        "litellm, second callback",
        "langfuse, its own buckets",
        "logfire",
        "pydantic-ai",
        "langsmith",
        "mlflow",
        "openinference",
        "vercel 6",
        "google adk, first schema",
        "openllmetry before the conventions",
    ],
)
def test_an_emitter_is_known_by_its_attributes_where_its_scope_is_not(otlp: Otlp, name: str) -> None:
    case = CASES[name]
    call = read(otlp, case.values, scope="somebody.else").call

    assert call is not None
    assert (call.dialect, call.route, call.usage) == (case.dialect, case.route, case.usage)


def test_every_dialect_is_shown_by_a_case() -> None:
    assert {dialect.name for dialect in DIALECTS} == {case.dialect for case in CASES.values()}


AGGREGATES: dict[str, tuple[str, dict[str, Scalar]]] = {
    "vercel 6": ("ai", {"ai.operationId": "ai.generateText", "ai.model.id": "m", "ai.usage.inputTokens": 9}),
    "vercel 7": ("ai", {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9}),
    "openinference": ("openinference.x", {"openinference.span.kind": "AGENT", "llm.token_count.prompt": 9}),
    "langfuse": (
        "langfuse-sdk",
        {"langfuse.observation.type": "span", "langfuse.observation.usage_details": '{"input": 9}'},
    ),
    "langsmith": ("langsmith", {"langsmith.span.kind": "chain", "gen_ai.usage.input_tokens": 9}),
    "langsmith, an agent's total": (
        "langsmith",
        {
            "langsmith.span.kind": "llm",
            "langsmith.metadata.usage_scope": "agent_total",
            "gen_ai.usage.input_tokens": 9,
        },
    ),
    "pydantic-ai": (
        "pydantic-ai",
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.aggregated_usage.input_tokens": 9},
    ),
    "strands": ("strands.telemetry.tracer", {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9}),
    "mlflow": ("mlflow", {"mlflow.spanType": '"AGENT"', "mlflow.chat.tokenUsage": '{"input_tokens": 9}'}),
    "agentops": ("agentops", {"agentops.span.kind": "agent", "gen_ai.usage.prompt_tokens": 9}),
}


@pytest.mark.parametrize(("scope", "values"), AGGREGATES.values(), ids=AGGREGATES)
def test_what_repeats_the_calls_under_it_is_told_from_a_call(otlp: Otlp, scope: str, values: dict[str, Scalar]) -> None:
    call = read(otlp, values, scope=scope).call

    assert call is not None
    assert call.role == "aggregate"
    assert call.usage is not None
    assert call.usage.input_tokens == 9


NO_CALLS: dict[str, tuple[str, dict[str, Scalar]]] = {
    "a turn of claude code": (
        "com.anthropic.claude_code.tracing",
        {"span.type": "interaction", "gen_ai.operation.name": "invoke_agent", "session.id": "run-1"},
    ),
    "a tool of claude code": ("com.anthropic.claude_code.tracing", {"span.type": "tool", "input_tokens": 9}),
    "a tool of gemini cli": ("gemini-cli", {"gen_ai.operation.name": "tool_call", "gen_ai.usage.input_tokens": 9}),
    "a tool": ("openinference.x", {"openinference.span.kind": "TOOL", "llm.token_count.prompt": 9}),
    "a chain without counts": ("openinference.x", {"openinference.span.kind": "CHAIN"}),
    "a raw request of litellm": ("litellm", {"llm.anthropic.usage": "{'input_tokens': 9}", "note": "gen_ai."}),
    "spring's chat client": (
        "org.springframework.ai",
        {"gen_ai.operation.name": "framework", "gen_ai.usage.input_tokens": "9"},
    ),
    "the start of a stream of logfire": (
        "logfire.openai",
        {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "logfire.span_type": "span"},
    ),
    "a tool of vercel": ("ai", {"ai.operationId": "ai.toolCall", "ai.usage.inputTokens": 9}),
    "a retriever of mlflow": ("mlflow", {"mlflow.spanType": '"RETRIEVER"'}),
}


@pytest.mark.parametrize(("scope", "values"), NO_CALLS.values(), ids=NO_CALLS)
def test_what_is_no_model_call_is_none(otlp: Otlp, scope: str, values: dict[str, Scalar]) -> None:
    assert read(otlp, values, scope=scope) == (None, 0, False, False)


def test_a_stream_of_logfire_that_failed_is_a_call(otlp: Otlp) -> None:
    values = {"gen_ai.operation.name": "chat", "logfire.span_type": "span", "error.type": "TimeoutError"}
    call = read(otlp, values, scope="logfire.openai").call

    assert call is not None
    assert (call.outcome, call.usage) == ("error", None)


@pytest.mark.parametrize(("duration", "began_ns"), [(0.25, 750_000_000), (-1.0, 1_000_000_000), (9e9, 1_000_000_000)])
def test_a_stream_that_logfire_notes_down_at_its_end_began_earlier(otlp: Otlp, duration: float, began_ns: int) -> None:
    values = {**CASES["logfire"].values, "logfire.span_type": "log", "duration": duration}
    call = read(otlp, values, scope="logfire.openai").call

    assert call is not None
    assert (call.start_ns - otlp.noon, call.end_ns - otlp.noon) == (began_ns, 1_000_000_000)


@pytest.mark.parametrize("hit", [True, "True", "true"])
def test_an_answer_from_a_gateways_cache_is_marked(otlp: Otlp, hit: Scalar) -> None:
    values = {**CASES["litellm, second callback"].values, "litellm.cache_hit": hit}
    call = read(otlp, values, scope="litellm").call

    assert call is not None
    assert call.cached


def test_the_id_that_litellm_wraps_is_the_providers_own(otlp: Otlp) -> None:
    def identified(response_id: str) -> str | None:
        call = read(
            otlp, {**CASES["litellm, responses"].values, "gen_ai.response.id": response_id}, scope="litellm"
        ).call
        assert call is not None
        return call.response_id

    # base64 of "litellm:custom_llm_provider:openai;model_id:None;response_id:resp_1"
    wrapped = "bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDpOb25lO3Jlc3BvbnNlX2lkOnJlc3BfMQ=="
    assert identified(f"resp_{wrapped}") == "resp_1"
    values = {**CASES["litellm, responses"].values, "gen_ai.response.id": f"resp_{wrapped}"}
    told = read(otlp, {**values, "gen_ai.operation.name": "chat"}, scope="spancost").call
    assert told is not None
    assert told.response_id == "resp_1"
    assert identified("resp_1") == "resp_1"
    assert identified("resp_bGl0ZWxsbTp\u00e9") == "resp_bGl0ZWxsbTp\u00e9"


def test_zeros_of_litellm_say_that_nobody_knows(otlp: Otlp) -> None:
    values = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "groq",
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 0,
    }
    call = read(otlp, values, scope="litellm").call

    assert call is not None
    assert call.usage is None


def test_a_document_that_is_none_is_counted_and_costs_nothing_else(otlp: Otlp) -> None:
    values = {**CASES["logfire"].values, "gen_ai.usage.raw": '{"input_tokens": ' + "[" * 5000}
    reading = read(otlp, values, scope="logfire.anthropic")

    assert reading.call is not None
    assert reading.call.usage == Usage(input_tokens=3504, output_tokens=97)
    assert reading.unreadable_attributes == 1


def test_the_time_to_the_first_chunk_is_in_seconds_whatever_the_emitters_unit(otlp: Otlp) -> None:
    vercel = read(otlp, CASES["vercel 6"].values, scope="ai").call
    openlit = read(
        otlp,
        {**CASES["openlit on anthropic"].values, "gen_ai.server.time_to_first_token": 0.25},
        scope="openlit.instrumentation.anthropic",
    ).call

    assert vercel is not None
    assert openlit is not None
    assert (vercel.first_chunk_s, openlit.first_chunk_s) == (0.2505, 0.25)
