"""Writing onto a span what was read of an answer.

OpenTelemetry's `set_attributes` looks at one value after the other, because an app may give it anything, and takes a
microsecond for each: longer than it takes to read them. What a reading gives are plain values, which one look at all
their types tells; so they go into the SDK's own mapping together. Whatever is not as it is known to be, the values or
the span, is written with `set_attributes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes

from spancost.surroundings import ATTRIBUTES
from spancost.wire import (
    ESTIMATED,
    INPUT_TOKENS,
    MODEL,
    OPERATION,
    OUTPUT_TOKENS,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_ID,
    SERVICE_TIER,
)
from spancost_pricing import UNIT_ATTRIBUTES, USAGE_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

_AS_THEY_ARE: Final = frozenset({str, int, float, bool, tuple})
"""Types that the SDK keeps as they are; a reading has nothing but text in its tuples."""

_NEEDED: Final[Mapping[str, int]] = {
    name: rank
    for rank, name in enumerate(
        (
            RESPONSE_ID,
            REQUEST_MODEL,
            *reversed([*ATTRIBUTES.values()]),
            ESTIMATED,
            SERVICE_TIER,
            *UNIT_ATTRIBUTES.values(),
            *USAGE_ATTRIBUTES.values(),
            INPUT_TOKENS,
            OUTPUT_TOKENS,
            MODEL,
            PROVIDER,
            OPERATION,
        ),
        1,
    )
}
"""What a charge and who pays it are told from, the most needed last; whatever else is on a span can be missed."""


def write(span: Span, attributes: Mapping[str, AttributeValue]) -> None:
    """What `span.set_attributes(attributes)` does; nothing where it would only warn that the span has ended."""
    kept: Any = getattr(span, "_attributes", None)
    bounded = type(kept) is BoundedAttributes
    if bounded and _AS_THEY_ARE.issuperset(map(type, attributes.values())) and _put(span, kept, attributes):
        return
    if not has_ended(span):
        span.set_attributes(_in_order(kept, attributes) if bounded else attributes)


def has_ended(span: Span) -> bool:
    """Whether nothing can be written onto `span` any more, as far as it says."""
    return getattr(span, "end_time", None) is not None


def _in_order(kept: BoundedAttributes, attributes: Mapping[str, AttributeValue]) -> Mapping[str, Any]:
    """The same, where not all fit with those that are there: the SDK drops what was written first."""
    together = {**kept, **attributes}
    if kept.maxlen is None or len(together) <= kept.maxlen:
        return attributes
    return dict(sorted(together.items(), key=lambda item: _NEEDED.get(item[0], 0)))


def _put(span: Any, kept: Any, attributes: Mapping[str, AttributeValue]) -> bool:
    """Puts all of them into the SDK's mapping; False where it would change them, drop some, or is another one."""
    try:
        with kept._lock:
            there: dict[str, Any] = kept._dict
            most: int | None = kept.maxlen
            if (
                span.end_time is not None
                or kept._immutable
                or kept.max_value_len is not None
                or (most is not None and len(there) + len(attributes) > most)
            ):
                return False
            there.update(attributes)
    except AttributeError:
        return False
    return True
