"""When two descriptions may be of one call: everything that is asked of a pair of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spancost_collector.call import ModelCall

SLACK_NS: Final = 1_000_000
"""Clocks in one process agree to a millisecond: some round to it."""

_UNIQUE: Final = 18
"""A response id this long is the only one of its kind; short ones (Ollama numbers a thousand) come again."""

_VENDOR: Final = re.compile(r"^(?:[a-z]+\.)+(?=[a-z])")
_VERSION: Final = re.compile(r"(?:-latest|[-@]20\d\d-?\d\d-?\d\d|-v\d+)?(?::.*)?$")


def has_usage(call: ModelCall) -> bool:
    """Whether it says how much was used."""
    usage = call.usage
    return usage is not None and (
        usage.input_tokens is not None or usage.output_tokens is not None or bool(usage.units)
    )


def encloses(outer: ModelCall, inner: ModelCall, slack: int = SLACK_NS) -> bool:
    """Whether `inner` happened during `outer`."""
    return outer.start_ns <= inner.start_ns + slack and inner.end_ns <= outer.end_ns + slack


def same_usage(one: ModelCall, other: ModelCall) -> bool:
    """Whether their totals are equal as far as both know them."""
    a, b = one.usage, other.usage
    if a is None or b is None:
        return True
    return not _differ(a.input_tokens, b.input_tokens) and not _differ(a.output_tokens, b.output_tokens)


def same_model(one: ModelCall, other: ModelCall) -> bool:
    """Whether they can be of the same model, whatever a gateway calls it; what is not known is not different."""
    a, b = _names(one), _names(other)
    return not a or not b or not a.isdisjoint(b)


def same_kind(one: ModelCall, other: ModelCall) -> bool:
    """Whether both make text, or both make embeddings."""
    return (one.operation == "embeddings") == (other.operation == "embeddings")


def same_response(one: ModelCall, other: ModelCall) -> bool:
    """Whether the provider's own id says that they are one call."""
    response_id = one.response_id
    if not response_id or response_id != other.response_id:
        return False
    if not same_usage(one, other) and not same_model(one, other):
        return False
    return len(response_id) >= _UNIQUE or _overlap(one, other)


def responses_differ(one: ModelCall, other: ModelCall) -> bool:
    """Whether the provider's ids say that they are two calls."""
    return bool(one.response_id and other.response_id) and one.response_id != other.response_id


def _differ(a: int | None, b: int | None) -> bool:
    return a is not None and b is not None and a != b


def _overlap(one: ModelCall, other: ModelCall) -> bool:
    return one.start_ns <= other.end_ns + SLACK_NS and other.start_ns <= one.end_ns + SLACK_NS


def _names(call: ModelCall) -> frozenset[str]:
    return frozenset(
        _bare(name) for name in (call.response_model, call.request_model, call.route.model) if name is not None and name
    )


@lru_cache(maxsize=4096)
def _bare(model: str) -> str:
    """Without the route to it and its version: `us.anthropic.claude-x-20260101-v1:0` is `claude-x`."""
    name = _VENDOR.sub("", model[:256].lower().rpartition("/")[2])
    while (shorter := _VERSION.sub("", name)) != name:
        name = shorter
    return name
