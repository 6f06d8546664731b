"""What an election remembers: the descriptions of recent traces, found by trace and by response id.

Bounded by count and by age. A trace that is forgotten is forgotten whole; what the provider still owes an answer for
(a batch, a background run) is remembered longer, under its response id. The ledger knows the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from spancost_collector.election.instances import SEVERAL_SIGNALS, Instances
from spancost_collector.election.likeness import has_usage, same_response
from spancost_collector.election.loose import KINDS
from spancost_collector.election.neighbours import Neighbours
from spancost_collector.election.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from spancost_collector.call import Key, ModelCall
    from spancost_collector.election.decision import Group

_MAX_PENDING: Final = 10_000
_MAX_LINKED: Final = 16
"""Descriptions that share a response id beyond this many are still recognised by their trace, and by the ledger."""


class Memory:
    """Recent descriptions, and to which group each belongs."""

    def __init__(self, *, max_calls: int, max_age_seconds: float, clock: Callable[[], float]) -> None:
        self._max_calls = max_calls
        self._max_age = max_age_seconds
        self._clock = clock
        self._traces: OrderedDict[bytes, Trace] = OrderedDict()
        self._links: dict[str, list[ModelCall]] = {}
        self._groups: dict[Key, Group] = {}
        self._pending: OrderedDict[Key, ModelCall] = OrderedDict()
        self._size = 0
        self._now = clock()
        self.neighbours: Sequence[Neighbours] = ()
        """Descriptions by what they have in common, once there is one that nothing else could join to others."""
        self._watched = tuple[Neighbours | None, ...](None for _ in KINDS)
        """The same, and None for each kind of loose description of which there has been none."""
        self.instances: Instances | None = None
        """Descriptions by coding agents, by run and signal, once there is one."""
        self.horizon = 0
        """Nothing that began later has been forgotten."""

    def __len__(self) -> int:
        return self._size

    def trace(self, trace_id: bytes) -> Trace | None:
        """What is known of a trace."""
        return self._traces.get(trace_id)

    def knows(self, call: ModelCall) -> bool:
        """Whether this very description has been here."""
        trace = self._traces.get(call.trace_id)
        return (trace is not None and call.key in trace.described) or call.key in self._pending

    def linked(self, call: ModelCall) -> Iterator[ModelCall]:
        """Other descriptions of the same response."""
        if call.response_id:
            for other in self._links.get(call.response_id, ()):
                if other.key != call.key and same_response(call, other):
                    yield other

    def is_shared(self, response_id: str) -> bool:
        """Whether more than one description has this response id."""
        return len(self._links[response_id]) > 1

    def group(self, key: Key) -> Group | None:
        """The group of a description; None where it stands for itself."""
        return self._groups.get(key)

    def add(self, call: ModelCall) -> Trace | None:
        """Remember a description; its trace, or None where this very description has been here."""
        key = call.key
        traces = self._traces
        trace = traces.get(call.trace_id)
        if self._pending and key in self._pending:
            return None
        if trace is None:
            trace = traces[call.trace_id] = Trace()
            if call.role == "leaf":
                trace.emitter = call.emitter
        elif key in trace.described:
            if call.dialect in SEVERAL_SIGNALS:  # a total that has not changed: the run goes on
                traces.move_to_end(call.trace_id)
                trace.touched = self._now
            return None
        else:
            traces.move_to_end(call.trace_id)
            if trace.emitter is not None and (call.role != "leaf" or trace.emitter != call.emitter):
                trace.emitter = None
        trace.described[key] = call
        trace.touched = self._now
        response_id = call.response_id
        if response_id:
            known = self._links.setdefault(response_id, [call])
            if known[0] is not call and len(known) < _MAX_LINKED:
                known.append(call)
        self._size += 1
        if call.dialect in SEVERAL_SIGNALS:
            if self.instances is None:
                self.instances = Instances()
            self.instances.add(call)
        for neighbours in self.neighbours:
            neighbours.add(call)
        if not response_id and not call.parent_id and None in self._watched:
            self._watch(call)
        return trace

    def _watch(self, call: ModelCall) -> None:
        """Index what is remembered for each kind of loose description of which this is the first."""
        self._watched = tuple(
            Neighbours(kind, self._all) if known is None and kind.is_loose(call) else known
            for kind, known in zip(KINDS, self._watched, strict=True)
        )
        self.neighbours = tuple(known for known in self._watched if known is not None)

    def add_pending(self, call: ModelCall) -> None:
        """Remember a call without usage beyond its trace, for the answer that brings it."""
        if call.response_id and not has_usage(call) and call.outcome == "ok":
            known = self._links.setdefault(call.response_id, [])
            if all(other.key != call.key for other in known):
                known.append(call)
            self._pending[call.key] = call
            while len(self._pending) > _MAX_PENDING:
                _, forgotten = self._pending.popitem(last=False)
                self._unlink(forgotten)

    def _all(self) -> Iterator[ModelCall]:
        for trace in self._traces.values():
            yield from trace.described.values()

    def begin(self) -> None:
        """What is added from now on is that old, and no older."""
        self._now = self._clock()

    def remove(self, calls: Iterable[ModelCall]) -> None:
        """Forget descriptions that were not kept after all."""
        for call in calls:
            trace = self._traces[call.trace_id]
            del trace.described[call.key]
            trace.relations = None
            self._size -= 1
            self._unlink(call)
            for neighbours in self.neighbours:
                neighbours.remove(call)
            if self.instances is not None:
                self.instances.remove(call)
            if not trace.described:
                del self._traces[call.trace_id]

    def settle(self, groups: Mapping[Key, Group | None]) -> None:
        """Take over what was decided."""
        for key, group in groups.items():
            if group is not None and any(member.key == key and self.knows(member) for member in group.members):
                self._groups[key] = group
            else:
                self._groups.pop(key, None)

    def forget(self) -> None:
        """Make room: the traces that have been quiet longest go first."""
        oldest = self._clock() - self._max_age
        while self._traces:
            trace_id = next(iter(self._traces))
            trace = self._traces[trace_id]
            if self._size <= self._max_calls and trace.touched >= oldest:
                return
            del self._traces[trace_id]
            self._size -= len(trace.described)
            for key, call in trace.described.items():
                self.horizon = max(self.horizon, call.start_ns)
                self._groups.pop(key, None)
                self._unlink(call)
                self.add_pending(call)
                for neighbours in self.neighbours:
                    neighbours.remove(call)
                if self.instances is not None:
                    self.instances.remove(call)

    def _unlink(self, call: ModelCall) -> None:
        known = self._links.get(call.response_id) if call.response_id else None
        if known is not None and call.response_id:
            known[:] = [other for other in known if other is not call]
            if not known:
                del self._links[call.response_id]
