"""What is decorated is attributed while it runs, of whatever kind it is, and stays of its kind."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

import spancost
from spancost.attribution import scope_of

from ..drivers import DRIVERS
from ..paid import paid_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ..conftest import Telemetry
    from ..provider import Provider


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
