"""Who pays for a call made here: what code says, then enclosing spans, then baggage that is believed.

One object per tracer provider, found by whoever begins a call's span, ours or somebody else's. It needs the
OpenTelemetry API only, so it also serves apps whose provider takes no span processors; there, only the direct parent
of a call can be asked.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from opentelemetry import baggage
from opentelemetry.trace.propagation import _SPAN_KEY  # pyright: ignore[reportPrivateUsage]

from spancost.attribution import SCOPE
from spancost.surroundings import ATTRIBUTES, Surroundings, plain
from spancost.writing import has_ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from spancost.attribution import Scope

Around: TypeAlias = "tuple[Mapping[str, str], Span | None]"
"""What the spans around one said about who pays, of which the nearest have ended; and the nearest of the others."""

CURRENT_SPAN: Final[str] = _SPAN_KEY
"""Where a Context has its span. To ask for it there, and to put it there, takes the API several times as long."""
_AROUND: Final = "_spancost_around"
"""Attribute of a span that holds what is around it."""
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
_NOTHING: Final[Around] = (_NOBODY, None)


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

    def remember(self, span: Span, parent: Span) -> None:
        """Keeps `parent` on the span itself: so it is known for as long as anybody can ask, and nothing here grows.

        Of what is around the parent and has ended, which nothing will change any more, only what it said is kept:
        where each piece of work starts the next one, every span since the start of the app is around the newest.
        """
        # Without a function of ours: every span of the app comes by here.
        said, around = getattr(parent, _AROUND, _NOTHING)
        if around is not None and getattr(around, "end_time", None) is not None:
            found = {**said}
            rest = self._ask_spans(around, found, until_open=True)
            setattr(parent, _AROUND, (found, rest))
        setattr(span, _AROUND, (_NOBODY, parent))

    def _ask_spans(self, span: Span | None, found: dict[str, str], *, until_open: bool = False) -> Span | None:
        """Adds what `span` and those around it say, the inner ones first; gives the one at which it stopped."""
        while span is not None and len(found) < len(ATTRIBUTES):
            if until_open and not has_ended(span):
                return span
            attributes: Mapping[str, object] | None = getattr(span, "attributes", None)
            if attributes:
                # One pass: the SDK's own mapping takes as long to say that it lacks one key.
                there = self._names.intersection(attributes)
                for name, key in self._attributes if there else ():
                    if name in there and key not in found and (value := plain(attributes.get(name))) is not None:
                        found[key] = value
            said, span = around_of(span)
            for key, value in said.items():
                found.setdefault(key, value)
        return None


def stamp(span: Span, attribution: Mapping[str, str]) -> None:
    """Writes onto `span` what it does not say itself."""
    own = cast("Mapping[str, object]", getattr(span, "attributes", None) or {})
    for key, value in attribution.items():
        if key not in own:
            span.set_attribute(key, value)


def around_of(span: Span) -> Around:
    """What is around `span` in this process, where a processor of ours saw it start."""
    return getattr(span, _AROUND, _NOTHING)
