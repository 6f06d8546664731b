"""What an answer said is on the span as if `set_attributes` had written it, whatever span that is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN

from spancost.writing import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

SAID: Mapping[str, Any] = {
    "gen_ai.response.model": "gpt-5",
    "gen_ai.usage.input_tokens": 0,
    "gen_ai.response.time_to_first_chunk": 0.25,
    "spancost.usage.estimated": True,
    "gen_ai.response.finish_reasons": ("stop", "length"),
}


def started(limits: SpanLimits | None = None) -> tuple[Span, InMemorySpanExporter]:
    """A span that has `there` and a model already."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    attributes = {"there": "before", "gen_ai.response.model": "a model"}
    return provider.get_tracer("test").start_span("chat", attributes=attributes), exporter


def exported(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def test_what_is_written_is_exported_beside_what_was_there() -> None:
    span, exporter = started()
    write(span, SAID)
    span.end()
    assert dict(exported(exporter).attributes or {}) == {"there": "before", **SAID}
    assert exported(exporter).dropped_attributes == 0


def test_values_that_are_not_plain_become_what_the_sdk_makes_of_them() -> None:
    span, exporter = started()
    write(span, {"list": ["a", "b"], "last": 1})
    span.end()
    found = dict(exported(exporter).attributes or {})
    assert found["list"] == ("a", "b")
    assert found["last"] == 1


def test_the_limit_on_attributes_holds() -> None:
    span, exporter = started(SpanLimits(max_span_attributes=3))
    write(span, SAID)
    span.end()
    found = exported(exporter)
    assert list(found.attributes or {}) == list(SAID)[-3:]
    assert found.dropped_attributes == 3  # what was there, and the first two of what came


def test_the_limit_on_the_length_of_values_holds() -> None:
    span, exporter = started(SpanLimits(max_span_attribute_length=3))
    write(span, {"gen_ai.response.id": "chatcmpl-1"})
    span.end()
    assert (exported(exporter).attributes or {})["gen_ai.response.id"] == "cha"


def test_a_span_that_has_ended_stays_as_it_was() -> None:
    span, exporter = started()
    span.end()
    write(span, SAID)
    assert dict(exported(exporter).attributes or {}) == {"there": "before", "gen_ai.response.model": "a model"}


def test_a_span_that_records_nothing_takes_it_too() -> None:
    write(INVALID_SPAN, SAID)


class _Elsewhere:
    """Somebody's own span."""

    def __init__(self, kept: object) -> None:
        self._attributes = kept
        self.written: dict[str, Any] = {}

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.written.update(attributes)


@pytest.mark.parametrize("of_the_sdk", [False, True])
def test_a_span_that_keeps_its_attributes_another_way_is_asked_to_write_them(of_the_sdk: bool) -> None:
    inside: Any = started()[0]
    span: Any = _Elsewhere(inside._attributes if of_the_sdk else {})
    write(span, SAID)
    assert span.written == SAID


def test_reading_a_span_while_it_is_written_to_is_safe() -> None:
    span: Any = started()[0]
    stop = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not stop.is_set():
            seen.append(len(dict(span.attributes)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        write(span, {f"a{number}": number})
    stop.set()
    reader.join()
    assert len(span.attributes) == 102
    assert seen == sorted(seen)
