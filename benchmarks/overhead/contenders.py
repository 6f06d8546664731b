"""Ways of making the same call: bare, with a span written by hand, and under an instrumentation.

Each has a copy of the SDK of its own, imported anew, so that nothing has to be switched on and off between turns: to
patch a class throws away what the interpreter has learnt about its methods, and whoever came next would pay for that.
"""

from __future__ import annotations

import importlib
import sys
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, set_tracer_provider

import spancost

from .scenario import WHO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator
    from types import ModuleType

    from opentelemetry.trace import Span

    from .scenario import ByHand, Calls, Provider, Sdk


class Contender:
    """A way of making calls, with its own copy of the SDK."""

    awaits_stream = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self._copy: dict[str, ModuleType] = {}

    def prepare(self, sdk: Sdk, provider: Provider) -> dict[bool, Calls]:
        """Imports the SDK anew and instruments this copy; calls of a sync (False) and an async client (True)."""
        with self.turn(sdk):
            importlib.import_module(sdk.package)
            self.instrument(sdk)
            return {is_async: sdk.calls(provider, is_async) for is_async in (False, True)}

    @contextmanager
    def turn(self, sdk: Sdk) -> Generator[None]:
        """Its copy is in place, for what the SDK imports while it works, and so is what surrounds its calls."""
        for name in _modules_of(sdk.package):
            del sys.modules[name]
        sys.modules.update(self._copy)
        try:
            with self.scope():
                yield
        finally:
            self._copy = _modules_of(sdk.package)

    def instrument(self, sdk: Sdk) -> None:
        """Instruments the copy of the SDK that is imported now."""

    def scope(self) -> Any:
        """What surrounds the calls of a turn."""
        return nullcontext()

    def plain(self, calls: Calls) -> Callable[[], Any]:
        return calls.plain

    def stream(self, calls: Calls) -> Callable[[], Any]:
        """Makes a stream; of an async client, one to iterate asynchronously, awaited first if `awaits_stream`."""
        return calls.stream


def _modules_of(package: str) -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{package}.")}


class Hand(Contender):
    """A span around each call, written where the call is made."""

    awaits_stream = False

    def __init__(self) -> None:
        super().__init__("by hand")
        self.tracer = self.provider.get_tracer("by hand")

    def plain(self, calls: Calls) -> Callable[[], Any]:
        tracer, kind, name, start = self.tracer, SpanKind.CLIENT, calls.by_hand.name, calls.by_hand.start

        def call() -> Any:
            with tracer.start_as_current_span(name, kind=kind, attributes=start) as span:
                answer = calls.plain()
                span.set_attributes(calls.by_hand().read(answer))
                return answer

        async def call_async() -> Any:
            with tracer.start_as_current_span(name, kind=kind, attributes=start) as span:
                answer = await calls.plain()
                span.set_attributes(calls.by_hand().read(answer))
                return answer

        return call_async if calls.is_async else call

    def stream(self, calls: Calls) -> Callable[[], Any]:
        def begin() -> tuple[Span, ByHand, float]:
            attributes = {**calls.by_hand.start, "gen_ai.request.stream": True}
            span = self.tracer.start_span(calls.by_hand.name, kind=SpanKind.CLIENT, attributes=attributes)
            return span, calls.by_hand(), time.perf_counter()

        def finish(span: Span, reading: ByHand, first: float | None) -> None:
            span.set_attributes({**reading.noted(), "gen_ai.response.time_to_first_chunk": first or 0.0})
            span.end()

        def call() -> Iterator[Any]:
            span, reading, started = begin()
            first: float | None = None
            for chunk in calls.stream_with_usage():
                if first is None:
                    first = time.perf_counter() - started
                if reading.note(chunk):
                    yield chunk
            finish(span, reading, first)

        async def call_async() -> AsyncIterator[Any]:
            span, reading, started = begin()
            first: float | None = None
            async for chunk in await calls.stream_with_usage():
                if first is None:
                    first = time.perf_counter() - started
                if reading.note(chunk):
                    yield chunk
            finish(span, reading, first)

        return call_async if calls.is_async else call


class Spancost(Contender):
    """This package, in the scope of a feature and a user."""

    def __init__(self) -> None:
        super().__init__("spancost")

    def instrument(self, sdk: Sdk) -> None:
        spancost.uninstrument()
        spancost.instrument(sdk.name, tracer_provider=self.provider)

    def scope(self) -> Any:
        return spancost.attribution(**WHO)


class Peer(Contender):
    """Another instrumentation, as it is by default."""

    def __init__(self, name: str, place: str) -> None:
        super().__init__(name)
        module, _, kind = place.partition(":")
        self._entry: Any = getattr(importlib.import_module(module), kind)

    def instrument(self, sdk: Sdk) -> None:
        if isinstance(self._entry, type):
            instrumentor: Any = self._entry()
            instrumentor.instrument(skip_dep_check=True, tracer_provider=self.provider)
        else:  # a function that instruments everything it finds, for the provider that is there
            set_tracer_provider(self.provider)
            self._entry(disable_metrics=True, disable_events=True, disabled_instrumentors=["httpx"])
