"""Descriptions of one call in unrelated traces, where no response id joins them: told by what they have in common.

A loose description (see `loose`) is matched with what happened at the same moment in the same service, and only with
other emitters'. An index exists from the first loose description of its kind on; who has none pays nothing for it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.election.likeness import is_likely

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from spancost_collector.call import Key, ModelCall
    from spancost_collector.election.loose import Kind

MOST_EQUALS: Final = 64
"""More calls in one place, each near enough to the next, are no case: nothing tells them apart."""

_MOST_SERVICES: Final = 1024

_Origin = tuple["str | None", "str | None"]
_Entry = tuple[int, int, bytes, bytes, "ModelCall"]
"""A call behind what it is sorted by: its moment, and what tells it from all others."""


class _Equals(NamedTuple):
    """Calls of one place."""

    entries: list[_Entry]
    emitters: dict[str, int]
    loose: list[int]
    """The moments of those that are loose, in order."""


class Neighbours:
    """Remembered descriptions among which some of a kind are loose, by place and moment.

    As long as each service has one emitter nothing can match, and only that is watched.
    """

    def __init__(self, kind: Kind, remembered: Callable[[], Iterable[ModelCall]]) -> None:
        """Start from what is remembered; it is asked for again when the first service has a second emitter."""
        self._kind = kind
        self._remembered = remembered
        self._equals: dict[Hashable, _Equals] = {}
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
        place = self._kind.place(call)
        if place is not None:
            equals = self._equals.get(place)
            if equals is None:
                equals = self._equals[place] = _Equals([], {}, [])
            insort(equals.entries, self._entry(call))
            equals.emitters[call.emitter] = equals.emitters.get(call.emitter, 0) + 1
            if self._kind.is_loose(call):
                insort(equals.loose, self._kind.moment(call))

    def remove(self, call: ModelCall) -> None:
        """Forget a description."""
        place = None if self._emitters is not None else self._kind.place(call)
        if place is None:
            return
        entries, emitters, loose = self._equals[place]
        del entries[bisect_left(entries, self._entry(call))]
        emitters[call.emitter] -= 1
        if not emitters[call.emitter]:
            del emitters[call.emitter]
        if self._kind.is_loose(call):
            del loose[bisect_left(loose, self._kind.moment(call))]
        if not entries:
            del self._equals[place]

    def around(self, call: ModelCall) -> Sequence[ModelCall]:
        """The equals among which a call may have other descriptions, itself included; none where nothing can match.

        More than `MOST_EQUALS` of them are only those nearest to it.
        """
        place = None if self._emitters is not None else self._kind.place(call)
        equals = None if place is None else self._equals.get(place)
        if equals is None or len(equals.emitters) < 2:
            return ()
        entries, within, moment = equals.entries, self._kind.within_ns, self._kind.moment(call)
        if not _is_near(equals.loose, moment, MOST_EQUALS * within):
            return ()
        entry = self._entry(call)
        position = first = bisect_left(entries, entry)
        if position == len(entries) or entries[position][:-1] != entry[:-1]:
            return ()  # forgotten
        last = position + 1
        while first and position - first < MOST_EQUALS and entries[first][0] - entries[first - 1][0] <= within:
            first -= 1
        while (
            last < len(entries) and last - position <= MOST_EQUALS and entries[last][0] - entries[last - 1][0] <= within
        ):
            last += 1
        if last - first == 1:
            return ()
        run = [one for *_, one in entries[first:last]]
        return run if any(self._kind.is_loose(one) for one in run) else ()

    def pair_up(
        self, run: Sequence[ModelCall], related: Callable[[ModelCall], Iterable[ModelCall]]
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
        for _, one, other in sorted(self._candidates(run)):
            if all(is_likely(ours, theirs, related=False) for ours in groups[one] for theirs in groups[other]):
                _join(groups, by_key[one], by_key[other])
        return {key: tuple(group) for key, group in groups.items()}

    def _candidates(self, run: Sequence[ModelCall]) -> Iterator[tuple[int, Key, Key]]:
        """Pairs of which one is loose: how far apart, and who."""
        _, moment, within, is_loose, is_match, apart = self._kind
        for position, call in enumerate(run):
            for other in run[position + 1 :]:
                if moment(other) - moment(call) > within:
                    break
                if call.trace_id != other.trace_id and (is_loose(call) or is_loose(other)) and is_match(call, other):
                    one, two = (call.key, other.key) if call.key < other.key else (other.key, call.key)
                    yield apart(call, other), one, two

    def _entry(self, call: ModelCall) -> _Entry:
        return self._kind.moment(call), call.start_ns, call.span_id, call.trace_id, call


def _is_near(moments: Sequence[int], moment: int, reach: int) -> bool:
    position = bisect_left(moments, moment - reach)
    return position < len(moments) and moments[position] <= moment + reach


def _join(groups: dict[Key, list[ModelCall]], one: ModelCall, other: ModelCall) -> None:
    if groups[one.key] is not groups[other.key]:
        joined = [*groups[one.key], *groups[other.key]]
        groups.update((member.key, joined) for member in joined)
