"""OTLP/JSON becomes the protobuf that the same request would have been, whatever its senders' habits."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spancost_collector.intake.otlp_json import BadJsonError, convert

RECORDED = Path(os.environ.get("SPANCOST_SPANS", "../shared/data")) / "spans"

# What an exporter in a browser sends: bytes in hexadecimal, 64-bit numbers as text or as numbers, enumerations as
# numbers, absent values as null.
JAVASCRIPT = """{"resourceSpans": [{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}], "droppedAttributesCount": 0},
  "schemaUrl": "https://opentelemetry.io/schemas/1.37.0",
  "scopeSpans": [{
    "scope": {"name": "@example/instrumentation", "version": "1.0.0"},
    "schemaUrl": "https://opentelemetry.io/schemas/1.36.0",
    "spans": [{
      "traceId": "0102030405060708090A0b0c0d0e0f10", "spanId": "00000000000000a1", "parentSpanId": null,
      "name": "chat one", "kind": 3,
      "startTimeUnixNano": "1795176000000000000", "endTimeUnixNano": 1795176001000000000,
      "attributes": [
        {"key": "text", "value": {"stringValue": "caf\\u00e9"}},
        {"key": "count", "value": {"intValue": "9007199254740993"}},
        {"key": "number", "value": {"intValue": 7}},
        {"key": "share", "value": {"doubleValue": 0.5}},
        {"key": "flag", "value": {"boolValue": false}},
        {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": 1}}]}}}
      ],
      "droppedAttributesCount": 2,
      "events": [{"name": "e", "timeUnixNano": "1795176000000000001", "attributes": []}],
      "links": [{"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "00000000000000a2"}],
      "status": {"code": 2, "message": "no"},
      "flags": 257,
      "somethingNew": {"nobody": "knows"}
    }]
  }]
}]}"""


def parsed(body: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(body)


def spans(*found: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": found}]}]}).encode()


def test_everything_that_a_javascript_exporter_sends_is_read() -> None:
    converted = convert(JAVASCRIPT.encode())

    request = parsed(converted.body)
    resource_spans = request.resource_spans[0]
    scope_spans = resource_spans.scope_spans[0]
    span = scope_spans.spans[0]
    assert converted.rejected_spans == 0
    assert resource_spans.resource.attributes[0].value.string_value == "shop"
    assert (resource_spans.schema_url, scope_spans.schema_url) == (
        "https://opentelemetry.io/schemas/1.37.0",
        "https://opentelemetry.io/schemas/1.36.0",
    )
    assert (scope_spans.scope.name, scope_spans.scope.version) == ("@example/instrumentation", "1.0.0")
    assert span.trace_id == bytes(range(1, 17))
    assert span.span_id == b"\0\0\0\0\0\0\0\xa1"
    assert span.parent_span_id == b""
    assert (span.name, span.kind) == ("chat one", Span.SPAN_KIND_CLIENT)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1795176000000000000, 1795176001000000000)
    values = {pair.key: pair.value for pair in span.attributes}
    assert values["text"].string_value == "café"
    assert values["count"].int_value == 9007199254740993
    assert values["number"].int_value == 7
    assert values["share"].double_value == 0.5
    assert values["flag"].HasField("bool_value")
    assert [one.WhichOneof("value") for one in values["list"].array_value.values] == ["string_value", "int_value"]
    assert values["map"].kvlist_value.values[0].value.double_value == 1.0
    assert span.dropped_attributes_count == 2
    assert span.events[0].time_unix_nano == 1795176000000000001
    assert span.links[0].span_id == b"\0\0\0\0\0\0\0\xa2"
    assert (span.status.code, span.status.message, span.flags) == (2, "no", 257)


def test_recorded_requests_are_the_same_in_both_encodings() -> None:
    files = sorted(RECORDED.glob("*/*.otlp.json"))[::8]
    if not files:
        pytest.skip(f"no recorded spans in {RECORDED}; SPANCOST_SPANS names their folder")
    pairs = [(file, Path(str(file).removesuffix(".json") + ".pb")) for file in files]
    wrong = [
        file.name
        for file, protobuf in pairs
        if protobuf.exists() and parsed(convert(file.read_bytes()).body) != parsed(protobuf.read_bytes())
    ]

    assert wrong == []
    assert any(protobuf.exists() for _, protobuf in pairs)


GOOD = {"traceId": "01" * 16, "spanId": "02" * 8, "name": "good"}


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"traceId": "AQEBAQEBAQEBAQEBAQEBAQ=="}, "traceId: expected an id in hexadecimal digits"),
        ({"spanId": "123"}, "spanId: expected an id in hexadecimal digits"),
        ({"parentSpanId": 7}, "parentSpanId: expected an id in hexadecimal digits"),
        ({"links": [{"spanId": "z"}]}, "links[0].spanId: expected an id in hexadecimal digits"),
        ({"name": "\ud800"}, "Unpaired surrogate"),
        ({"kind": math.inf}, "cannot convert float infinity to integer"),
        ({"\ud800": 1}, "a name in it is not Unicode text"),
        ({"attributes": [{"\ud800": 1}]}, "a name in it is not Unicode text"),
        ({"name": 3}, "name field"),
        ({"startTimeUnixNano": "99999999999999999999999"}, "out of range"),
        ({"startTimeUnixNano": -1}, "out of range"),
        ({"kind": "CLIENT"}, "Invalid enum value CLIENT for enum type opentelemetry.proto.trace.v1.Span.SpanKind"),
        ({"kind": ""}, "Invalid enum value"),
        ({"status": {"code": "OK"}}, "Invalid enum value OK for enum type opentelemetry.proto.trace.v1.Status.Status"),
        (None, "spans[1]: expected an object"),
        ("a span", "spans[1]: expected an object"),
        ({"attributes": 3}, "attributes field"),
        ({"attributes": [None]}, "null is not allowed"),
        ({"attributes": [{"key": "a", "value": {"intValue": "1.5"}}]}, "non-integer"),
        ({"attributes": [{"key": "a", "value": {"intValue": "1", "stringValue": "b"}}]}, "multiple"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_one_bad_span_never_costs_its_neighbours(bad: object, problem: str) -> None:
    converted = convert(spans(GOOD, bad, GOOD))

    assert [span.name for span in parsed(converted.body).resource_spans[0].scope_spans[0].spans] == ["good", "good"]
    assert converted.rejected_spans == 1
    assert converted.problem.startswith("resourceSpans[0].scopeSpans[0].spans[1]")
    assert problem in converted.problem


@pytest.mark.parametrize(("kind", "read"), [(3, 3), ("3", 3), ("SPAN_KIND_CLIENT", 3), (99, 99), (None, 0)])
def test_a_kind_is_a_number_that_may_be_new_or_a_name_that_may_not(kind: object, read: int) -> None:
    converted = convert(spans({**GOOD, "kind": kind, "status": {"code": "STATUS_CODE_ERROR"}}))

    span = parsed(converted.body).resource_spans[0].scope_spans[0].spans[0]
    assert (span.kind, span.status.code, converted.rejected_spans) == (read, 2, 0)


@pytest.mark.parametrize("outer", ["resourceSpans", "resource_spans"])
@pytest.mark.parametrize("inner", ["scopeSpans", "scope_spans"])
def test_lists_may_have_the_names_that_protobuf_gives_them(outer: str, inner: str) -> None:
    span = {"trace_id": "01" * 16, "span_id": "02" * 8}

    converted = convert(json.dumps({outer: [{inner: [{"spans": [span]}]}]}).encode())

    (read,) = parsed(converted.body).resource_spans[0].scope_spans[0].spans
    assert (read.trace_id, read.span_id, converted.rejected_spans) == (b"\x01" * 16, b"\x02" * 8, 0)


def test_ids_of_the_wrong_length_are_not_a_matter_of_encoding() -> None:
    converted = convert(spans({"traceId": "0102", "spanId": ""}))

    span = parsed(converted.body).resource_spans[0].scope_spans[0].spans[0]
    assert (span.trace_id, span.span_id, converted.rejected_spans) == (b"\x01\x02", b"", 0)


def test_text_that_is_not_utf_8_is_replaced() -> None:
    body = spans(GOOD).replace(b'"good"', b'"g\xffd"')

    assert parsed(convert(body).body).resource_spans[0].scope_spans[0].spans[0].name == "g\ufffdd"


def test_a_bad_resource_costs_its_own_spans_only() -> None:
    bad = {"resource": {"attributes": [{"key": 3}]}, "scopeSpans": [{"spans": [GOOD, GOOD]}]}
    good = {"scopeSpans": [{"spans": [GOOD]}]}

    converted = convert(json.dumps({"resourceSpans": [bad, good]}).encode())

    assert converted.rejected_spans == 2
    assert converted.problem.startswith("resourceSpans[0]: ")
    assert [
        span.name
        for resource_spans in parsed(converted.body).resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ] == ["good"]


def nested(depth: int) -> str:
    return '{"arrayValue":{"values":[' * depth + '{"stringValue":"x"}' + "]}}" * depth


def test_a_value_that_is_nested_too_deep_costs_its_own_span_only() -> None:
    deep = '{"attributes": [{"key": "a", "value": ' + nested(60) + "}]}"
    body = spans(GOOD, "HERE").replace(b'"HERE"', deep.encode())

    converted = convert(body)

    assert [span.name for span in parsed(converted.body).resource_spans[0].scope_spans[0].spans] == ["good"]
    assert converted.rejected_spans == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "ExportTraceServiceRequest of 1 bytes: not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "the request: expected an object with resourceSpans, a list of objects; send OTLP/JSON"),
        (b'{"resourceSpans": 3}', "the request: expected an object with resourceSpans"),
        (b'{"resourceSpans": [{"scopeSpans": [3]}]}', "resourceSpans[0]: expected an object with scopeSpans"),
    ],
)
def test_what_is_not_otlp_json_is_refused_as_a_whole(body: bytes, problem: str) -> None:
    with pytest.raises(BadJsonError) as refused:
        convert(body)

    assert problem in str(refused.value)


@pytest.mark.parametrize("body", [b"{}", b"\xef\xbb\xbf{}", b'{"resourceSpans": null}', b'{"resourceSpans": []}'])
def test_an_empty_request_is_empty(body: bytes) -> None:
    assert convert(body) == (b"", 0, "")


NAMES = (
    *("resourceSpans", "scopeSpans", "spans", "resource", "scope", "traceId", "spanId", "name", "kind", "attributes"),
    *("key", "value", "stringValue", "intValue", "arrayValue", "values", "links", "events", "status", "flags"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
_SPANS = st.dictionaries(st.sampled_from(NAMES), _JSON, max_size=5)


@given(found=st.lists(_SPANS, max_size=4))
def test_whatever_stands_in_a_span_it_is_taken_or_left_out(found: list[dict[str, Any]]) -> None:
    converted = convert(spans(*found))

    taken = sum(
        len(scope_spans.spans)
        for resource_spans in parsed(converted.body).resource_spans
        for scope_spans in resource_spans.scope_spans
    )
    assert taken + converted.rejected_spans == len(found)
    assert bool(converted.problem) is (converted.rejected_spans > 0)


@given(document=_JSON)
def test_whatever_json_is_sent_it_is_read_or_refused(document: object) -> None:
    try:
        body = convert(json.dumps(document).encode()).body
    except BadJsonError:
        return
    parsed(body)
