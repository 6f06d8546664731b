"""Spans to model calls: the only code that reads a span, driven by the dialects' tables.

Pure. A span that is not a model call is None; one that cannot be trusted (bytes that do not parse, ids of the wrong
length, a time that does not fit) is an `UnreadableSpanError`, so that it is counted and passed on and costs its
neighbours nothing. A value of the wrong type counts as absent, and is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from google.protobuf.message import DecodeError

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.addresses import billing_provider
from spancost_collector.attributes import AttributeTable
from spancost_collector.call import Attribution, ModelCall, Reported, Resource
from spancost_pricing import PICO_USD, Route, SpancostError, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.attributes import Found
    from spancost_collector.decode import Envelope
    from spancost_collector.dialect import Dialect, Names

_MAX_TIME: Final = 2**63
_MAX_PICO: Final = 2**63
_STATUS_ERROR: Final = 2


class UnreadableSpanError(SpancostError):
    """The span looks like a model call and cannot be read as one."""


class Reading(NamedTuple):
    """What was found on one span."""

    call: ModelCall | None
    """None where the span is not a model call."""
    unreadable_attributes: int
    """Attributes that were there and could not be used: a wrong type, not a number, far too long."""
    enriched: bool
    """The span already carries a charge, from a receiver before this one."""
    unknown_operation: bool
    """The span carries usage under an operation that nobody has heard of."""


_NOTHING: Final = Reading(None, 0, enriched=False, unknown_operation=False)
_UNKNOWN_OPERATION: Final = Reading(None, 0, enriched=False, unknown_operation=True)


class Normaliser:
    """Reads spans as any of the given dialects; the first that recognises a span decides."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._readers = tuple(_DialectReader(dialect) for dialect in dialects)
        self.markers: tuple[bytes, ...] = tuple(dict.fromkeys(dialect.marker for dialect in dialects))
        """A span that contains none of these cannot be a model call."""

    def read(self, span: bytes, envelope: Envelope) -> Reading:
        """Read one span.

        Raises:
            UnreadableSpanError: the span has to be passed on as it is, and counted.
        """
        try:
            parsed = otlp.Span.FromString(span)
        except DecodeError as error:
            raise UnreadableSpanError(f"span of {len(span)} bytes: not valid protobuf ({error})") from error
        reading = _NOTHING
        for reader in self._readers:
            found = reader.read(parsed, envelope)
            if found.call is not None:
                return found
            if found.unknown_operation:
                reading = found
        return reading


class _Surroundings(NamedTuple):
    """What a resource and a scope say about all of their spans."""

    resource: Resource
    cache_apart: bool


class _DialectReader:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._table = AttributeTable(
            [
                *(("text", column, cast("Names", getattr(dialect, column))) for column in _TEXT_COLUMNS),
                *(("count", field, names) for field, names in dialect.usage.items()),
                *(("unit", unit, names) for unit, names in dialect.units.items()),
                ("flag", "estimated", dialect.estimated),
                ("amount", "reported_usd", dialect.reported_usd),
                ("text", "cost_status", ("spancost.cost.status",)),
            ]
        )
        self._resource_table = AttributeTable(
            ("text", column, cast("Names", getattr(dialect, column)))
            for column in ("service", "environment", "release")
        )
        # The spans of a scope come one after the other and share what this was read from.
        self._envelope: Envelope | None = None
        self._surroundings = _Surroundings(Resource(), False)

    def read(self, span: otlp.Span, envelope: Envelope) -> Reading:
        dialect = self._dialect
        attributes = span.attributes
        found = self._table.read(attributes)
        text = found.texts.get
        operation = text("operation")
        if operation is None and text("provider") and any(name in attributes for name in dialect.unnamed_evidence):
            operation = dialect.unnamed_operation
        if operation is None:
            return _NOTHING
        if operation not in dialect.model_operations:
            strange = operation not in dialect.other_operations and found.counts
            return _UNKNOWN_OPERATION if strange else _NOTHING
        start, end = _times(span)
        resource, cache_apart = self._read_envelope(envelope)
        request_model, response_model = text("request_model"), text("response_model")
        call = ModelCall(
            trace_id=_identifier(span.trace_id, 16, "trace_id"),
            span_id=_identifier(span.span_id, 8, "span_id"),
            start_ns=start,
            end_ns=end,
            operation=operation,
            route=Route(
                billing_provider(text("provider") or "", text("address")),
                response_model or request_model or "",
                text("service_tier"),
                text("region"),
                text("deployment"),
                text("speed"),
            ),
            request_model=request_model,
            response_model=response_model,
            response_id=text("response_id"),
            usage=_usage(found, cache_apart=cache_apart),
            outcome="error" if text("error") or span.status.code == _STATUS_ERROR else "ok",
            attribution=Attribution(text("feature"), text("task"), text("tenant"), text("user"), text("session")),
            resource=resource,
            dialect=dialect.name,
            reported=_reported(found) if found.amounts else None,
        )
        return Reading(call, found.unreadable, enriched="cost_status" in found.texts, unknown_operation=False)

    def _read_envelope(self, envelope: Envelope) -> _Surroundings:
        if envelope is not self._envelope:
            try:
                attributes = otlp.Resource.FromString(envelope.resource).attributes
                scope = otlp.Scope.FromString(envelope.scope).name
            except DecodeError as error:
                raise UnreadableSpanError(f"span: its resource or scope is not valid protobuf ({error})") from error
            found = self._resource_table.read(attributes).texts
            resource = Resource(found.get("service"), found.get("environment"), found.get("release"))
            self._surroundings = _Surroundings(resource, scope in self._dialect.cache_apart)
            self._envelope = envelope
        return self._surroundings


_TEXT_COLUMNS: Final = (
    "operation",
    "provider",
    "address",
    "request_model",
    "response_model",
    "response_id",
    "service_tier",
    "region",
    "deployment",
    "speed",
    "error",
    "feature",
    "task",
    "tenant",
    "user",
    "session",
    "reported_by",
)


def _usage(found: Found, *, cache_apart: bool) -> Usage | None:
    counts, units = found.counts, found.units
    if not counts and not units:
        return None
    if cache_apart and "input_tokens" in counts:
        counts["input_tokens"] += counts.get("cache_read_tokens", 0) + counts.get("cache_write_tokens", 0)
    estimated = "estimated" in found.texts
    if units:
        return Usage(**counts, units=units, estimated=estimated)
    return Usage(**counts, estimated=estimated)  # pyright: ignore[reportArgumentType]


def _reported(found: Found) -> Reported | None:
    """The biller's figure, to the whole pico-USD; one below zero, or larger than the ledger holds, is no figure."""
    pico = round(found.amounts["reported_usd"] * PICO_USD)
    if not 0 <= pico < _MAX_PICO:
        found.unreadable += 1
        return None
    return Reported(pico, found.texts.get("reported_by") or "the biller")


def _identifier(value: bytes, length: int, name: str) -> bytes:
    if len(value) != length or not any(value):
        raise UnreadableSpanError(f"span: {name}: got {len(value)} bytes; expected {length}, not all zero")
    return value


def _times(span: otlp.Span) -> tuple[int, int]:
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if start >= _MAX_TIME or end >= _MAX_TIME:
        raise UnreadableSpanError(f"span: times {start} and {end}: expected Unix nanoseconds below 2^63")
    return start, end or start
