"""What must hold for every request that anyone can send, and where such requests come from."""

from __future__ import annotations

import ast
import gzip
import json
import sys
from importlib.resources import files
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spancost_collector.outcome import Refusal

NOON = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z


class Passage:
    """Sends requests through a pipeline and holds what it answers and passes on against the official messages."""

    def __init__(self, build: Callable[[Passage], Callable[[Sequence[bytes]], list[Refusal | None]]]) -> None:
        self._forwarded: list[bytes] = []
        self._pipeline = build(self)

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """The next hop's part: it takes everything."""
        self._forwarded += bodies
        return [None] * len(bodies)

    def check(self) -> Refusal | None:
        return None

    def examine(self, body: bytes) -> None:
        """Fails where a request crashes the pipeline, is refused for no reason, or comes out as something else."""
        self._forwarded.clear()
        (answer,) = self._pipeline([body])
        sent = _official(body)
        if answer is not None:
            assert answer.kind == "malformed", answer
            assert sent is None, "the official messages read what was refused"
            assert self._forwarded == []
            return
        (forwarded,) = self._forwarded
        if sent is None:
            return  # one string that is no UTF-8 makes the official messages refuse everything; we pass it on
        got = _official(forwarded)
        assert got is not None, "the official messages do not read what was passed on"
        for before, after in zip(_spans(sent), _spans(got), strict=True):
            ours = after.attributes[len(before.attributes) :]
            assert all(attribute.key.startswith("spancost.") for attribute in ours), ours
            del after.attributes[len(before.attributes) :]
        assert got.SerializeToString(deterministic=True) == sent.SerializeToString(deterministic=True)


def _official(body: bytes) -> ExportTraceServiceRequest | None:
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return None


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]


def _words() -> list[str]:
    """Every text in the dialects' tables: attribute names, scopes, operations, markers."""
    found: set[str] = set()
    for module in files("spancost_collector.dialects").iterdir():
        if module.name.endswith(".py"):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 80:
                    found.add(node.value)
    return sorted(found)


_MODELS = ["gpt-4o-2024-08-06", "claude-sonnet-4-5", "gemini-2.5-pro", "openai", "anthropic", "gcp.gemini", "chat"]
WORDS = st.sampled_from([*_words(), *_MODELS])
_TEXT = st.text(max_size=20)
_HOSTILE = st.sampled_from(
    [
        ("[", 100_000),
        ('{"a":', 20_000),
        ("9", 5_000),
        ("x", 100_000),
        ("1e999999999", 1),
        ("-0", 1),
        ("NaN", 1),
        ("0x10", 1),
        (" 12 ", 1),
        ("١٢", 1),
        ('"\\ud800"', 1),
        ('{"input_tokens": 1e400, "output": "\\ud800", "input": -1}', 1),
        ("\x00", 1),
    ]
).map(lambda text: text[0] * text[1])
"""Numbers that are none, JSON that is none or too deep, and plain mass."""
_INTEGERS = st.sampled_from([0, 1, -1, 1000, 2**31, 2**53, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
_JSON = st.recursive(
    st.none() | st.booleans() | _INTEGERS | st.floats() | WORDS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | _TEXT, inner, max_size=4),
    max_leaves=8,
).map(json.dumps)
_SCALARS = (
    st.builds(AnyValue, string_value=WORDS | _TEXT | _JSON | _HOSTILE)
    | st.builds(AnyValue, int_value=_INTEGERS)
    | st.builds(AnyValue, double_value=st.floats())
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, bytes_value=st.binary(max_size=8))
    | st.just(AnyValue())
)
_KEYS = WORDS | _TEXT
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(inner, max_size=3)))
        | st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList, values=st.lists(st.builds(KeyValue, key=_KEYS, value=inner), max_size=3)
            ),
        )
    ),
    max_leaves=4,
)
_ATTRIBUTES = st.lists(st.builds(KeyValue, key=_KEYS, value=_VALUES), max_size=6)
_CALL = [
    KeyValue(key="gen_ai.operation.name", value=AnyValue(string_value="chat")),
    KeyValue(key="gen_ai.provider.name", value=AnyValue(string_value="openai")),
    KeyValue(key="gen_ai.request.model", value=AnyValue(string_value="gpt-4o-2024-08-06")),
    KeyValue(key="gen_ai.usage.input_tokens", value=AnyValue(int_value=1000)),
    KeyValue(key="gen_ai.usage.output_tokens", value=AnyValue(int_value=100)),
]
_TIMES = st.sampled_from([0, 1, NOON, NOON + 10**9, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
_UNKNOWN = st.sampled_from([b"", b"\xc2\x3e\x03new", b"\xc0\x3e\x01", b"\xc5\x3e\x00\x00\x00\x00"])
"""Fields of a later version: number 1000 as bytes, a varint, a fixed32."""


@st.composite
def _span(draw: st.DrawFn) -> Span:
    span = Span(
        trace_id=draw(st.binary(min_size=16, max_size=16) | st.binary(max_size=20)),
        span_id=draw(st.binary(min_size=8, max_size=8) | st.binary(max_size=20)),
        parent_span_id=draw(st.just(b"") | st.binary(min_size=8, max_size=8) | st.binary(max_size=9)),
        name=draw(_KEYS),
        start_time_unix_nano=draw(_TIMES),
        end_time_unix_nano=draw(_TIMES),
        attributes=draw(st.just(_CALL) | st.just([])) + draw(_ATTRIBUTES),
        events=draw(st.lists(st.builds(Span.Event, name=_KEYS, attributes=_ATTRIBUTES), max_size=1)),
        links=draw(st.lists(st.builds(Span.Link, attributes=_ATTRIBUTES), max_size=1)),
        status=Status(code=draw(st.sampled_from([Status.STATUS_CODE_OK, Status.STATUS_CODE_ERROR]))),
    )
    span.MergeFromString(draw(_UNKNOWN))
    return span


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Well-formed requests with anything in them."""
    request = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(1, 2))):
        scope_spans = [
            ScopeSpans(
                scope=InstrumentationScope(name=draw(_KEYS), version=draw(_TEXT), attributes=draw(_ATTRIBUTES)),
                spans=draw(st.lists(_span(), max_size=2)),
                schema_url=draw(_TEXT),
            )
            for _ in range(draw(st.integers(0, 2)))
        ]
        resource = Resource(attributes=draw(_ATTRIBUTES))
        resource.MergeFromString(draw(_UNKNOWN))
        request.resource_spans.append(ResourceSpans(resource=resource, scope_spans=scope_spans))
    request.MergeFromString(draw(_UNKNOWN))
    return request.SerializeToString()


def damaged() -> st.SearchStrategy[bytes]:
    """Requests in which some bytes are others, missing, or too many."""
    return requests().flatmap(_damaged)


def packed() -> st.SearchStrategy[bytes]:
    """Anything, well packed or with damage done to it."""
    contents = st.binary(max_size=100) | st.integers(0, 100_000).map(bytes)
    whole = contents.map(gzip.compress) | contents.map(zstd.compress)
    return st.binary(max_size=50) | whole | whole.flatmap(_damaged)


@st.composite
def _damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    body = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        match draw(st.integers(0, 3)):
            case 0:
                del body[at : at + draw(st.integers(1, 9))]
            case 1:
                body[at:at] = draw(st.binary(min_size=1, max_size=9))
            case 2:
                body[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case _:
                end = draw(st.integers(at, len(body)))
                body[at:at] = body[at:end]
    return bytes(body)


_NAMES = st.sampled_from(
    [
        *("resourceSpans", "scopeSpans", "spans", "resource", "scope", "attributes", "events", "links", "status"),
        *("traceId", "spanId", "parentSpanId", "trace_id", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"),
        *("key", "value", "stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue", "values"),
    ]
)
_LEAVES = (
    st.none()
    | st.booleans()
    | _INTEGERS
    | st.floats()
    | WORDS
    | _TEXT
    | st.sampled_from(["0102030405060708", "zz", "9" * 30, "-1", "1e3", "Infinity", "\ud800"])
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES | _TEXT, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def json_documents(draw: st.DrawFn) -> bytes:
    """Something that resembles OTLP in JSON, or does not."""
    spans = draw(st.lists(st.dictionaries(_NAMES, _TREES, max_size=6) | _TREES, max_size=2))
    scope_spans = draw(st.just([{"spans": spans}]) | _TREES)
    document = draw(st.just({"resourceSpans": [{"resource": draw(_TREES), "scopeSpans": scope_spans}]}) | _TREES)
    return json.dumps(document).encode(errors="replace")
