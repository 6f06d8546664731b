"""What the receiver would make of spans, span by span, and why: the same stages, with nothing kept or counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spancost_collector.decode import Export
from spancost_collector.normalise import UnreadableSpanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from spancost_collector.call import Charged, ModelCall
    from spancost_collector.election import Election
    from spancost_collector.normalise import Normaliser

Verdict = Literal["charged", "not charged", "no model call", "unreadable"]

_NEVER_SEEN: Final = frozenset[tuple[int, bytes]]()


class Finding(NamedTuple):
    """One span that looks like a model call, and what became of it."""

    trace_id: str
    span_id: str
    name: str
    scope: str
    """Instrumentation scope, with its version."""
    verdict: Verdict
    why: str
    call: ModelCall | None
    """What was read; None where it is no model call."""
    charged: Charged | None
    """What is charged, with what other spans know of the same call."""
    unreadable_attributes: int


class Diagnosis(NamedTuple):
    """What was found in some requests."""

    spans: int
    findings: list[Finding]
    """Of the spans that mention anything of model calls, in order."""


class _Read(NamedTuple):
    span: bytes
    scope: bytes
    call: ModelCall | None
    why_none: str
    unreadable: bool
    unreadable_attributes: int


def diagnose(
    bodies: Iterable[bytes],
    normaliser: Normaliser,
    election: Election,
    price: Callable[[Sequence[ModelCall]], list[Charged]],
) -> Diagnosis:
    """Treat the requests as if they came to a new receiver in one group.

    Raises:
        MalformedRequestError: one of them is no trace export request.
    """
    spans = 0
    found: list[_Read] = []
    for body in bodies:
        export = Export(body)
        spans += export.spans
        for _, envelope, span in export.candidates(normaliser.markers):
            try:
                reading = normaliser.read(span, envelope)
                why = "" if reading.call is not None else normaliser.why_not(span, envelope)
                found.append(_Read(span, envelope.scope, reading.call, why, False, reading.unreadable_attributes))
            except UnreadableSpanError as error:
                found.append(_Read(span, envelope.scope, None, str(error), True, 0))
    calls = [one.call for one in found if one.call is not None]
    decision = election.consider(calls, lambda _keys: _NEVER_SEEN)
    shown = iter(decision.shown)
    return Diagnosis(spans, [_finding(one, None if one.call is None else next(shown), price) for one in found])


def _finding(
    one: _Read, stands_for: ModelCall | bytes | None, price: Callable[[Sequence[ModelCall]], list[Charged]]
) -> Finding:
    span, scope = _opened(one.span), _named(one.scope)

    def found(verdict: Verdict, why: str, charged: Charged | None = None) -> Finding:
        return Finding(
            span.trace_id.hex(),
            span.span_id.hex(),
            span.name,
            scope,
            verdict,
            why,
            one.call,
            charged,
            one.unreadable_attributes,
        )

    if one.call is None:
        return found("unreadable" if one.unreadable else "no model call", one.why_none)
    match stands_for:
        case None:
            return found("not charged", "it repeats calls and says nothing of what they used")
        case bytes():
            repeats = (
                "repeats what is under it or beside it, such as"
                if one.call.role == "aggregate"
                else "describes the same call as"
            )
            return found("not charged", f"it {repeats} span {stands_for.hex()}, which is charged")
        case _:
            (charged,) = price([stands_for])
            return found("charged", _why(charged), charged)


def _why(charged: Charged) -> str:
    charge = charged.charge
    why = f"{charge.status}: {charge.reason}" if charge.reason else charge.status
    return f"{why}, {charge.detail}" if charge.detail else why


def _opened(span: bytes) -> Span:
    """As far as it can be read, for its name."""
    try:
        return Span.FromString(span)
    except DecodeError:
        return Span(name="(unreadable)")


def _named(scope: bytes) -> str:
    try:
        opened = InstrumentationScope.FromString(scope)
    except DecodeError:
        return "(unreadable)"
    return f"{opened.name} {opened.version}".strip() or "(no scope)"
