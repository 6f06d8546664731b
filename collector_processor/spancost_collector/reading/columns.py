"""Everything that a span can say about a model call, as places in one list.

Reading is the receiver's hottest part: a list with a place for each fact is filled in one walk over the attributes, and
the tuples of a call are made from its slices. So the order here is the order of `Route`, `Attribution` and `Usage`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from spancost_collector.call import Attribution
from spancost_pricing import UNIT_ATTRIBUTES, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_pricing import Unit

Kind = Literal["text", "flag", "count", "quantity", "amount", "tags", "document", "answer"]
"""What a value is to be: see `values`."""

ROUTE: Final = (
    "provider",
    "address",
    "request_model",
    "response_model",
    "service_tier",
    "region",
    "deployment",
    "speed",
)
"""What decides who is paid for what."""
COUNTS: Final = tuple(name for name in Usage._fields if name not in {"units", "estimated"})
"""The token counts of a `Usage`."""
UNITS: Final[tuple[Unit, ...]] = tuple(UNIT_ATTRIBUTES)

KIND_OF: Final[dict[str, Kind]] = {
    "operation": "text",
    "response_id": "text",
    "error": "text",
    "cost_status": "text",
    "duplicate_of": "text",
    "environment": "text",
    "release": "text",
    "reported_by": "text",
    "quoted_by": "text",
    **dict.fromkeys(ROUTE, "text"),
    **dict.fromkeys((name for name in Attribution._fields if name != "tags"), "text"),
    "tags": "tags",
    **dict.fromkeys(COUNTS, "count"),
    "units": "document",
    "estimated": "flag",
    **dict.fromkeys(UNITS, "quantity"),
    "total_tokens": "count",
    "reported_usd": "amount",
    "quoted_usd": "amount",
    "cached": "flag",
    "first_chunk_s": "amount",
    "took_s": "amount",
}
COLUMNS: Final = tuple(KIND_OF)
"""The facts in the order of their places."""
PLACE: Final[Mapping[str, int]] = {name: place for place, name in enumerate(COLUMNS)}


def _slice(first: str, last: str) -> slice:
    return slice(PLACE[first], PLACE[last] + 1)


ROUTE_SLICE: Final = _slice("provider", "speed")
ATTRIBUTION_SLICE: Final = _slice("feature", "tags")
COUNTS_SLICE: Final = _slice(COUNTS[0], COUNTS[-1])
USAGE_SLICE: Final = _slice(COUNTS[0], "estimated")
UNITS_SLICE: Final = _slice(UNITS[0], UNITS[-1])
