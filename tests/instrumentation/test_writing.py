"""What an answer said is on the span as if `set_attributes` had written it, whatever span that is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN

import spancost
from spancost.writing import write

from .drivers import DRIVERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

    from .provider import Provider

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


def test_the_limit_on_attributes_holds_and_what_a_charge_needs_is_kept() -> None:
    span, exporter = started(SpanLimits(max_span_attributes=3))
    write(span, SAID)
    span.end()
    found = exported(exporter)
    assert dict(found.attributes or {}) == {
        "spancost.usage.estimated": True,
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.response.model": "gpt-5",
    }
    assert found.dropped_attributes >= 3


def test_of_a_call_with_few_attributes_is_left_what_it_cost_and_who_pays(provider: Provider) -> None:
    exporter = InMemorySpanExporter()
    few = TracerProvider(span_limits=SpanLimits(max_span_attributes=12))
    few.add_span_processor(SimpleSpanProcessor(exporter))
    spancost.instrument("openai", tracer_provider=few)
    try:
        with spancost.attribution(feature="search", tenant="acme", user="u1", session="s1"):
            DRIVERS["openai"](provider).ask()
    finally:
        spancost.uninstrument()
    assert dict(exported(exporter).attributes or {}) == {
        "user.id": "u1",
        "spancost.tenant": "acme",
        "spancost.feature": "search",
        "spancost.service_tier": "default",
        "gen_ai.usage.reasoning.output_tokens": 8,
        "gen_ai.usage.audio.input_tokens": 0,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.provider.name": "openai",
        "gen_ai.operation.name": "chat",
    }


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
