"""Who pays for a call made here: what code says, then enclosing spans, then baggage that is believed.

One object per tracer provider, found by whoever begins a call's span, ours or somebody else's. It needs the
OpenTelemetry API only, so it also serves apps whose provider takes no span processors; there, only the direct parent
of a call can be asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import baggage
from opentelemetry.trace.propagation import _SPAN_KEY  # pyright: ignore[reportPrivateUsage]

from spancost.attribution import SCOPE
from spancost.surroundings import ATTRIBUTES, Surroundings, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from spancost.attribution import Scope

CURRENT_SPAN: Final[str] = _SPAN_KEY
"""Where a Context has its span. To ask for it there, and to put it there, takes the API several times as long."""
_PARENT: Final = "_spancost_parent"
"""Attribute of a span that holds the one under which it started."""


class Payers:
    """Puts together who pays, from sources in a fixed order; within one source the innermost wins."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._attributes = surroundings.attributes
        self._names = frozenset(name for name, _ in surroundings.attributes)
        self._baggage = surroundings.baggage

    def of(self, here: Context) -> dict[str, str]:
        """Who pays for a call made `here`: `attribution` first, then enclosing spans, then listed baggage."""
        surroundings: Any = here
        scope: Scope | None = surroundings.get(SCOPE)
        found: dict[str, str] = {} if scope is None else {**scope.values}
        span: Span | None = surroundings.get(CURRENT_SPAN)
        if span is not None:
            self._ask_spans(span, found)
        for name, key in self._baggage:
            if key not in found and (value := plain(baggage.get_baggage(name, here))) is not None:
                found[key] = value
        return found

    def complete(self, span: Span, parent: Span) -> None:
        """Stamps what enclosing spans have learnt since `span` started; while it can still be written to."""
        found: dict[str, str] = {}
        self._ask_spans(parent, found)
        stamp(span, found)

    def _ask_spans(self, span: Span | None, found: dict[str, str]) -> None:
        while span is not None and len(found) < len(ATTRIBUTES):
            attributes: Mapping[str, object] | None = getattr(span, "attributes", None)
            if attributes:
                # One pass: the SDK's own mapping takes as long to say that it lacks one key.
                there = self._names.intersection(attributes)
                for name, key in self._attributes if there else ():
                    if name in there and key not in found and (value := plain(attributes.get(name))) is not None:
                        found[key] = value
            span = parent_of(span)


def stamp(span: Span, attribution: Mapping[str, str]) -> None:
    """Writes onto `span` what it does not say itself."""
    own = cast("Mapping[str, object]", getattr(span, "attributes", None) or {})
    for key, value in attribution.items():
        if key not in own:
            span.set_attribute(key, value)


def remember_parent(span: Span, parent: Span) -> None:
    """Keeps `parent` on the span itself: so it is known for as long as anybody can ask, and nothing here grows."""
    setattr(span, _PARENT, parent)


def parent_of(span: Span) -> Span | None:
    """The span of this process under which `span` started, where a processor of ours saw it."""
    return getattr(span, _PARENT, None)
