"""Descriptions of one call in unrelated traces, where no response id joins them: told by totals, model and time.

An emitter that describes a stream when it is over may have left the trace of the call by then, and have kept no id:
its description is a root that names no response, loose among the others. It is matched with what ended at the same
moment in the same service, of the same model and with the same totals, and only with other emitters'. The index exists
from the first loose description on; who has none pays nothing for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.election.likeness import (
    MOST_LATE_NS,
    ended_together,
    is_likely,
    same_known_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from spancost_collector.call import Key, ModelCall

MOST_EQUALS: Final = 64
"""More calls with the same totals, each within the allowed lateness of the next, are no case: nothing tells them
apart."""

_MOST_SERVICES: Final = 1024

_Origin = tuple["str | None", "str | None"]
_Place = tuple["str | None", "str | None", int, int]
_Entry = tuple[int, int, bytes, bytes, "ModelCall"]
"""A call behind what it is sorted by: its end, and what tells it from all others."""


def is_loose(call: ModelCall) -> bool:
    """Whether neither parent nor response id say what a description belongs to."""
    return not call.parent_id and not call.response_id and _place(call) is not None


def _place(call: ModelCall) -> _Place | None:
    """Where its equals are; None where too little is known to find them."""
    usage = call.usage
    if usage is None or call.role != "leaf":
        return None
    put, got = usage.input_tokens, usage.output_tokens
    service, environment, _ = call.resource
    return (service, environment, put, got) if service and put is not None and got else None


def _entry(call: ModelCall) -> _Entry:
    return call.end_ns, call.start_ns, call.span_id, call.trace_id, call


class _Equals(NamedTuple):
    """Calls of one service with the same totals."""

    entries: list[_Entry]
    emitters: dict[str, int]


class Neighbours:
    """Remembered descriptions, by service and totals, in order of their ends.

    As long as each service has one emitter nothing can match, and only that is watched.
    """

    def __init__(self, remembered: Callable[[], Iterable[ModelCall]]) -> None:
        """Start from what is remembered; it is asked for again when the first service has a second emitter."""
        self._remembered = remembered
        self._equals: dict[_Place, _Equals] = {}
        self._emitters: dict[_Origin, str] | None = {}
        """Service -> its one emitter; None once one has several, or they are many."""
        for call in remembered():
            self._watch(call)

    def add(self, call: ModelCall) -> None:
        """Take a description in, which is remembered already."""
        if self._emitters is None:
            self._put(call)
        else:
            self._watch(call)

    def _watch(self, call: ModelCall) -> None:
        emitters = self._emitters
        if emitters is not None and (
            emitters.setdefault(call.resource[:2], call.emitter) != call.emitter or len(emitters) > _MOST_SERVICES
        ):
            self._emitters = None
            for one in self._remembered():
                self._put(one)

    def _put(self, call: ModelCall) -> None:
        place = _place(call)
        if place is not None:
            equals = self._equals.get(place)
            if equals is None:
                equals = self._equals[place] = _Equals([], {})
            insort(equals.entries, _entry(call))
            equals.emitters[call.emitter] = equals.emitters.get(call.emitter, 0) + 1

    def remove(self, call: ModelCall) -> None:
        """Forget a description."""
        place = None if self._emitters is not None else _place(call)
        if place is None:
            return
        entries, emitters = self._equals[place]
        del entries[bisect_left(entries, _entry(call))]
        emitters[call.emitter] -= 1
        if not emitters[call.emitter]:
            del emitters[call.emitter]
        if not entries:
            del self._equals[place]

    def around(self, call: ModelCall) -> Sequence[ModelCall]:
        """The equals among which a call may have other descriptions, itself included; none where nothing can match.

        More than `MOST_EQUALS` of them are only those nearest to it.
        """
        place = None if self._emitters is not None else _place(call)
        equals = None if place is None else self._equals.get(place)
        if equals is None or len(equals.emitters) < 2:
            return ()
        entries = equals.entries
        entry = _entry(call)
        position = first = bisect_left(entries, entry)
        if position == len(entries) or entries[position][:-1] != entry[:-1]:
            return ()  # forgotten
        last = position + 1
        while first and position - first < MOST_EQUALS and entries[first][0] - entries[first - 1][0] <= MOST_LATE_NS:
            first -= 1
        while (
            last < len(entries)
            and last - position <= MOST_EQUALS
            and entries[last][0] - entries[last - 1][0] <= MOST_LATE_NS
        ):
            last += 1
        if last - first == 1:
            return ()
        run = [one for *_, one in entries[first:last]]
        return run if any(is_loose(one) for one in run) else ()


def _is_near(call: ModelCall, later: ModelCall) -> bool:
    return later.end_ns - call.end_ns <= MOST_LATE_NS


def pair_up(
    run: Sequence[ModelCall], related: Callable[[ModelCall], Iterable[ModelCall]]
) -> dict[Key, tuple[ModelCall, ...]]:
    """For each call of a run, all descriptions of it in the run; none where they are too many.

    `related` gives those that are known to be of it.
    """
    if len(run) > MOST_EQUALS:
        return {}
    by_key = {call.key: call for call in run}
    groups: dict[Key, list[ModelCall]] = {key: [call] for key, call in by_key.items()}
    for call in run:
        for other in related(call):
            if other.key in by_key:
                _join(groups, call, other)
    for _, one, other in sorted(_candidates(run)):
        if all(is_likely(ours, theirs, related=False) for ours in groups[one] for theirs in groups[other]):
            _join(groups, by_key[one], by_key[other])
    return {key: tuple(group) for key, group in groups.items()}


def _candidates(run: Sequence[ModelCall]) -> Iterator[tuple[int, Key, Key]]:
    """Pairs of which one is loose and that ended together: how far apart, and who."""
    for position, call in enumerate(run):
        for other in run[position + 1 :]:
            if not _is_near(call, other):
                break
            if (
                call.trace_id != other.trace_id
                and (is_loose(call) or is_loose(other))
                and ended_together(call, other)
                and same_known_model(call, other)
            ):
                one, two = (call.key, other.key) if call.key < other.key else (other.key, call.key)
                yield other.end_ns - call.end_ns, one, two


def _join(groups: dict[Key, list[ModelCall]], one: ModelCall, other: ModelCall) -> None:
    if groups[one.key] is not groups[other.key]:
        joined = [*groups[one.key], *groups[other.key]]
        groups.update((member.key, joined) for member in joined)
