"""Who pays follows the code: through nesting, awaits, tasks and threads, and from any enclosing span."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from opentelemetry import baggage
from opentelemetry.sdk.trace import TracerProvider

import spancost
from spancost.attribution import _warn, scope_of  # pyright: ignore[reportPrivateUsage]

from .drivers import DRIVERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from .conftest import Telemetry
    from .provider import Provider

KEYS = ("spancost.feature", "spancost.task", "spancost.tenant", "user.id", "session.id")


def paid_by(span: ReadableSpan) -> dict[str, Any]:
    """The attribution on a span."""
    return {key: value for key, value in (span.attributes or {}).items() if key in KEYS}


@pytest.fixture
def call(provider: Provider) -> Any:
    """Makes one model call."""
    return DRIVERS["openai"](provider).ask


def test_every_argument_becomes_its_attribute(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search", task="rerank", tenant="acme", user="u42", session="s1"):
        call()
    assert paid_by(instrumented.span) == {
        "spancost.feature": "search",
        "spancost.task": "rerank",
        "spancost.tenant": "acme",
        "user.id": "u42",
        "session.id": "s1",
    }


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text of it")


@pytest.mark.parametrize("value", [Unprintable(), ["search"], b"search", {"search": 1}])
def test_what_is_no_text_is_left_out_and_said_once(
    call: Any, instrumented: Telemetry, caplog: pytest.LogCaptureFixture, value: Any
) -> None:
    _warn.cache_clear()
    for _ in range(2):
        with spancost.attribution(feature=value, user="u42"):
            call()

    assert [paid_by(span) for span in instrumented.spans] == [{"user.id": "u42"}] * 2
    (warning,) = (record.getMessage() for record in caplog.records if record.name == "spancost.attribution")
    assert warning.startswith(f"spancost.attribution(feature=…): a {type(value).__name__} is left out: ")


def test_numbers_are_written_out_and_what_has_no_utf8_is_replaced(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(tenant=7, user="u\ud800"):  # pyright: ignore[reportArgumentType]
        call()

    span = instrumented.span
    assert paid_by(span) == {"spancost.tenant": "7", "user.id": "u?"}


def test_a_call_outside_is_unattributed(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search"):
        pass
    call()
    assert paid_by(instrumented.span) == {}


def test_nested_scopes_merge_and_the_inner_one_wins(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="outer", tenant="acme"):
        with spancost.attribution(feature="inner", task="rank"):
            call()
        call()
    inside, outside = instrumented.spans
    assert paid_by(inside) == {"spancost.feature": "inner", "spancost.tenant": "acme", "spancost.task": "rank"}
    assert paid_by(outside) == {"spancost.feature": "outer", "spancost.tenant": "acme"}


def test_a_scope_is_left_when_its_body_raises() -> None:
    with pytest.raises(LookupError), spancost.attribution(feature="search"):
        raise LookupError
    assert scope_of() is None


def test_attribution_is_not_in_baggage() -> None:
    with spancost.attribution(feature="search", user="u42"):
        assert baggage.get_all() == {}


def test_one_scope_object_serves_many_threads_at_once(call: Any, instrumented: Telemetry) -> None:
    scope = spancost.attribution(feature="shared")
    together = threading.Barrier(2, timeout=10)

    def work() -> None:
        with scope:
            together.wait()
            with scope:
                call()
        call()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted((paid_by(span).get("spancost.feature") for span in instrumented.spans), key=str)
    assert found == [None, None, "shared", "shared"]


def test_a_function_is_attributed_by_the_decorator(call: Any, instrumented: Telemetry) -> None:
    @spancost.attribution(feature="search")
    def rank(times: int) -> int:
        """Its own documentation."""
        for _ in range(times):
            call()
        return times

    assert rank(2) == 2
    assert rank.__doc__ == "Its own documentation."
    assert [paid_by(span) for span in instrumented.spans] == [{"spancost.feature": "search"}] * 2


def scoped() -> str | None:
    """The feature that a call made here is attributed to."""
    scope = scope_of()
    return None if scope is None else scope.values.get("spancost.feature")


class Methods:
    @spancost.attribution(feature="search")
    @classmethod
    def of_class(cls) -> str | None:
        return scoped()

    @spancost.attribution(feature="search")
    @staticmethod
    def of_nobody() -> str | None:
        return scoped()

    @property
    @spancost.attribution(feature="search")
    def read(self) -> str | None:
        return scoped()


def test_methods_of_every_kind_are_attributed() -> None:
    one = Methods()
    found = [Methods.of_class(), one.of_class(), Methods.of_nobody(), one.of_nobody(), one.read]
    assert found == ["search", "search", "search", "search", "search"]


class Asynchronous:
    async def __call__(self) -> str | None:
        return scoped()


class Generating:
    def __call__(self) -> Iterator[str | None]:
        yield scoped()


async def test_objects_that_are_called_are_attributed_while_they_run() -> None:
    attributed = spancost.attribution(feature="search")
    assert await attributed(Asynchronous())() == "search"
    assert list(attributed(Generating())()) == ["search"]


@pytest.mark.parametrize(
    ("thing", "kind"),
    [(Methods, "class"), (property(str), "property"), (functools.cached_property(str), "cached_property")],
)
def test_what_is_no_function_is_refused(thing: Any, kind: str) -> None:
    with pytest.raises(TypeError) as refused:
        spancost.attribution(feature="search")(thing)
    assert str(refused.value) == (
        f"spancost.attribution(…) decorates a function or method, not a {kind}:"
        " put it on the methods of a class, and beneath @property"
    )


async def test_a_coroutine_is_attributed_while_it_runs(provider: Provider, instrumented: Telemetry) -> None:
    driver = DRIVERS["openai-async"](provider)

    @spancost.attribution(feature="search")
    async def rank() -> Any:
        await asyncio.sleep(0)
        return await driver.plain()

    await rank()
    assert paid_by(instrumented.span) == {"spancost.feature": "search"}


def test_a_generator_is_attributed_while_it_runs_and_its_consumer_is_not(call: Any, instrumented: Telemetry) -> None:
    @spancost.attribution(feature="generator")
    def produce() -> Iterator[int]:
        call()
        yield 1
        call()
        yield 2

    for _ in produce():
        call()
    features = [paid_by(span).get("spancost.feature") for span in instrumented.spans]
    assert features == ["generator", None, "generator", None]


def test_a_decorated_generator_passes_on_what_is_sent_thrown_and_returned() -> None:
    @spancost.attribution(feature="generator")
    def echo() -> Any:
        got: list[Any] = []
        try:
            got.append((yield "first"))
            yield "second"
        except LookupError:
            got.append("thrown")
        return got

    running = echo()
    assert next(running) == "first"
    assert running.send("sent") == "second"
    with pytest.raises(StopIteration) as stopped:
        running.throw(LookupError())
    assert stopped.value.value == ["sent", "thrown"]


def test_a_decorated_function_stays_of_its_kind() -> None:
    @spancost.attribution(feature="generator")
    def produce() -> Iterator[int]:
        yield 1

    @spancost.attribution(feature="generator")
    async def produce_later() -> AsyncIterator[int]:
        yield 1

    @spancost.attribution(feature="coroutine")
    async def fetch() -> int:
        return 1

    assert inspect.isgeneratorfunction(produce)
    assert inspect.isasyncgenfunction(produce_later)
    assert inspect.iscoroutinefunction(fetch)


def test_closing_a_decorated_generator_closes_the_one_inside() -> None:
    closed: list[bool] = []

    @spancost.attribution(feature="generator")
    def produce() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed.append(scope_of() is not None)

    running: Any = produce()
    next(running)
    running.close()
    assert closed == [True]


async def test_an_async_generator_is_attributed_while_it_runs_and_its_consumer_is_not(
    provider: Provider, instrumented: Telemetry
) -> None:
    driver = DRIVERS["openai-async"](provider)

    @spancost.attribution(feature="generator")
    async def produce() -> AsyncIterator[int]:
        await driver.plain()
        yield 1

    async for _ in produce():
        await driver.plain()
    features = [paid_by(span).get("spancost.feature") for span in instrumented.spans]
    assert features == ["generator", None]


async def test_concurrent_tasks_keep_their_own_attribution(provider: Provider, instrumented: Telemetry) -> None:
    driver = DRIVERS["openai-async"](provider)

    async def work(user: str) -> None:
        with spancost.attribution(user=user):
            await asyncio.sleep(0)
            await driver.plain()

    with spancost.attribution(feature="batch"):
        await asyncio.gather(*(work(f"u{number}") for number in range(5)))
    users = sorted(paid_by(span)["user.id"] for span in instrumented.spans)
    assert users == ["u0", "u1", "u2", "u3", "u4"]
    assert {paid_by(span)["spancost.feature"] for span in instrumented.spans} == {"batch"}


async def test_a_thread_that_takes_the_context_along_takes_the_attribution(call: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search"):
        await asyncio.to_thread(call)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(contextvars.copy_context().run, call).result()
    assert [paid_by(span) for span in instrumented.spans] == [{"spancost.feature": "search"}] * 2


def test_a_stream_is_paid_by_who_opened_it(provider: Provider, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="opener"):
        stream = DRIVERS["openai"](provider).ask_stream()
    with spancost.attribution(feature="reader"):
        list(stream)
    assert paid_by(instrumented.span) == {"spancost.feature": "opener"}


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


def test_a_generator_that_is_closed_late_takes_only_its_own_scope_away(call: Any, instrumented: Telemetry) -> None:
    def searching() -> Generator[None]:
        with spancost.attribution(feature="search"):
            yield

    late, inner = searching(), searching()
    next(late)
    with spancost.attribution(tenant="acme"):
        late.close()
        call()
    with spancost.attribution(tenant="acme"):
        next(inner)
    call()
    inner.close()
    call()
    assert [paid_by(span) for span in instrumented.spans] == [
        {"spancost.tenant": "acme"},
        {"spancost.feature": "search"},
        {},
    ]


def test_leaving_a_scope_in_another_context_leaves_the_scope_there(call: Any, instrumented: Telemetry) -> None:
    def dependency() -> Iterator[None]:
        with spancost.attribution(feature="search"):
            yield
        call()

    with spancost.attribution(tenant="acme"):
        around = dependency()
        contextvars.copy_context().run(next, around)
        contextvars.copy_context().run(list, around)
    assert paid_by(instrumented.span) == {"spancost.tenant": "acme"}
