"""What the receiver would make of spans, span by span, and why: the same stages, with nothing kept or counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spancost_collector.reading.decode import Export
from spancost_collector.reading.normalise import UnreadableSpanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from spancost_collector.call import Charged, Key, ModelCall
    from spancost_collector.election import Correction, Decision, Election
    from spancost_collector.reading.normalise import Normaliser
    from spancost_pricing.charge import Status

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


class Change(NamedTuple):
    """A span that was charged, and is not any more, or otherwise, because of what came later."""

    span_id: str
    why: str


class Examined(NamedTuple):
    """What was found in some requests, and what that changes about earlier ones."""

    findings: list[Finding]
    """Of the spans that mention anything of model calls, in order."""
    changes: list[Change]


class Sums(NamedTuple):
    """What all requests come to."""

    spans: int
    charged: int
    unpriced: int
    """Calls that would be charged, if a price of them was known."""
    invalid: int
    """The same, if their usage could be."""
    not_charged: int
    unreadable: int
    no_model_call: int
    """Spans that mention model calls and are none."""
    others: int
    pico: int
    """What is charged together."""


class _Read(NamedTuple):
    span: bytes
    scope: bytes
    call: ModelCall | None
    why_none: str
    unreadable: bool
    unreadable_attributes: int


class Examination:
    """Treats requests as a new receiver would to whom they came one group after the other."""

    def __init__(
        self, normaliser: Normaliser, election: Election, price: Callable[[Sequence[ModelCall]], list[Charged]]
    ) -> None:
        self._normaliser = normaliser
        self._election = election
        self._price = price
        self._spans = 0
        self._verdicts: Counter[Verdict] = Counter()
        self._seen: set[Key] = set()
        self._charged: dict[Key, tuple[Status, int | None]] = {}
        """What stands as charged now, and how far that is an amount, in pico-USD."""

    def __call__(self, bodies: Iterable[bytes]) -> Examined:
        """Examine a group of requests.

        Raises:
            MalformedRequestError: one of them is no trace export request; none of them was looked at.
        """
        exports = [Export(body) for body in bodies]
        found = [one for export in exports for one in self._read(export)]
        calls = [one.call for one in found if one.call is not None]
        decision = self._election.consider(calls, lambda _keys: _NEVER_SEEN)
        self._election.accept(decision)
        self._spans += sum(export.spans for export in exports)
        shown = iter(decision.shown)
        findings = [self._finding(one, None if one.call is None else next(shown)) for one in found]
        self._verdicts.update(finding.verdict for finding in findings)
        self._charge(decision)
        return Examined(findings, [change for one in decision.corrections for change in _changes(one)])

    def sums(self) -> Sums:
        """What has been examined so far, as it stands now."""
        descriptions = self._verdicts["charged"] + self._verdicts["not charged"]
        statuses = Counter(status for status, _ in self._charged.values())
        return Sums(
            spans=self._spans,
            charged=len(self._charged) - statuses["unpriced"] - statuses["invalid_usage"],
            unpriced=statuses["unpriced"],
            invalid=statuses["invalid_usage"],
            not_charged=descriptions - len(self._charged),
            unreadable=self._verdicts["unreadable"],
            no_model_call=self._verdicts["no model call"],
            others=self._spans - self._verdicts.total(),
            pico=sum(pico for _, pico in self._charged.values() if pico is not None),
        )

    def _read(self, export: Export) -> Iterator[_Read]:
        normaliser = self._normaliser
        for _, envelope, span in export.candidates(normaliser.markers):
            try:
                reading = normaliser.read(span, envelope)
                why = "" if reading.call is not None else normaliser.why_not(span, envelope)
                yield _Read(span, envelope.scope, reading.call, why, False, reading.unreadable_attributes)
            except UnreadableSpanError as error:
                yield _Read(span, envelope.scope, None, str(error), True, 0)

    def _charge(self, decision: Decision) -> None:
        for withdrawn, _ in decision.corrections:
            for key in withdrawn:
                self._charged.pop(key, None)
        now = [call for _, call in decision.corrections if call is not None]
        for charged in self._price([*decision.paid, *now]):
            self._charged[charged.call.key] = (charged.charge.status, charged.charge.spent_pico)

    def _finding(self, one: _Read, stands_for: ModelCall | bytes | None) -> Finding:
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
        if one.call.key in self._seen:
            return found("not charged", "it is the same span again")
        self._seen.add(one.call.key)
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
                (charged,) = self._price([stands_for])
                return found("charged", _why(charged), charged)


def _changes(correction: Correction) -> Iterator[Change]:
    now = correction.call
    for key in correction.withdrawn:
        _, span_id = key
        if now is None:
            yield Change(span_id.hex(), "is not charged any more: what it adds up has been seen")
        elif now.key == key:
            yield Change(span_id.hex(), "stays charged, with what another description of the same call knows")
        else:
            yield Change(span_id.hex(), f"is not charged any more: span {now.span_id.hex()} describes the call better")


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
