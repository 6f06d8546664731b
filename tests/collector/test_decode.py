"""Whatever is not understood comes out as it went in; what is added is all that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from spancost_collector.dialects import DIALECTS
from spancost_collector.reading.decode import Envelope, Export, MalformedRequestError
from spancost_collector.reading.normalise import Normaliser, UnreadableSpanError

if TYPE_CHECKING:
    from tests.collector.conftest import Otlp

MARKERS = (b"gen_ai.",)
BOUNDED = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
ADDED = KeyValue(key="added", value=AnyValue(double_value=0.25))

texts = st.text(max_size=12)
scalars = st.one_of(
    st.builds(AnyValue, string_value=texts),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=st.floats(allow_nan=False)),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, bytes_value=st.binary(max_size=8)),
    st.just(AnyValue()),
)


def array(items: list[AnyValue]) -> AnyValue:
    return AnyValue(array_value=ArrayValue(values=items))


def table(items: list[KeyValue]) -> AnyValue:
    return AnyValue(kvlist_value=KeyValueList(values=items))


values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(array, st.lists(inner, max_size=3)),
        st.builds(table, st.lists(st.builds(KeyValue, key=texts, value=inner), max_size=2)),
    ),
    max_leaves=4,
)
keys = st.one_of(
    texts,
    st.sampled_from(["gen_ai.operation.name", "gen_ai.request.model", "gen_ai.usage.input_tokens", "error.type"]),
)
attributes = st.lists(st.builds(KeyValue, key=keys, value=values), max_size=5)
times = st.integers(0, 2**64 - 1)
spans = st.builds(
    Span,
    trace_id=st.binary(max_size=17),
    span_id=st.binary(max_size=9),
    trace_state=texts,
    parent_span_id=st.binary(max_size=8),
    flags=st.integers(0, 2**32 - 1),
    name=texts,
    kind=st.sampled_from([Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL]),
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=attributes,
    dropped_attributes_count=st.integers(0, 9),
    events=st.lists(st.builds(Span.Event, time_unix_nano=times, name=texts, attributes=attributes), max_size=2),
    links=st.lists(st.builds(Span.Link, trace_id=st.binary(max_size=16), attributes=attributes), max_size=2),
    status=st.builds(Status, message=texts, code=st.sampled_from([Status.STATUS_CODE_OK, Status.STATUS_CODE_ERROR])),
)
requests = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(
        st.builds(
            ResourceSpans,
            resource=st.builds(Resource, attributes=attributes, dropped_attributes_count=st.integers(0, 9)),
            scope_spans=st.lists(
                st.builds(
                    ScopeSpans,
                    scope=st.builds(InstrumentationScope, name=texts, version=texts, attributes=attributes),
                    spans=st.lists(spans, max_size=3),
                    schema_url=texts,
                ),
                max_size=2,
            ),
            schema_url=texts,
        ),
        max_size=2,
    ),
)


@BOUNDED
@given(requests)
def test_an_enriched_request_equals_the_official_messages_with_the_attribute_added(
    request: ExportTraceServiceRequest,
) -> None:
    body = request.SerializeToString()
    export = Export(body)
    for candidate in export.candidates(MARKERS):
        candidate.place.append(Span(attributes=[ADDED]).SerializeToString())

    count = 0
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                count += 1
                if b"gen_ai." in span.SerializeToString():
                    span.attributes.append(ADDED)
    assert ExportTraceServiceRequest.FromString(export.encode()) == request
    assert export.spans == count


@BOUNDED
@given(requests)
def test_a_request_without_candidates_is_the_very_bytes_that_came(request: ExportTraceServiceRequest) -> None:
    body = request.SerializeToString()
    export = Export(body)
    assert list(export.candidates([b"\xff no text has this"])) == []
    assert export.encode() is body


@BOUNDED
@given(requests)
def test_reading_any_span_either_works_or_says_that_it_cannot(request: ExportTraceServiceRequest) -> None:
    normaliser = Normaliser(DIALECTS)
    for _, envelope, span in Export(request.SerializeToString()).candidates(MARKERS):
        try:
            call = normaliser.read(span, envelope).call
        except UnreadableSpanError:
            continue
        assert call is None or (len(call.span_id), len(call.trace_id)) == (8, 16)
        assert call is None or 0 <= call.start_ns < 2**63


@BOUNDED
@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    normaliser = Normaliser(DIALECTS)
    try:
        export = Export(body)
    except MalformedRequestError:
        return
    for _, envelope, span in export.candidates([b""]):
        try:
            normaliser.read(span, envelope)
        except UnreadableSpanError:
            continue
    assert Export(export.encode()).spans == export.spans


def test_fields_of_a_later_otlp_survive_enrichment(otlp: Otlp) -> None:
    later = b"\xf2\x3f\x03new"  # field 1022, which no OTLP message has
    span = otlp.call().SerializeToString() + later
    scope_spans = b"\x12" + varint(len(span)) + span + later
    resource_spans = b"\x12" + varint(len(scope_spans)) + scope_spans + later
    export = Export(b"\x0a" + varint(len(resource_spans)) + resource_spans + later)

    (candidate,) = export.candidates(MARKERS)
    candidate.place.append(Span(attributes=[ADDED]).SerializeToString())

    assert export.encode().count(later) == 4
    (found,) = ExportTraceServiceRequest.FromString(export.encode()).resource_spans[0].scope_spans[0].spans
    assert found.attributes[-1] == ADDED


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 0x7F else bytes([value])


def test_a_resource_that_came_in_pieces_is_written_back_in_pieces(otlp: Otlp) -> None:
    request = otlp.request(otlp.call())
    more = ResourceSpans(resource=Resource(attributes=otlp.attributes({"service.version": "2"})))
    pieces = request.resource_spans[0].SerializeToString() + more.SerializeToString()
    export = Export(b"\x0a" + varint(len(pieces)) + pieces)

    (candidate,) = export.candidates(MARKERS)
    candidate.place.append(b"")

    call = Normaliser(DIALECTS).read(candidate.span, candidate.envelope).call
    assert call is not None
    assert (call.resource.service, call.resource.release) == ("shop", "2")
    again = ExportTraceServiceRequest.FromString(export.encode())
    assert [pair.key for pair in again.resource_spans[0].resource.attributes] == ["service.name", "service.version"]


@pytest.mark.parametrize(
    "spoiled",
    [
        Span(span_id=b"short"),
        Span(span_id=b"\0" * 8),
        Span(trace_id=b"\1" * 15),
        Span(start_time_unix_nano=2**63),
        Span(end_time_unix_nano=2**64 - 1),
    ],
    ids=["short span id", "zero span id", "short trace id", "start past 2^63", "end past 2^63"],
)
def test_a_call_that_cannot_be_kept_is_unreadable(otlp: Otlp, spoiled: Span) -> None:
    span = otlp.call()
    span.MergeFrom(spoiled)
    with pytest.raises(UnreadableSpanError):
        Normaliser(DIALECTS).read(span.SerializeToString(), Envelope(b"", b""))


def test_each_call_belongs_to_its_own_resource_and_scope(otlp: Otlp) -> None:
    request = otlp.request(otlp.call(1), otlp.call(2), resource={"service.name": "shop"})
    cached = otlp.call(3, gen_ai__usage__cache_read__input_tokens=500)
    bedrock = "opentelemetry.instrumentation.genai.bedrock"
    request.MergeFrom(otlp.request(cached, scope=bedrock, resource={"service.name": "search"}))
    request.MergeFrom(otlp.request(cached, resource={"service.version": "2"}))
    normaliser = Normaliser(DIALECTS)

    found = [
        normaliser.read(span, envelope).call
        for _, envelope, span in Export(request.SerializeToString()).candidates(MARKERS)
    ]

    assert [
        (call.resource.service, call.resource.release, call.usage.input_tokens) for call in found if call and call.usage
    ] == [
        ("shop", None, 1000),
        ("shop", None, 1000),
        ("search", None, 1500),
        (None, "2", 1000),
    ]


def test_invalid_utf8_makes_one_span_unreadable(otlp: Otlp) -> None:
    good, bad = otlp.call(1), otlp.call(2).SerializeToString().replace(b"search", b"se\xffrch")
    request = otlp.request(good)
    body = request.SerializeToString()
    scope_spans = b"\x12" + varint(len(bad)) + bad
    resource_spans = b"\x12" + varint(len(scope_spans)) + scope_spans
    body += b"\x0a" + varint(len(resource_spans)) + resource_spans
    normaliser = Normaliser(DIALECTS)

    first, second = Export(body).candidates(MARKERS)

    assert normaliser.read(first.span, first.envelope).call is not None
    with pytest.raises(UnreadableSpanError):
        normaliser.read(second.span, second.envelope)


def test_a_call_without_an_end_ended_when_it_began(otlp: Otlp) -> None:
    span = otlp.call()
    span.end_time_unix_nano = 0
    call = Normaliser(DIALECTS).read(span.SerializeToString(), Envelope(b"", b"")).call
    assert call is not None
    assert call.end_ns == call.start_ns == 1_795_176_000_000_000_000
