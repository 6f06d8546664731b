"""Which descriptions of one trace are of the same call, where no response id tells: an assignment, nearest first.

Two descriptions are matched if their emitters differ, their totals are equal as far as both know them, and one
happened during the other or is its parent. Each emitter takes part once in a call, so two identical calls at the same
time stay two. Only calls that overlap in time can be matched: the rest of a long trace is not looked at.

What has seen no answer under a description that has (an attempt that failed, an inner step that its emitter takes for
a call) belongs to that, and takes nobody's part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.election.likeness import (
    apart,
    encloses,
    has_usage,
    is_likely,
    is_unanswered,
    same_model,
)
from spancost_collector.election.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence, Set

    from spancost_collector.call import Key, ModelCall

_NEIGHBOURS: Final = 32
"""How many calls that began before are looked at for each; more at the same time, with the same totals, are no case."""

_Totals = tuple["int | None", "int | None"]

_Candidate = tuple[int, int, "Key", "Key"]
"""How strong the evidence, how far apart in time (of parents, whether they knew the usage), and who: the smallest is
taken first."""


def parts(timeline: Timeline, starts: Set[int]) -> Iterator[Sequence[ModelCall]]:
    """What can be matched by itself, and has a call with one of `starts` in it.

    Calls that do not overlap are other calls, and so are calls with other outputs (of inputs, some leave cached tokens
    out); only where somebody does not know the totals, everything that overlaps has to be looked at together.
    """
    for cluster in timeline.clusters(starts):
        by_output: dict[int | None, list[ModelCall]] = {}
        for call in cluster:
            by_output.setdefault(_totals(call)[1], []).append(call)
        if any(None in _totals(call) for call in cluster):
            yield cluster
        else:
            for equals in by_output.values():
                if any(call.start_ns in starts for call in equals):
                    yield from Timeline(equals).clusters(starts)


def _totals(call: ModelCall) -> _Totals:
    usage = call.usage
    return (None, None) if usage is None else (usage.input_tokens, usage.output_tokens)


def match(cluster: Sequence[ModelCall], by_span: Mapping[bytes, ModelCall]) -> list[tuple[ModelCall, ...]]:
    """The calls that more than one description of a cluster is about; each with all of its descriptions."""
    if len({call.emitter for call in cluster}) < 2:
        return []
    steps = {call.key: parent for call in cluster if (parent := _answered_above(call, by_span)) is not None}
    by_key = {call.key: call for call in cluster if call.key not in steps}
    groups: dict[Key, list[ModelCall]] = {}
    for strength, _, a, b in sorted(_candidates(list(by_key.values()), by_span, by_key)):
        ours, theirs = groups.get(a, [by_key[a]]), groups.get(b, [by_key[b]])
        if ours is not theirs and _can_join(ours, theirs, related=strength <= 0):
            joined = [*ours, *theirs]
            groups.update((member.key, joined) for member in joined)
    for call in cluster:
        parent = steps.get(call.key)
        if parent is not None:
            groups.setdefault(parent.key, [parent]).append(call)
    return list({id(group): tuple(group) for group in groups.values()}.values())


def _answered_above(call: ModelCall, by_span: Mapping[bytes, ModelCall]) -> ModelCall | None:
    """The parent of a call that has seen no answer, where another emitter describes one call with its answer there."""
    parent = by_span.get(call.parent_id) if is_unanswered(call) else None
    if parent is None or parent.role != "leaf" or not has_usage(parent) or not encloses(parent, call):
        return None
    return parent if parent.emitter != call.emitter and same_model(parent, call) else None


def _candidates(
    cluster: Sequence[ModelCall], by_span: Mapping[bytes, ModelCall], by_key: Mapping[Key, ModelCall]
) -> Iterator[_Candidate]:
    told: dict[_Totals, list[ModelCall]] = {}
    """Calls so far by their totals: only equals can be one call."""
    untold: list[ModelCall] = []
    answers: dict[str, list[ModelCall]] = {}
    for position, call in enumerate(cluster):
        parent = by_span.get(call.parent_id)
        if parent is not None and parent.key in by_key and is_likely(parent, call, related=True):
            yield 0, int(not has_usage(call)), *_pair(parent, call)
        if call.response_id:
            described = answers.setdefault(call.response_id, [])
            for other in described[-_NEIGHBOURS:]:
                if is_likely(other, call, related=True):
                    yield -1, 0, *_pair(other, call)
            described.append(call)
        totals = _totals(call)
        if None in totals:
            for other in cluster[max(0, position - _NEIGHBOURS) : position]:
                yield from _in_time(other, call)
            untold.append(call)
        else:
            equals = told.setdefault(totals, [])
            for other in (*equals[-_NEIGHBOURS:], *untold[-_NEIGHBOURS:]):
                yield from _in_time(other, call)
            equals.append(call)


def _in_time(one: ModelCall, other: ModelCall) -> Iterator[_Candidate]:
    if (encloses(one, other) or encloses(other, one)) and is_likely(one, other, related=False):
        unsure = not (has_usage(one) and has_usage(other))
        yield 2 if unsure else 1, apart(one, other), *_pair(one, other)


def _pair(one: ModelCall, other: ModelCall) -> tuple[Key, Key]:
    return (one.key, other.key) if one.key < other.key else (other.key, one.key)


def _can_join(ours: Sequence[ModelCall], theirs: Sequence[ModelCall], *, related: bool) -> bool:
    return all(is_likely(one, other, related=related) for one in ours for other in theirs)
