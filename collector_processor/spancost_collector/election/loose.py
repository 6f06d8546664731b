"""Which descriptions nothing joins to a call but what they say of it, and what that has to agree in.

Two kinds of them are roots that name no response. One was written when a stream was over, outside the trace of the
call: it knows the totals. The other was written when a stream had begun, by an emitter that cannot read it: it knows
the model and when it began, and nothing that could be charged.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.election.likeness import (
    MOST_LATE_NS,
    apart,
    ended_together,
    has_usage,
    model_name,
    overlap,
    same_known_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from spancost_collector.call import ModelCall

_BEGUN_TOGETHER_NS: Final = 25_000_000
"""Emitters around one call begin one after the other, with a little work of each in between."""


class Kind(NamedTuple):
    """How loose descriptions of one kind are found again, and joined."""

    place: Callable[[ModelCall], Hashable | None]
    """What other descriptions of the same call have in common with it; None for those that have nothing to find."""
    moment: Callable[[ModelCall], int]
    """When they all happened, in nanoseconds."""
    within_ns: int
    """How far apart that may be."""
    is_loose: Callable[[ModelCall], bool]
    """Whether only this can tell what a description belongs to."""
    is_match: Callable[[ModelCall, ModelCall], bool]
    """Whether two from one place and moment, of which one is loose, can be of the same call."""
    apart: Callable[[ModelCall, ModelCall], int]
    """How far from each other such two are, in nanoseconds: the nearest are joined first."""


def is_loose(call: ModelCall) -> bool:
    """Whether neither parent nor response id say what a description that knows its totals belongs to."""
    return not call.parent_id and not call.response_id and _totals(call) is not None


def _totals(call: ModelCall) -> Hashable | None:
    usage = call.usage
    if usage is None or call.role != "leaf":
        return None
    put, got = usage.input_tokens, usage.output_tokens
    service, environment, _ = call.resource
    if not service or put is None:
        return None
    if call.operation == "embeddings":
        return service, environment, put
    return (service, environment, put, got) if got else None


def _is_blind(call: ModelCall) -> bool:
    return (
        not call.parent_id
        and not call.response_id
        and not has_usage(call)
        and call.outcome == "ok"
        and _model(call) is not None
    )


def _model(call: ModelCall) -> Hashable | None:
    service, environment, _ = call.resource
    model = model_name(call)
    return (service, environment, model) if service and model and call.role == "leaf" else None


def _same_beginning(one: ModelCall, other: ModelCall) -> bool:
    return has_usage(one) != has_usage(other) and overlap(one, other)


def _begun_apart(one: ModelCall, other: ModelCall) -> int:
    return abs(one.start_ns - other.start_ns)


def _same_end(one: ModelCall, other: ModelCall) -> bool:
    return ended_together(one, other) and same_known_model(one, other)


KINDS: Final[tuple[Kind, ...]] = (
    Kind(_totals, attrgetter("end_ns"), MOST_LATE_NS, is_loose, _same_end, apart),
    Kind(_model, attrgetter("start_ns"), _BEGUN_TOGETHER_NS, _is_blind, _same_beginning, _begun_apart),
)
"""The later ones build on what the earlier ones have joined."""
