"""Spans to model calls: the only code that reads a span, driven by the dialects' tables.

Pure. A span that is not a model call is None; one that cannot be trusted (bytes that do not parse, ids of the wrong
length, a time that does not fit) is an `UnreadableSpanError`, so that it is counted and passed on and costs its
neighbours nothing. A value of the wrong type counts as absent, and is counted.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.reading.reader import DialectReader, Reading, UnreadableSpanError
from spancost_collector.reading.senders import Senders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spancost_collector.reading.decode import Envelope
    from spancost_collector.reading.dialect import Dialect, Names

__all__ = ["Normaliser", "Reading", "UnreadableSpanError"]

_NOTHING: Final = Reading(None, 0, enriched=False, unknown_operation=False)
_NO_NAMES: Final[Mapping[str, Names]] = MappingProxyType({})


class Normaliser:
    """Reads spans as any of the given dialects."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        *,
        attribution: Mapping[str, Names] = _NO_NAMES,
        disguise: Callable[[str], str] | None = None,
    ) -> None:
        """Compile the tables.

        Args:
            dialects: where several know a span by its attributes alone, the first of them reads it. The last one reads
                what no other knows.
            attribution: field of `Attribution` -> further attributes that say it, asked before the dialects' own.
            disguise: what personal identifiers are replaced by; None keeps them.
        """
        *particular, general = dialects
        readers = [DialectReader(dialect, attribution=attribution, disguise=disguise) for dialect in dialects]
        fallback = DialectReader(
            general,
            attribution=attribution,
            disguise=disguise,
            evidence=[dialect.evidence for dialect in particular],
        )
        self._senders = Senders(readers, fallback)
        self.markers: tuple[bytes, ...] = tuple(
            dict.fromkeys(marker for dialect in (general, *particular) for marker in dialect.markers)
        )
        """A span that contains none of these cannot be a model call."""

    def read(self, span: bytes, envelope: Envelope) -> Reading:
        """Read one span.

        Raises:
            UnreadableSpanError: the span has to be passed on as it is, and counted.
        """
        sender = self._senders.of(envelope)
        try:
            parsed = otlp.Span.FromString(span)
            reading = _NOTHING
            for plan in sender.plans:
                found = plan.reader.read(parsed, sender, plan, len(span))
                if found.call is not None:
                    return found
                if found.unknown_operation:
                    reading = found
        except DecodeError as error:
            raise UnreadableSpanError(f"span of {len(span)} bytes: not valid protobuf ({error})") from error
        return reading

    def why_not(self, span: bytes, envelope: Envelope) -> str:
        """Why a span that `read` takes for no model call is none, for people."""
        plans = self._senders.of(envelope).plans
        return plans[0].reader.why_not(otlp.Span.FromString(span), plans[0])
