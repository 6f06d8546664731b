"""What coding agents log and count becomes the calls that they made, once each, with the tokens that were used."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.agents import (
    CLAUDE_EVENTS,
    CUMULATIVE,
    SECOND,
    event,
    logs,
    metrics,
    request_event,
    total,
)
from tests.collector.conftest import NOON

from spancost_collector.agents.events import Found, calls_in_logs
from spancost_collector.agents.points import calls_in_metrics
from spancost_collector.call import Attribution, Reported, Resource
from spancost_collector.dialects import DIALECTS
from spancost_collector.reading.decode import Export, MalformedRequestError
from spancost_collector.reading.normalise import Normaliser, UnreadableSpanError
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.collector.conftest import Otlp, Scalar

    from spancost_collector.call import ModelCall

COVERED = Reported(0, "subscription")
CODEX_ANSWER: dict[str, Scalar] = {
    "event.name": "codex.sse_event",
    "event.kind": "response.completed",
    "conversation.id": "conversation-1",
    "auth_mode": "ApiKey",
    "user.account_id": "account-1",
    "model": "gpt-x",
    "input_token_count": "3504",  # some of its versions write some counts as texts
    "cached_token_count": 2000,
    "output_token_count": "97",
    "reasoning_token_count": 40,
    "tool_token_count": "3601",
}
GEMINI_ANSWER: dict[str, Scalar] = {
    "event.name": "gemini_cli.api_response",
    "session.id": "run-1",
    "installation.id": "installation-1",
    "user.email": "dev@example.com",
    "auth_type": "gemini-api-key",
    "model": "gemini-x",
    "prompt_id": "run-1########3",
    "duration_ms": 1500,
    "status_code": 200,
    "input_token_count": 1000,
    "cached_content_token_count": 400,
    "output_token_count": 60,
    "thoughts_token_count": 40,
    "tool_token_count": 25,
    "total_token_count": 1125,
}
COMMON: dict[str, Scalar] = {"session.id": "run-1", "user.email": "dev@example.com", "model": "one"}
USED = {"input": 504.0, "output": 97.0, "cacheRead": 2000.0, "cacheCreation": 1000.0}


def read(found: Found) -> list[ModelCall]:
    """The calls as the receiver reads them; nothing of theirs is unreadable."""
    normaliser = Normaliser(DIALECTS)
    calls: list[ModelCall] = []
    for candidate in Export(found.body).candidates(normaliser.markers):
        reading = normaliser.read(candidate.span, candidate.envelope)
        assert reading.unreadable_attributes == 0
        assert reading.call is not None
        calls.append(reading.call)
    assert len(calls) == found.calls
    return calls


def logged(values: Mapping[str, Scalar], *, scope: str = "", resource: Mapping[str, Scalar] | None = None) -> ModelCall:
    (call,) = read(calls_in_logs(logs(event(values), scope=scope, resource=resource)))
    return call


def test_a_request_that_claude_code_logs_is_a_call() -> None:
    resource: dict[str, Scalar] = {"service.name": "claude-code", "service.version": "2.1.330"}

    call = logged(request_event(), scope=CLAUDE_EVENTS, resource=resource)

    assert (call.dialect, call.operation, call.outcome) == ("claude_code", "chat", "ok")
    assert call.route == Route("anthropic", "one")
    assert call.usage == Usage(
        input_tokens=3504,
        cache_read_tokens=2000,
        cache_write_tokens=1000,
        cache_write_1h_tokens=400,
        output_tokens=97,
    )
    assert call.quoted == Reported(12_300_000_000, "claude_code")
    assert call.reported is None
    assert (call.start_ns, call.end_ns, call.first_chunk_s) == (NOON - 2_500_000_000, NOON, 0.7)
    assert call.response_id == "req_0123456789abcdefghij"
    assert call.attribution == Attribution(
        tenant="org-1", user="dev@example.com", session="run-1", tags=("query_source:repl_main_thread",)
    )
    assert call.resource == Resource(service="claude-code", release="2.1.330")


def test_counts_that_are_written_as_texts_are_counts() -> None:
    texts = {name: str(value) for name, value in request_event().items()}

    assert logged(texts, scope=CLAUDE_EVENTS).usage == logged(request_event(), scope=CLAUDE_EVENTS).usage


@pytest.mark.parametrize(
    ("model", "route"),
    [
        ("claude-x-5", Route("anthropic", "claude-x-5")),
        ("claude-x-5[1m]", Route("anthropic", "claude-x-5")),
        ("us.anthropic.claude-x-5-v1:0", Route("aws.bedrock", "us.anthropic.claude-x-5-v1:0")),
        ("claude-x-5@20260101", Route("gcp.vertex_ai", "claude-x-5@20260101")),
    ],
)
def test_the_name_of_a_model_tells_through_whom_claude_code_called_it(model: str, route: Route) -> None:
    assert logged(request_event(model=model), scope=CLAUDE_EVENTS).route == route


def test_speed_that_is_sold_apart_selects_its_rates() -> None:
    assert logged(request_event(speed="fast"), scope=CLAUDE_EVENTS).route.speed == "fast"


def test_an_error_that_claude_code_logs_is_a_failed_call() -> None:
    values: dict[str, Scalar] = {
        "event.name": "api_error",
        "session.id": "run-1",
        "model": "one",
        "error": "Overloaded",
        "status_code": "529",
        "duration_ms": "800",
    }

    call = logged(values, scope=CLAUDE_EVENTS)

    assert (call.outcome, call.usage, call.end_ns - call.start_ns) == ("error", None, 800_000_000)


def test_an_answer_that_codex_logs_is_a_call() -> None:
    record = event(CODEX_ANSWER, observed=True)

    (call,) = read(calls_in_logs(logs(record, resource={"service.name": "codex_cli_rs"})))

    assert (call.dialect, call.route) == ("codex", Route("openai", "gpt-x"))
    assert call.usage == Usage(input_tokens=3504, cache_read_tokens=2000, output_tokens=97, reasoning_tokens=40)
    assert call.end_ns == NOON
    assert call.attribution == Attribution(user="account-1", session="conversation-1")
    assert call.reported is None


def test_an_answer_over_a_web_socket_is_one_too() -> None:
    call = logged({**CODEX_ANSWER, "event.name": "codex.websocket_event"})

    assert call.usage == Usage(input_tokens=3504, cache_read_tokens=2000, output_tokens=97, reasoning_tokens=40)


def test_the_parts_of_a_stream_that_codex_logs_are_no_calls() -> None:
    part = {name: value for name, value in CODEX_ANSWER.items() if not name.endswith("_count")}

    found = calls_in_logs(logs(event(part), event({**part, "event.kind": "response.output_item.done"})))

    assert (found.calls, found.others) == (0, 2)


def test_an_answer_that_gemini_cli_logs_is_a_call() -> None:
    call = logged(GEMINI_ANSWER, scope="gemini-cli", resource={"service.name": "gemini-cli"})

    assert (call.dialect, call.route) == ("gemini_cli", Route("gcp.gemini", "gemini-x"))
    assert call.usage == Usage(input_tokens=1025, cache_read_tokens=400, output_tokens=100, reasoning_tokens=40)
    assert call.attribution == Attribution(user="dev@example.com", session="run-1")


def test_the_second_account_of_an_answer_by_gemini_cli_is_none() -> None:
    again: dict[str, Scalar] = {
        "event.name": "gen_ai.client.inference.operation.details",
        "session.id": "run-1",
        "gen_ai.provider.name": "gcp.gen_ai",
        "gen_ai.request.model": "gemini-x",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 60,
    }

    found = calls_in_logs(logs(event(GEMINI_ANSWER), event(again), scope="gemini-cli"))

    assert (found.calls, found.others) == (1, 1)


@pytest.mark.parametrize(
    ("values", "covered"),
    [
        (request_event(), None),
        (request_event(user__customer_type="claude_ai"), COVERED),
        (request_event(user__customer_type="api"), None),
        (request_event(user__subscription_type="max"), COVERED),
        (CODEX_ANSWER, None),
        ({**CODEX_ANSWER, "auth_mode": "Chatgpt"}, COVERED),
        (GEMINI_ANSWER, None),
        ({**GEMINI_ANSWER, "auth_type": "oauth-personal"}, COVERED),
    ],
    ids=["claude", "claude.ai", "console", "max", "codex with a key", "chatgpt", "gemini with a key", "google account"],
)
def test_what_says_that_a_subscription_covers_it_is_believed(
    values: dict[str, Scalar], covered: Reported | None
) -> None:
    scope = CLAUDE_EVENTS if values["event.name"] == "api_request" else ""

    assert logged(values, scope=scope).reported == covered


def test_gemini_cli_on_vertex_is_billed_by_vertex() -> None:
    assert logged({**GEMINI_ANSWER, "auth_type": "vertex-ai"}).route == Route("gcp.vertex_ai", "gemini-x")


@pytest.mark.parametrize(
    ("resource", "tag"),
    [
        ({"vcs.owner.name": "acme", "vcs.repository.name": "shop"}, "repository:acme/shop"),
        ({"vcs.repository.name": "acme/shop"}, "repository:acme/shop"),
        ({"vcs.repository.url.full": "https://git.example.com/acme/shop.git"}, "repository:acme/shop"),
        ({"vcs.repository.url.full": "git@git.example.com:acme/shop"}, "repository:acme/shop"),
        ({"repository": "shop"}, "repository:shop"),
    ],
)
def test_the_repository_is_a_tag(resource: dict[str, Scalar], tag: str) -> None:
    tags = logged(request_event(), scope=CLAUDE_EVENTS, resource=resource).attribution.tags

    assert tags == (tag, "query_source:repl_main_thread")


def test_what_the_resource_says_counts_for_an_event_that_does_not_say_it() -> None:
    values = request_event()
    del values["user.email"], values["user.id"]
    resource: dict[str, Scalar] = {"user.email": "other@example.com", "organization.id": "org-2"}

    attribution = logged(values, scope=CLAUDE_EVENTS, resource=resource).attribution

    assert (attribution.user, attribution.tenant) == ("other@example.com", "org-1")


def test_an_event_inside_a_span_is_in_its_trace() -> None:
    record = event(request_event())
    record.trace_id, record.span_id = b"\x07" * 16, b"\x08" * 8

    (call,) = read(calls_in_logs(logs(record, scope=CLAUDE_EVENTS)))

    assert (call.trace_id, call.parent_id) == (b"\x07" * 16, b"\x08" * 8)


def test_a_span_of_a_claude_code_that_did_not_name_a_provider_yet_is_found_by_its_name(otlp: Otlp) -> None:
    span = otlp.span(
        {"span.type": "llm_request", "model": "one", "input_tokens": 504, "cache_read_tokens": 2000},
        name="claude_code.llm_request",
    )
    body = otlp.request(span, scope="com.anthropic.claude_code.tracing").SerializeToString()

    (call,) = read(Found(body, calls=1, others=0, foreign=0))

    assert (call.route, call.usage) == (
        Route("anthropic", "one"),
        Usage(input_tokens=2504, cache_read_tokens=2000),
    )


def test_an_event_that_comes_twice_is_the_same_call_and_the_next_one_another() -> None:
    records = (event(request_event()), event(request_event()), event(request_event(event__sequence=5)))

    one, again, other = read(calls_in_logs(logs(*records, scope=CLAUDE_EVENTS)))

    assert one.key == again.key
    assert one.key != other.key
    assert one.trace_id == other.trace_id


def test_what_else_agents_and_others_log_is_told_apart() -> None:
    found = calls_in_logs(logs(event({"event.name": "claude_code.user_prompt"}), event({"event.name": "checkout"})))

    assert (found.calls, found.others, found.foreign) == (0, 1, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, -math.inf])
def test_a_point_that_is_no_quantity_is_left_out(value: float) -> None:
    (call,) = read(calls_in_metrics(metrics(total("claude_code.token.usage", {"input": 9.0, "output": value}, COMMON))))

    assert call.usage == Usage(input_tokens=9, batched_requests=1)


@given(st.data())
def test_whatever_bytes_come_they_are_read_or_malformed(data: st.DataObject) -> None:
    find, whole = data.draw(
        st.sampled_from(
            [
                (calls_in_logs, logs(event(request_event()), event(GEMINI_ANSWER), scope=CLAUDE_EVENTS)),
                (calls_in_metrics, metrics(total("claude_code.token.usage", USED, COMMON))),
            ]
        )
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    try:
        found = find(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    except MalformedRequestError:
        return
    normaliser = Normaliser(DIALECTS)
    for candidate in Export(found.body).candidates(normaliser.markers):
        with suppress(UnreadableSpanError):  # a time or an id that cannot be: counted, and not charged
            normaliser.read(candidate.span, candidate.envelope)


@pytest.mark.parametrize("find", [calls_in_logs, calls_in_metrics])
def test_what_is_no_request_is_malformed(find: object) -> None:
    assert callable(find)
    with pytest.raises(MalformedRequestError, match="of 3 bytes: not valid protobuf"):
        find(b"\xff\xff\xff")


def test_what_claude_code_counted_in_a_minute_is_one_call_for_each_model() -> None:
    found = calls_in_metrics(
        metrics(
            total("claude_code.token.usage", USED, COMMON),
            total("claude_code.cost.usage", {"": 0.0123}, COMMON),
            total("claude_code.token.usage", {"input": 9.0, "output": 1.0}, {**COMMON, "model": "small"}),
            total("claude_code.session.count", {"": 1.0}, COMMON),
        )
    )

    one, small = sorted(read(found), key=lambda call: call.route.model)
    assert (one.dialect, one.route, one.role) == ("claude_code", Route("anthropic", "one"), "leaf")
    assert one.usage == Usage(
        input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97, batched_requests=1
    )
    assert one.quoted == Reported(12_300_000_000, "claude_code")
    assert (one.start_ns, one.end_ns) == (NOON, NOON)
    assert one.attribution == Attribution(user="dev@example.com", session="run-1")
    assert small.usage == Usage(input_tokens=9, output_tokens=1, batched_requests=1)
    assert found.others == 1


def test_a_minute_of_many_calls_is_not_priced_as_one_of_a_long_context() -> None:
    found = calls_in_metrics(metrics(total("claude_code.token.usage", {"input": 450_000.0, "output": 9.0}, COMMON)))

    (call,) = read(found)
    assert call.usage == Usage(input_tokens=450_000, output_tokens=9, batched_requests=5)


def test_a_minute_in_which_nothing_was_used_is_no_call() -> None:
    idle = dict.fromkeys(USED, 0.0)

    found = calls_in_metrics(
        metrics(
            total("claude_code.token.usage", idle, COMMON),
            total("claude_code.cost.usage", {"": 0.0}, COMMON),
        )
    )

    assert found.calls == 0


def test_what_gemini_cli_counted_is_a_call_where_it_sends_differences() -> None:
    used = {"input": 1000.0, "output": 60.0, "cache": 400.0, "thought": 40.0, "tool": 25.0}

    (call,) = read(calls_in_metrics(metrics(total("gemini_cli.token.usage", used, COMMON), scope="gemini-cli")))

    assert call.route == Route("gcp.gemini", "one")
    assert call.usage == Usage(
        input_tokens=1025, cache_read_tokens=400, output_tokens=100, reasoning_tokens=40, batched_requests=1
    )


def summed(used: dict[str, float], *, until: float = 0.0, since: float = -60.0) -> ModelCall:
    found = metrics(
        total("gemini_cli.token.usage", used, COMMON, since=since, until=until, temporality=CUMULATIVE),
        scope="gemini-cli",
    )
    (call,) = read(calls_in_metrics(found))
    return call


def test_a_sum_since_a_start_is_the_same_description_until_it_changes() -> None:
    first, same, more = summed({"input": 9.0}), summed({"input": 9.0}, until=10), summed({"input": 12.0}, until=10)

    assert first.key == same.key
    assert first.key != more.key
    assert first.trace_id == more.trace_id


def test_a_sum_that_began_anew_is_of_another_series() -> None:
    assert summed({"input": 9.0}).trace_id != summed({"input": 9.0}, since=-30).trace_id


def test_sums_whose_types_began_a_moment_apart_belong_together() -> None:
    body = metrics(
        total("gemini_cli.token.usage", {"input": 1000.0}, COMMON, since=-60.0, temporality=CUMULATIVE),
        total("gemini_cli.token.usage", {"cache": 400.0}, COMMON, since=-59.999, temporality=CUMULATIVE),
    )

    (call,) = read(calls_in_metrics(body))

    assert call.usage == Usage(input_tokens=1000, cache_read_tokens=400, batched_requests=1)
    assert call.start_ns == NOON - 60 * SECOND
