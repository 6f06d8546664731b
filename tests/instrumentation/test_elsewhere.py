"""A call that is given up inside the garbage collector waits for no lock that is held around it."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor

from .drivers import DRIVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from .conftest import Telemetry
    from .provider import Provider


class Locking(SpanProcessor):
    """Holds a lock that its thread cannot take twice, while the garbage collector runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.ended: list[str] = []
        self.both = threading.Event()

    def on_end(self, span: ReadableSpan) -> None:
        """Counts."""
        with self._lock:
            self.ended.append(span.name)
            gc.collect()
            if len(self.ended) == 2:
                self.both.set()


class Ring:
    """Refers to itself, so that only the garbage collector finds out that nobody else does."""

    def __init__(self, held: Any) -> None:
        self.itself = self
        self.held = held


def as_it_is(ask: Callable[[], Any]) -> Any:
    """A stream of which one chunk was read."""
    stream = ask()
    next(stream)
    return stream


def in_a_generator(ask: Callable[[], Any]) -> Any:
    """A generator that handed on one chunk. It is collected first, and takes its stream along."""

    def chunks() -> Iterator[Any]:
        stream = ask()
        yield next(stream)
        yield from stream

    begun = chunks()
    next(begun)
    return begun


def in_a_scope(ask: Callable[[], Any]) -> Any:
    """A generator that closes its stream on its way out."""

    def chunks() -> Iterator[Any]:
        with ask() as stream:
            yield from stream

    begun = chunks()
    next(begun)
    return begun


@pytest.mark.parametrize("held", [as_it_is, in_a_generator, in_a_scope])
def test_a_stream_collected_while_a_processor_holds_its_lock_is_ended_once_it_is_free(
    held: Callable[[Callable[[], Any]], Any], provider: Provider, instrumented: Telemetry
) -> None:
    locking = Locking()
    instrumented.tracer_provider.add_span_processor(locking)
    driver = DRIVERS["openai"](provider)

    def give_up() -> None:
        gc.disable()
        try:
            Ring(held(driver.ask_stream))
            with instrumented.tracer_provider.get_tracer("app").start_as_current_span("request"):
                pass
        finally:
            gc.enable()

    thread = threading.Thread(target=give_up, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert locking.both.wait(20)
    assert locking.ended == ["request", "chat gpt-5"]
