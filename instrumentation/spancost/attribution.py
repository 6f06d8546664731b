"""Who pays: a scope in code that every model call made inside it is attributed to.

The values live under a private key of the OpenTelemetry Context. So they follow the code through awaits, tasks and
whatever else carries a Context, and they never travel: W3C baggage would be sent to the provider with the request.
What a scope says comes before what enclosing spans say.
"""

from __future__ import annotations

import functools
import inspect
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from opentelemetry import context as otel

from spancost.surroundings import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from types import TracebackType

    from opentelemetry.context import Context

_LOG: Final = logging.getLogger(__name__)

SCOPE: Final = otel.create_key("spancost-attribution")
"""Where a Context has its innermost `Scope`."""
_Function = TypeVar("_Function", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True)
class Scope:
    """One entered `attribution`."""

    values: dict[str, str]
    """Span attribute -> value, never changed; with what the scopes around this one say and it does not."""
    left_to: Context
    """The Context to go back to on exit."""
    said: dict[str, str]
    """What this scope says itself."""
    owner: Attribution
    """Who entered it, and leaves it."""


def scope_of(context: Context | None = None) -> Scope | None:
    """The innermost scope of `context` (default: the current one)."""
    scope = (otel.get_current() if context is None else context).get(SCOPE)
    return scope if isinstance(scope, Scope) else None


def _without(owner: Attribution, context: Context) -> Context | None:
    """`context` as it would be had `owner` not entered its innermost scope there; None when it has none.

    A generator closed late, or in another Context than it was begun in, does not leave in the order of entering.
    """
    above: list[tuple[Context, Scope]] = []
    while (scope := scope_of(context)) is not None and scope.owner is not owner:
        above.append((context, scope))
        context = scope.left_to
    if scope is None:
        return None
    left = scope.left_to
    for around, entered in reversed(above):
        outer = scope_of(left)
        values = entered.said if outer is None else {**outer.values, **entered.said}
        left = otel.set_value(SCOPE, Scope(values, left, entered.said, entered.owner), around)
    return left


class Attribution:
    """Attributes the model calls made inside it; a context manager, and a decorator of any kind of function.

    As a decorator it covers coroutines, generators and async generators for as long as they run, not only the call
    that creates them. One object may be entered many times, also at once from several threads or tasks.
    """

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def __enter__(self) -> Attribution:
        here = otel.get_current()
        outer = scope_of(here)
        values = self._values if outer is None else {**outer.values, **self._values}
        otel.attach(otel.set_value(SCOPE, Scope(values, here, self._values, self), here))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # What to go back to is in the Context, not on this object, so the object can be shared.
        scope = scope_of()
        if scope is None:
            return
        if scope.owner is self:
            otel.attach(scope.left_to)
        elif (left := _without(self, otel.get_current())) is not None:
            otel.attach(left)

    def __call__(self, function: _Function) -> _Function:
        """The same function, attributed.

        Raises:
            TypeError: it is a class, a property or something else that is no function.
        """
        given: Any = function
        kind = cast("Any", type(given))
        if kind in (classmethod, staticmethod):
            return cast("_Function", kind(self(given.__func__)))
        if isinstance(given, type) or not callable(given):
            called = "class" if isinstance(given, type) else kind.__qualname__
            raise TypeError(
                f"spancost.attribution(…) decorates a function or method, not a {called}:"
                " put it on the methods of a class, and beneath @property"
            )
        wrapper: Callable[..., Any]
        # An object that is called runs its class's function.
        runs: Any = given if inspect.isroutine(given) or kind is functools.partial else kind.__call__
        if inspect.isasyncgenfunction(runs):
            wrapper = self._driving_async(function)
        elif inspect.isgeneratorfunction(runs):
            wrapper = self._driving(function)
        elif inspect.iscoroutinefunction(runs) or inspect.iscoroutinefunction(given):  # one may be marked as such

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            wrapper = coroutine
        else:

            @functools.wraps(function)
            def plain(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

            wrapper = plain
        return cast("_Function", wrapper)

    def _driving(self, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Generator[Any, Any, Any]]:
        """`yield from function(…)`, but attributed only while that runs, not while its consumer does.

        A generator function itself, because frameworks look whether they are given one.
        """

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = function(*args, **kwargs)
            step = functools.partial(inner.send, None)
            while True:
                with self:
                    try:
                        value = step()
                    except StopIteration as stop:
                        return stop.value
                try:
                    sent = yield value
                except GeneratorExit:
                    with self:
                        inner.close()
                    raise
                except BaseException as error:
                    step = functools.partial(inner.throw, error)
                else:
                    step = functools.partial(inner.send, sent)

        return generator

    def _driving_async(
        self, function: Callable[..., AsyncGenerator[Any, Any]]
    ) -> Callable[..., AsyncGenerator[Any, Any]]:
        """The same for an async generator."""

        @functools.wraps(function)
        async def generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            inner = function(*args, **kwargs)
            step = functools.partial(inner.asend, None)
            while True:
                with self:
                    try:
                        value = await step()
                    except StopAsyncIteration:
                        return
                try:
                    sent = yield value
                except GeneratorExit:
                    with self:
                        await inner.aclose()
                    raise
                except BaseException as error:
                    step = functools.partial(inner.athrow, error)
                else:
                    step = functools.partial(inner.asend, sent)

        return generator


def attribution(
    *,
    feature: str | None = None,
    task: str | None = None,
    tenant: str | None = None,
    user: str | None = None,
    session: str | None = None,
) -> Attribution:
    """Attributes every model call made inside to the given feature, task, tenant, user and session.

    Use it with `with` or as a decorator. Nested scopes merge: what an inner one leaves out, it takes from the outer.
    Numbers and other single values are written as texts; what is none is left out, and a warning says so once.
    Nothing of it is sent to the provider.
    """
    given = {"feature": feature, "task": task, "tenant": tenant, "user": user, "session": session}
    written = {ATTRIBUTES[name]: _written(name, value) for name, value in given.items() if value is not None}
    return Attribution({attribute: text for attribute, text in written.items() if text is not None})


def _written(name: str, value: object) -> str | None:
    try:
        if hasattr(type(value), "__iter__") and not isinstance(value, str):
            raise TypeError("expected a text")
        # A lone surrogate would cost the whole attribute when it is exported.
        return str(value).encode(errors="replace").decode()
    except Exception as error:
        _warn(name, type(value).__qualname__, str(error))
        return None


@functools.lru_cache(maxsize=64)  # once for each mistake, however many calls are made with it
def _warn(name: str, kind: str, problem: str) -> None:
    _LOG.warning("spancost.attribution(%s=…): a %s is left out: %s", name, kind, problem)
