"""Any enclosing span says who pays as well, and the model calls of other instrumentations are told it too."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import spancost

from ..drivers import DRIVERS
from ..paid import paid_by

if TYPE_CHECKING:
    from ..conftest import Telemetry
    from ..provider import Provider


def test_attributes_of_enclosing_spans_count_at_any_depth(call: Any, instrumented: Telemetry) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    with (
        tracer.start_as_current_span("request", attributes={"spancost.tenant": "acme", "user.id": "u1"}),
        tracer.start_as_current_span("handler") as handler,
    ):
        # Known only now, as in most web frameworks.
        handler.set_attribute("spancost.feature", "search")
        with tracer.start_as_current_span("step"):
            call()
    assert paid_by(instrumented.spans[0]) == {
        "spancost.tenant": "acme",
        "user.id": "u1",
        "spancost.feature": "search",
    }


def test_an_attribute_that_an_enclosing_span_gets_during_the_call_counts(
    provider: Provider, instrumented: Telemetry
) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("request") as request:
        stream = DRIVERS["openai"](provider).ask_stream()
        request.set_attribute("spancost.feature", "search")
        list(stream)
    assert paid_by(instrumented.spans[0]) == {"spancost.feature": "search"}


def test_what_a_scope_says_comes_before_what_spans_say(call: Any, instrumented: Telemetry) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    with (
        spancost.attribution(feature="scope", user="u1"),
        tracer.start_as_current_span("request", attributes={"spancost.feature": "span", "spancost.task": "rank"}),
    ):
        call()
    assert paid_by(instrumented.spans[0]) == {
        "spancost.feature": "scope",
        "user.id": "u1",
        "spancost.task": "rank",
    }


def test_the_innermost_of_enclosing_spans_wins(call: Any, instrumented: Telemetry) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    with (
        tracer.start_as_current_span("request", attributes={"spancost.feature": "outer", "user.id": "u1"}),
        tracer.start_as_current_span("step", attributes={"spancost.feature": "inner", "user.id": ""}),
    ):
        call()
    assert paid_by(instrumented.spans[0]) == {"spancost.feature": "inner", "user.id": "u1"}


def test_spans_that_have_ended_say_what_they_said(call: Any, instrumented: Telemetry) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    job = tracer.start_span("job", attributes={"spancost.tenant": "acme", "user.id": "u1"})
    with trace.use_span(job):
        request = tracer.start_span("request", attributes={"spancost.feature": "outer", "spancost.task": "rank"})
    with trace.use_span(request):
        step = tracer.start_span("step", attributes={"spancost.feature": "inner"})
    step.end()
    request.end()
    with trace.use_span(step), tracer.start_as_current_span("later"), tracer.start_as_current_span("inside"):
        job.set_attribute("session.id", "s1")
        job.end()
        call()
    assert paid_by(instrumented.spans[3]) == {
        "spancost.feature": "inner",
        "spancost.task": "rank",
        "spancost.tenant": "acme",
        "user.id": "u1",
        "session.id": "s1",
    }


@pytest.mark.parametrize("overlap", [False, True], ids=["one after the other", "overlapping"])
def test_work_that_starts_the_next_piece_of_work_keeps_no_span_in_memory(
    overlap: bool, call: Any, instrumented: Telemetry
) -> None:
    tracer = instrumented.tracer_provider.get_tracer("app")
    newest = tracer.start_span("job", attributes={"spancost.feature": "ticker", "user.id": "u1"})
    started: list[weakref.ref[Any]] = []
    for number in range(10):
        before = newest
        started.append(weakref.ref(before))
        if not overlap:
            before.end()
        with trace.use_span(before):
            newest = tracer.start_span("tick", attributes={"user.id": "u2"} if number == 5 else {})
        before.end()
    instrumented.exporter.clear()
    gc.collect()
    assert sum(reference() is not None for reference in started) <= 2
    with trace.use_span(newest):
        call()
    assert paid_by(instrumented.spans[0]) == {"spancost.feature": "ticker", "user.id": "u2"}


def test_model_calls_of_other_instrumentations_are_attributed(provider: Provider, telemetry: Telemetry) -> None:
    spancost.instrument("openai", tracer_provider=telemetry.tracer_provider)
    spancost.uninstrument()
    options: Any = {"tracer_provider": telemetry.tracer_provider}
    sdk: Any = anthropic.Anthropic(api_key="key", http_client=provider.client(), open_telemetry=options)
    with spancost.attribution(feature="search"):
        sdk.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
    assert telemetry.span.name == "anthropic.messages.create"
    assert paid_by(telemetry.span) == {"spancost.feature": "search"}


@pytest.mark.parametrize(
    "scope", ["openinference.instrumentation.openai", "opentelemetry.instrumentation.anthropic", "pydantic-ai"]
)
def test_a_span_that_says_only_later_that_it_is_a_model_call_is_known_by_its_emitter(
    instrumented: Telemetry, scope: str
) -> None:
    tracer = instrumented.tracer_provider.get_tracer(scope)
    with spancost.attribution(feature="search", user="u1"):
        span = tracer.start_span("completion", attributes={"user.id": "its own"})
    span.set_attribute("llm.token_count.prompt", 12)
    span.end()
    assert paid_by(instrumented.span) == {"spancost.feature": "search", "user.id": "its own"}


def test_other_spans_are_left_alone(instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search"):
        instrumented.tracer_provider.get_tracer("app").start_span("query").end()
    assert instrumented.attributes == {}


def test_a_provider_that_takes_no_span_processor_still_gets_attributed_calls(
    provider: Provider, telemetry: Telemetry
) -> None:
    class Closed:
        """Like a vendor's tracer provider."""

        def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
            return telemetry.tracer_provider.get_tracer(*args, **kwargs)

    closed: Any = Closed()
    spancost.instrument("openai", tracer_provider=closed)
    try:
        with spancost.attribution(feature="search"):
            DRIVERS["openai"](provider).ask()
    finally:
        spancost.uninstrument()
    assert paid_by(telemetry.span) == {"spancost.feature": "search"}


def test_the_processor_is_added_once_however_often_we_are_switched_on(telemetry: Telemetry) -> None:
    added: list[Any] = []

    class Counting(TracerProvider):
        def add_span_processor(self, span_processor: Any) -> None:
            added.append(span_processor)

    counting = Counting()
    for _ in range(2):
        spancost.instrument(tracer_provider=counting)
        spancost.uninstrument()
    assert len(added) == 1
