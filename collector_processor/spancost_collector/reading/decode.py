"""OTLP request bytes in, the places of possible model calls out, request bytes back.

A request is opened only as far as its list of spans; each span stays the bytes it was until a dialect's marker is
found in it. A span is enriched by appending to its bytes (repeated fields concatenate), so nothing that is not
understood here can be lost or rewritten. Nothing in this module knows what a model call is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError

from spancost_collector import otlp_pb2 as otlp
from spancost_pricing import SpancostError
from spancost_pricing.records import new

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.protobuf.internal.containers import RepeatedScalarFieldContainer


class MalformedRequestError(SpancostError):
    """The bytes are not an OTLP trace export request; sending them again cannot help."""


class Envelope(NamedTuple):
    """What the spans of one scope share, as the bytes it was."""

    resource: bytes
    scope: bytes


class Place(NamedTuple):
    """Where a span is, so that it can be added to later."""

    export: Export
    spans: RepeatedScalarFieldContainer[bytes]
    position: int

    def append(self, attributes: bytes) -> None:
        """Add already encoded attributes to the span."""
        self.spans[self.position] += attributes
        self.export.changed = True


class Candidate(NamedTuple):
    """A span that may be a model call."""

    place: Place
    envelope: Envelope
    span: bytes


class Export:
    """One request of a sender."""

    __slots__ = ("_body", "_request", "changed", "spans")

    def __init__(self, body: bytes) -> None:
        """Open a request.

        Raises:
            MalformedRequestError: `body` is not an OTLP trace export request.
        """
        try:
            self._request = otlp.ExportRequest.FromString(body)
        except DecodeError as error:
            raise MalformedRequestError(
                f"ExportTraceServiceRequest of {len(body)} bytes: not valid protobuf ({error}); "
                "send OTLP trace data, protobuf encoded"
            ) from error
        self._body = body
        self.changed = False
        self.spans = sum(
            len(scope_spans.spans)
            for resource_spans in self._request.resource_spans
            for scope_spans in resource_spans.scope_spans
        )
        """How many spans the request carries."""

    def candidates(self, markers: Sequence[bytes]) -> Iterator[Candidate]:
        """The spans whose bytes contain one of `markers`, the commonest first; a test that a reader has to confirm."""
        for resource_spans in self._request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                spans = scope_spans.spans
                found = list(_containing(markers, list(spans)))
                if found:
                    envelope = Envelope(b"".join(resource_spans.resource), b"".join(scope_spans.scope))
                    for position, span in found:
                        yield new(Candidate, (new(Place, (self, spans, position)), envelope, span))

    def encode(self) -> bytes:
        """The request with everything that was added; the very bytes that came where nothing was."""
        return self._request.SerializeToString() if self.changed else self._body


def _containing(markers: Sequence[bytes], spans: list[bytes]) -> list[tuple[int, bytes]]:
    """The spans that contain a marker, with their positions.

    Most spans with any marker have the first one; that none of the others is anywhere in the rest is one search in
    all of it, which takes a tenth of the time of searching each span.
    """
    first, *others = markers
    # `in` first takes the marker for a number, and makes and drops an exception.
    found = [(position, span) for position, span in enumerate(spans) if span.find(first) >= 0]
    if len(found) < len(spans):
        rest = [(position, span) for position, span in enumerate(spans) if span.find(first) < 0]
        joined = b"".join([span for _, span in rest])
        here = [marker for marker in others if marker in joined]
        if here:
            found += [(position, span) for position, span in rest if any(marker in span for marker in here)]
            found.sort()
    return found
