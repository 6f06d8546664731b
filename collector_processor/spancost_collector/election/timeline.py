"""Calls in order of their start, and which of them overlap; each insertion and each look costs what is near it."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from spancost_collector.election.likeness import SLACK_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spancost_collector.call import ModelCall

_by_key: Final = attrgetter("key")
_by_start: Final = attrgetter("start_ns")


class Timeline:
    """Sorted calls, with the latest end so far beside each."""

    def __init__(self, calls: Iterable[ModelCall] = ()) -> None:
        self._calls: list[ModelCall] = []
        self._until: list[int] = []
        for call in calls:
            self.add(call)

    def add(self, call: ModelCall) -> None:
        """Put a call in its place."""
        calls, until = self._calls, self._until
        position = bisect_left(calls, call.key, key=_by_key)
        calls.insert(position, call)
        until.insert(position, call.end_ns)
        if position and until[position - 1] > call.end_ns:
            until[position] = until[position - 1]
        for later in range(position + 1, len(until)):
            if until[later] >= until[position]:
                break
            until[later] = until[position]

    def since(self, start_ns: int) -> Iterator[ModelCall]:
        """Those that start then or later, in order."""
        calls = self._calls
        for position in range(bisect_left(calls, start_ns, key=_by_start), len(calls)):
            yield calls[position]

    def clusters(self, starts: Iterable[int]) -> Iterator[Sequence[ModelCall]]:
        """Runs of calls that overlap, of which one has one of `starts`."""
        calls, until = self._calls, self._until
        last = 0
        for start in sorted(starts):
            position = bisect_left(calls, start, key=_by_start)
            if position < last or position == len(calls) or calls[position].start_ns != start:
                continue
            first = position
            while first and calls[first].start_ns <= until[first - 1] + SLACK_NS:
                first -= 1
            last = position + 1
            while last < len(calls) and calls[last].start_ns <= until[last - 1] + SLACK_NS:
                last += 1
            yield calls[first:last]
