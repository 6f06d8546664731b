"""What senders should not send, between two good calls: each has one answer, and its neighbours are charged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from spancost_collector import otlp_pb2 as shadow

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from tests.collector.conftest import Launch, NextHop, Otlp

SECOND = 1_000_000_000
YEAR = 365 * 86_400 * SECOND


class Case(NamedTuple):
    """A span, and what becomes of it."""

    spoil: Callable[[Span], bytes]
    input_tokens: int | None
    """What is charged; None where the span is passed on as unreadable."""


def changed(**fields: int | bytes) -> Callable[[Span], bytes]:
    def spoil(span: Span) -> bytes:
        for name, value in fields.items():
            setattr(span, name, value)
        return span.SerializeToString()

    return spoil


def shifted(nanoseconds: int) -> Callable[[Span], bytes]:
    def spoil(span: Span) -> bytes:
        span.start_time_unix_nano += nanoseconds
        span.end_time_unix_nano += nanoseconds
        return span.SerializeToString()

    return spoil


def with_attribute(key: str, value: AnyValue) -> Callable[[Span], bytes]:
    def spoil(span: Span) -> bytes:
        span.attributes.append(KeyValue(key=key, value=value))
        return span.SerializeToString()

    return spoil


def not_utf_8(text: bytes) -> Callable[[Span], bytes]:
    """A span in which a piece of text of the same length is broken."""

    def spoil(span: Span) -> bytes:
        whole = span.SerializeToString()
        assert whole.count(text) == 1
        return whole.replace(text, b"\xff" * len(text))

    return spoil


def followed_by(fields: bytes) -> Callable[[Span], bytes]:
    def spoil(span: Span) -> bytes:
        return span.SerializeToString() + fields

    return spoil


def cut_short(span: Span) -> bytes:
    return span.SerializeToString()[:-3]


def nested(depth: int) -> bytes:
    """An attribute whose value is an array in an array, and so on."""
    value = AnyValue(string_value="x").SerializeToString()
    for _ in range(depth):
        value = _field(5, _field(1, value))
    return _field(9, _field(1, b"deep") + _field(2, value))


def _field(number: int, payload: bytes) -> bytes:
    length = len(payload)
    encoded = bytearray()
    while length > 127:
        encoded.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2]) + bytes([*encoded, length]) + payload


CASES = {
    "two years late": Case(shifted(-2 * YEAR), 1000),
    "ten years early": Case(shifted(10 * YEAR), 1000),
    "a clock five minutes ahead": Case(shifted(300 * SECOND), 1000),
    "without times": Case(changed(start_time_unix_nano=0, end_time_unix_nano=0), 1000),
    "without an end": Case(changed(end_time_unix_nano=0), 1000),
    "an end before the start": Case(changed(end_time_unix_nano=1), 1000),
    "a start that no ledger holds": Case(changed(start_time_unix_nano=2**63), None),
    "a trace id of three bytes": Case(changed(trace_id=b"abc"), None),
    "a span id of nine bytes": Case(changed(span_id=b"123456789"), None),
    "no trace id": Case(changed(trace_id=b""), None),
    "a span id of zeros": Case(changed(span_id=bytes(8)), None),
    "a parent id of one byte": Case(changed(parent_span_id=b"p"), 1000),
    "an attribute twice, the last one counts": Case(
        with_attribute("gen_ai.usage.input_tokens", AnyValue(int_value=3000)), 3000
    ),
    "a count that is text": Case(with_attribute("gen_ai.usage.input_tokens", AnyValue(string_value="many")), 0),
    "a name that is not UTF-8": Case(not_utf_8(b"chat one"), 1000),
    "a feature that is not UTF-8": Case(not_utf_8(b"search"), None),
    "a hundred thousand attributes": Case(followed_by(_field(9, b"\x0a\x01k") * 100_000), 1000),
    "a value nested five thousand times": Case(followed_by(nested(5000)), 1000),
    "a span that ends in the middle": Case(cut_short, None),
    "an array of everything": Case(
        with_attribute("tags", AnyValue(array_value=ArrayValue(values=[AnyValue(), AnyValue(bytes_value=b"\xff")]))),
        1000,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_hostile_span_has_its_answer_and_costs_its_neighbours_nothing(
    launch: Launch, otlp: Otlp, next_hop: NextHop, case: Case
) -> None:
    running = launch(forward=str(next_hop.address))
    neighbours = [otlp.call(n, spancost__feature="good").SerializeToString() for n in (1, 3)]
    bad = case.spoil(otlp.call(2))
    request = shadow.ExportRequest.FromString(otlp.body(otlp.call()))
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[:] = [neighbours[0], bad, neighbours[1]]

    assert running.export(request.SerializeToString()) is grpc.StatusCode.OK

    good = running.metric("spancost_tokens_total", feature="good", token_class="input")
    everything = running.metric("spancost_tokens_total", token_class="input")
    assert list(good.values()) == [2000]
    assert sum(everything.values()) - 2000 == (case.input_tokens or 0)
    assert running.metric("spancost_receiver_unreadable_spans_total") == {(): case.input_tokens is None}
    passed_on = shadow.ExportRequest.FromString(next_hop.bodies[0]).resource_spans[0].scope_spans[0].spans
    assert passed_on[1].startswith(bad)
    assert (passed_on[1] == bad) is (case.input_tokens is None)


@pytest.mark.parametrize("key", ["gen_ai.input.messages", "spancost.feature", "gen_ai.request.model"])
def test_ten_megabytes_in_one_attribute_cost_the_neighbours_nothing(launch: Launch, otlp: Otlp, key: str) -> None:
    running = launch()
    bad = otlp.call(2)
    bad.attributes.append(KeyValue(key=key, value=AnyValue(string_value="x" * 10_000_000)))

    assert running.export(otlp.body(otlp.call(1), bad, otlp.call(3))) is grpc.StatusCode.OK

    assert sum(running.metric("spancost_calls_total").values()) == 3
    assert len(running.get("/metrics")[2]) < 100_000


def test_the_nested_value_is_one_that_others_read(otlp: Otlp) -> None:
    request = otlp.request(otlp.call())
    shallow = ExportTraceServiceRequest.FromString(request.SerializeToString())
    span = shallow.resource_spans[0].scope_spans[0].spans[0]
    span.MergeFromString(nested(2))

    value = span.attributes[-1].value.array_value.values[0].array_value.values[0]
    assert (span.attributes[-1].key, value.string_value) == ("deep", "x")
