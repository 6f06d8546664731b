"""Who sent a span, as far as its resource and instrumentation scope say: decided once for all spans that share them.

The scope decides which dialect a span is read as; where it is unknown, the span's own attributes do, and what totals
include is then left to arithmetic. The same few senders come again and again, so what was found out is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from google.protobuf.message import DecodeError

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.call import Resource
from spancost_collector.reading.attributes import AttributeTable
from spancost_collector.reading.reader import UnreadableSpanError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spancost_collector.reading.columns import Kind
    from spancost_collector.reading.decode import Envelope
    from spancost_collector.reading.dialect import Apart, Names
    from spancost_collector.reading.reader import DialectReader

_MOST_REMEMBERED: Final = 1024
_ANYTHING: Final = "*"
_RESOURCE: Final[Mapping[str, Names]] = {
    "service": ("service.name",),
    "environment": (
        "deployment.environment.name",
        "deployment.environment",
        "langfuse.environment",
        "gen_ai.environment",
    ),
    "release": ("service.version", "langfuse.release", "vcs.ref.head.revision"),
}


class Plan(NamedTuple):
    """One dialect that a sender's spans may be read as."""

    reader: DialectReader
    apart: tuple[Apart, ...]
    """The dialect's exceptions that concern this sender."""
    judged: bool
    """Whether arithmetic has to tell what totals include."""
    instead: tuple[Plan, ...] = ()
    """What to read a span as where its attributes give another emitter away, by group of the reader's evidence."""


class Sender(NamedTuple):
    """What a resource and a scope say about all of their spans."""

    resource: Resource
    scope: str
    plans: tuple[Plan, ...]
    """The dialects to try, in order."""


class Senders:
    """The senders seen lately, each found out once."""

    def __init__(self, readers: Sequence[DialectReader], fallback: DialectReader) -> None:
        """Take the readers; `fallback` is the last one again, for unknown senders, whose evidence is of all others."""
        self._readers = tuple(readers)
        self._fallback = fallback
        notes: dict[str, tuple[Kind, Names]] = {column: ("text", names) for column, names in _RESOURCE.items()}
        self._evidence = {name: column for column, names in _RESOURCE.items() for name in names[:1]}
        for name in sorted({name for reader in readers for name, _ in reader.dialect.resources}):
            if self._evidence.setdefault(name, name) == name:
                notes[name] = ("text", (name,))
        self._table = AttributeTable({}, notes=notes)
        self._last: Envelope | None = None
        self._sender = Sender(Resource(), "", ())
        self._known: dict[Envelope, Sender] = {}

    def of(self, envelope: Envelope) -> Sender:
        """The sender of an envelope's spans.

        Raises:
            UnreadableSpanError: its resource or scope is no protobuf.
        """
        if envelope is not self._last:  # the spans of a scope come one after the other
            sender = self._known.get(envelope)
            if sender is None:
                sender = self._find_out(envelope)
                if len(self._known) >= _MOST_REMEMBERED:
                    self._known.clear()
                self._known[envelope] = sender
            self._sender = sender
            self._last = envelope
        return self._sender

    def _find_out(self, envelope: Envelope) -> Sender:
        try:
            values, _ = self._table.read(otlp.Resource.FromString(envelope.resource).attributes)
            scope = otlp.Scope.FromString(envelope.scope)
        except DecodeError as error:
            raise UnreadableSpanError(f"span: its resource or scope is not valid protobuf ({error})") from error
        said: dict[str, str | None] = {note: values[place] for note, place in self._table.note_places}
        resource = Resource(said["service"], said["environment"], said["release"])
        known = self._by_scope(scope.name) or tuple(
            reader
            for reader in self._readers
            if any(said[self._evidence[name]] == value for name, value in reader.dialect.resources)
        )

        def plan(reader: DialectReader, instead: tuple[Plan, ...] = ()) -> Plan:
            apart = tuple(rule for rule in reader.dialect.apart if rule.concerns(scope.name, scope.version))
            return Plan(reader, apart, not known or reader.dialect.judged, instead)

        if known:
            return Sender(resource, scope.name, tuple(plan(reader) for reader in known))
        instead = tuple(plan(reader) for reader in self._readers[:-1])
        return Sender(resource, scope.name, (plan(self._fallback, instead),))

    def _by_scope(self, scope: str) -> tuple[DialectReader, ...]:
        """The readers of the dialects that name this scope, or the longest beginning of it."""
        longest, found = -1, list["DialectReader"]()
        for reader in self._readers:
            length = max((_match(scope, pattern) for pattern in reader.dialect.scopes), default=-1)
            if length > longest:
                longest, found = length, [reader]
            elif length == longest >= 0:
                found.append(reader)
        return tuple(found)


def _match(scope: str, pattern: str) -> int:
    """How much of a scope's name a pattern matches; -1 where it does not. A star stands for whatever follows."""
    if pattern.endswith(_ANYTHING):
        return len(pattern) - 1 if scope.startswith(pattern[:-1]) else -1
    return len(pattern) if scope == pattern else -1
