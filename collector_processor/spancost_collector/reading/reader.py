"""One dialect's spans to model calls.

Everything that can be decided before a span comes is decided when the reader is made; what is left is a walk over the
attributes and a few slices of what it found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spancost_collector.call import Attribution, ModelCall, Reported
from spancost_collector.reading.addresses import NAMED_BY_LIBRARY, billing_provider
from spancost_collector.reading.attributes import AttributeTable
from spancost_collector.reading.columns import (
    ATTRIBUTION_SLICE,
    COLUMNS,
    COUNTS_SLICE,
    PLACE,
    ROUTE_SLICE,
    UNITS,
    UNITS_SLICE,
    USAGE_SLICE,
)
from spancost_collector.reading.inclusion import judge, make_whole
from spancost_collector.reading.metadata import PERSONAL, by_metadata, with_metadata
from spancost_collector.reading.origins import provider_of_model
from spancost_collector.reading.response_ids import WRAPPED, unwrapped
from spancost_collector.reading.values import MAX_TAGS
from spancost_pricing import PICO_USD, Route, SpancostError, Usage
from spancost_pricing.records import new

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from spancost_collector import otlp_pb2 as otlp
    from spancost_collector.call import Role
    from spancost_collector.reading.dialect import Dialect, Names
    from spancost_collector.reading.senders import Plan, Sender

_MAX_TIME: Final = 2**63
_MAX_PICO: Final = 2**63
_SECOND: Final = 1_000_000_000
_STATUS_ERROR: Final = 2
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
_MOST_ROUTES: Final = 4096

_OPERATION: Final = PLACE["operation"]
_PROVIDER: Final = PLACE["provider"]
_REQUEST_MODEL: Final = PLACE["request_model"]
_RESPONSE_MODEL: Final = PLACE["response_model"]
_RESPONSE_ID: Final = PLACE["response_id"]
_ERROR: Final = PLACE["error"]
_COST_STATUS: Final = PLACE["cost_status"]
_DUPLICATE_OF: Final = PLACE["duplicate_of"]
_ENVIRONMENT: Final = PLACE["environment"]
_RELEASE: Final = PLACE["release"]
_TAGS: Final = PLACE["tags"]
_UNITS: Final = PLACE["units"]
_REPORTED: Final = PLACE["reported_usd"]
_REPORTED_BY: Final = PLACE["reported_by"]
_QUOTED: Final = PLACE["quoted_usd"]
_QUOTED_BY: Final = PLACE["quoted_by"]
_CACHED: Final = PLACE["cached"]
_FIRST_CHUNK: Final = PLACE["first_chunk_s"]
_TOOK: Final = PLACE["took_s"]
_NO_COUNTS: Final = [None] * (COUNTS_SLICE.stop - COUNTS_SLICE.start)
_NO_UNITS: Final = [None] * len(UNITS)


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


class _Destination(NamedTuple):
    """Where calls of the same words went."""

    route: Route
    assumed: str | None


class DialectReader:
    """Reads spans as one dialect."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        attribution: Mapping[str, Names],
        disguise: Callable[[str], str] | None,
        evidence: Sequence[Names] = (),
    ) -> None:
        self.dialect = dialect
        names = by_metadata(dialect, attribution)
        self._table = AttributeTable(
            names,
            notes={**dialect.notes, **{name: ("document", (name,)) for name in dialect.metadata}},
            tag_prefixes=dialect.metadata_prefixes,
            evidence=evidence,
            json_values=dialect.json_values,
            disguise={} if disguise is None else dict.fromkeys(PERSONAL, disguise),
        )
        self._disguise = disguise
        self._metadata = tuple(place for note, place in self._table.note_places if note in dialect.metadata)
        self._destinations: dict[tuple[str | None, ...], _Destination] = {}

    def read(self, span: otlp.Span, sender: Sender, plan: Plan, size: int) -> Reading:
        """Read one span of a sender, which is `size` bytes long.

        Raises:
            UnreadableSpanError: the span cannot be trusted.
            DecodeError: one of its attributes is no attribute.
        """
        dialect = self.dialect
        values, unreadable = self._table.read(span.attributes, size)
        if plan.instead and (other := self._table.evidence(values)) is not None:
            found = plan.instead[other].reader.read(span, sender, plan.instead[other], size)
            if found.call is not None or found.unknown_operation:
                return found
        failed = values[_ERROR] is not None or span.status.code == _STATUS_ERROR
        if dialect.notes:
            self._refine(values, failed)
        operation = values[_OPERATION]
        if operation is None:
            if dialect.unnamed_operation is None or values[_PROVIDER] is None or values[COUNTS_SLICE] == _NO_COUNTS:
                return _NOTHING
            operation = dialect.unnamed_operation
        role: Role = "leaf"
        known = dialect.leaves.get(operation)
        if known is None:
            known = operation
            if values[COUNTS_SLICE] == _NO_COUNTS or operation in dialect.others:
                return _NOTHING
            if operation not in dialect.aggregates:
                return _UNKNOWN_OPERATION
            role = "aggregate"
        for place in self._metadata:
            if values[place] is not None:
                with_metadata(values, values[place], self._disguise)
        route, assumed = self._destination(tuple(values[ROUTE_SLICE]))
        usage, included = self._usage(values, plan, route.provider)
        reported = quoted = None
        if values[_REPORTED] is not None:
            reported = _money(values[_REPORTED], values[_REPORTED_BY] or "the biller")
            unreadable += reported is None
        if values[_QUOTED] is not None and (values[_QUOTED] or not dialect.zero_is_unknown):
            quoted = _money(values[_QUOTED], values[_QUOTED_BY] or dialect.name)
            unreadable += quoted is None
        first_chunk = values[_FIRST_CHUNK]
        if len(values[_TAGS]) > 1:
            values[_TAGS] = tuple(dict.fromkeys(values[_TAGS]))[:MAX_TAGS]
        resource = sender.resource
        if values[_ENVIRONMENT] is not None or values[_RELEASE] is not None:
            resource = resource._replace(
                environment=resource.environment or values[_ENVIRONMENT], release=resource.release or values[_RELEASE]
            )
        response_id = values[_RESPONSE_ID]
        if response_id is not None and response_id.startswith(WRAPPED):
            response_id = unwrapped(response_id)
        start, end = _times(span)
        if values[_TOOK] is not None:
            start = _began(end, values[_TOOK])
        call = new(
            ModelCall,
            (
                _identifier(span.trace_id, _NO_TRACE, "trace_id"),
                _identifier(span.span_id, _NO_SPAN, "span_id"),
                start,
                end,
                known,
                route,
                values[_REQUEST_MODEL],
                values[_RESPONSE_MODEL],
                response_id,
                usage,
                "error" if failed else "ok",
                new(Attribution, values[ATTRIBUTION_SLICE]),
                resource,
                dialect.name,
                reported,
                quoted,
                role,
                span.parent_span_id,
                sender.scope,
                values[_CACHED] is not None,
                None if first_chunk is None or first_chunk < 0 else float(first_chunk),
                _both(assumed, included) if assumed or included else None,
                b"" if values[_DUPLICATE_OF] is None else _span_id(values[_DUPLICATE_OF]),
            ),
        )
        return new(Reading, (call, unreadable, values[_COST_STATUS] is not None, False))

    def why_not(self, span: otlp.Span, plan: Plan) -> str:
        """Why a span is no model call, for people."""
        values, _ = self._table.read(span.attributes)
        if plan.instead and (other := self._table.evidence(values)) is not None:
            return plan.instead[other].reader.why_not(span, plan.instead[other])
        if self.dialect.notes:
            self._refine(values, span.status.code == _STATUS_ERROR)
        operation: str | None = values[_OPERATION]
        name = self.dialect.name
        if operation is None:
            return f"read as {name}, it names no operation in {' or '.join(self.dialect.names['operation'])}"
        if operation in self.dialect.others:
            return f"read as {name}, its operation {operation!r} is none that is paid for"
        if operation in self.dialect.aggregates:
            return (
                f"read as {name}, its operation {operation!r} only holds calls, and it says nothing of what they used"
            )
        return f"read as {name}, its operation {operation!r} is not known to be a model call"

    def _refine(self, values: list[Any], failed: bool) -> None:
        """Let the dialect say what its table cannot."""
        facts: dict[str, Any] = {"failed": failed}
        facts |= {COLUMNS[place]: value for place, value in enumerate(values[: len(COLUMNS)]) if value is not None}
        facts.update((note, values[place]) for note, place in self._table.note_places if values[place] is not None)
        for column, value in self.dialect.refine(facts).items():
            values[PLACE[column]] = value

    def _destination(self, said: tuple[str | None, ...]) -> _Destination:
        found = self._destinations.get(said)
        if found is None:
            found = _find_destination(self.dialect.full_name, said)
            if len(self._destinations) >= _MOST_ROUTES:
                self._destinations.clear()
            self._destinations[said] = found
        return found

    def _usage(self, values: list[Any], plan: Plan, provider: str) -> tuple[Usage | None, str | None]:
        """What was used, and what had to be assumed about it."""
        if values[UNITS_SLICE] != _NO_UNITS:
            values[_UNITS] = {
                unit: quantity
                for unit, quantity in zip(UNITS, values[UNITS_SLICE], strict=True)
                if quantity is not None
            }
        elif values[COUNTS_SLICE] == _NO_COUNTS:
            return None, None
        assumed = None
        if plan.judged:
            assumed = judge(values)
        elif plan.apart:
            make_whole(values, plan.apart, provider)
        return new(Usage, values[USAGE_SLICE]), assumed


def _find_destination(full_name: Callable[[str, str], str], said: tuple[str | None, ...]) -> _Destination:
    provider, address, request_model, response_model, *terms = said
    biller = billing_provider(provider or "", address)
    model = response_model or request_model or ""
    assumed = None
    if biller.lower() in NAMED_BY_LIBRARY and address is None:
        # What a library is called says little of whom it spoke to; a name that one provider alone gives says more.
        origin = provider_of_model(model) or provider_of_model(request_model or "")
        if origin is not None and origin != biller.lower():
            biller, assumed = origin, f"{origin} serves {model}, by its name alone"
    return _Destination(Route(biller, full_name(biller, model), *terms), assumed)


def _span_id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _both(one: str | None, other: str | None) -> str:
    return "; ".join(filter(None, (one, other)))


def _money(usd: Decimal | int, by: str) -> Reported | None:
    """Somebody's figure, to the whole pico-USD; one below zero, or larger than the ledger holds, is no figure."""
    pico = round(usd * PICO_USD)
    return Reported(pico, by) if 0 <= pico < _MAX_PICO else None


def _identifier(value: bytes, none: bytes, name: str) -> bytes:
    if len(value) != len(none) or value == none:
        raise UnreadableSpanError(f"span: {name}: got {len(value)} bytes; expected {len(none)}, not all zero")
    return value


def _times(span: otlp.Span) -> tuple[int, int]:
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if start >= _MAX_TIME or end >= _MAX_TIME:
        raise UnreadableSpanError(f"span: times {start} and {end}: expected Unix nanoseconds below 2^63")
    return start, end or start


def _began(end: int, took_s: Decimal | int) -> int:
    """When a call began that was noted down at its end."""
    return end - round(took_s * _SECOND) if 0 <= took_s * _SECOND <= end else end
