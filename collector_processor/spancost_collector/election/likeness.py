"""When two descriptions may be of one call: everything that is asked of a pair of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spancost_collector.call import ModelCall
    from spancost_pricing import Usage

SLACK_NS: Final = 1_000_000
"""Clocks in one process agree to a millisecond: some round to it."""

MOST_LATE_NS: Final = 100_000_000
_LATE_PART: Final = 10
"""The end of a stream is seen by one emitter after the other, as long as it takes the caller to read: up to a tenth of
the call's time later, and no more than a tenth of a second."""

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


def encloses(outer: ModelCall, inner: ModelCall) -> bool:
    """Whether `inner` happened during `outer`, but for how late each of them saw the end."""
    return outer.start_ns <= inner.start_ns + SLACK_NS and inner.end_ns <= outer.end_ns + _late(inner)


def apart(one: ModelCall, other: ModelCall) -> int:
    """How far from each other they began and ended, in nanoseconds together."""
    return abs(one.start_ns - other.start_ns) + abs(one.end_ns - other.end_ns)


def ended_together(one: ModelCall, other: ModelCall) -> bool:
    """Whether one happened during the other, and both were over at the same moment."""
    return _wraps(one, other) or _wraps(other, one)


def _wraps(outer: ModelCall, inner: ModelCall) -> bool:
    # What a framework does with an answer takes as long however short the call was, longest the first time.
    return encloses(outer, inner) and outer.end_ns <= inner.end_ns + MOST_LATE_NS


def overlap(one: ModelCall, other: ModelCall) -> bool:
    """Whether there was a moment at which both went on."""
    return one.start_ns <= other.end_ns + SLACK_NS and other.start_ns <= one.end_ns + SLACK_NS


def same_usage(one: ModelCall, other: ModelCall) -> bool:
    """Whether their totals are equal as far as both know them."""
    a, b = one.usage, other.usage
    if a is None or b is None:
        return True
    if _differ(a.output_tokens, b.output_tokens):
        return False
    return not _differ(a.input_tokens, b.input_tokens) or _without_cache(a, b) or _without_cache(b, a)


def _without_cache(whole: Usage, rest: Usage) -> bool:
    """Whether `rest` says nothing of a cache, and its input is what `whole` neither read from one nor wrote to it."""
    if rest.cache_read_tokens is not None or rest.cache_write_tokens is not None or whole.input_tokens is None:
        return False
    cached = sum(part for part in (whole.cache_read_tokens, whole.cache_write_tokens) if part is not None)
    return cached > 0 and rest.input_tokens == whole.input_tokens - cached


def same_model(one: ModelCall, other: ModelCall) -> bool:
    """Whether they can be of the same model, whatever a gateway calls it; what is not known is not different."""
    a, b = _names(one), _names(other)
    return not a or not b or not a.isdisjoint(b)


def same_known_model(one: ModelCall, other: ModelCall) -> bool:
    """Whether both name a model, and it is the same."""
    return not _names(one).isdisjoint(_names(other))


def same_kind(one: ModelCall, other: ModelCall) -> bool:
    """Whether both make text, or both make embeddings."""
    return (one.operation == "embeddings") == (other.operation == "embeddings")


def model_name(call: ModelCall) -> str:
    """Its model, whatever route leads to it."""
    return _bare(call.route.model)


def same_response(one: ModelCall, other: ModelCall) -> bool:
    """Whether the provider's own id says that they are one call."""
    response_id = one.response_id
    if not response_id or response_id != other.response_id:
        return False
    if not same_usage(one, other) and not same_model(one, other):
        return False
    return len(response_id) >= _UNIQUE or overlap(one, other)


def responses_differ(one: ModelCall, other: ModelCall) -> bool:
    """Whether the provider's ids say that they are two calls."""
    return bool(one.response_id and other.response_id) and one.response_id != other.response_id


def is_likely(one: ModelCall, other: ModelCall, *, related: bool) -> bool:
    """Whether nothing that they say makes them two calls; `related` where parent or response id say they are one."""
    if one.emitter == other.emitter or not same_usage(one, other) or not same_kind(one, other):
        return False
    if not related and responses_differ(one, other):
        return False
    return (has_usage(one) and has_usage(other)) or same_model(one, other)


def is_unanswered(call: ModelCall) -> bool:
    """Whether nothing in a description comes from an answer, although the call was made."""
    return call.outcome != "blocked" and not has_usage(call) and not call.response_id and call.response_model is None


def _late(call: ModelCall) -> int:
    return max(SLACK_NS, min(MOST_LATE_NS, (call.end_ns - call.start_ns) // _LATE_PART))


def _differ(a: int | None, b: int | None) -> bool:
    return a is not None and b is not None and a != b


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
