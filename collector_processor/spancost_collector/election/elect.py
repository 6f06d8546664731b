"""The stage that decides which descriptions are charged; what it decides holds once the ledger has committed it.

Most calls are described once, in a trace of one emitter: they are decided at a glance. For the others, what may have
changed is worked out from the whole set of descriptions, and compared with what was charged before.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

from spancost_collector.election.decision import Correction, Decision, Group, Member
from spancost_collector.election.instances import SEVERAL_SIGNALS
from spancost_collector.election.likeness import has_usage
from spancost_collector.election.memory import Memory
from spancost_collector.election.neighbours import MOST_EQUALS
from spancost_collector.election.winner import merged, ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence, Set

    from spancost_collector.call import Key, ModelCall
    from spancost_collector.election.decision import Reason


MAX_CALLS: Final = 100_000
"""Descriptions that are remembered unless told otherwise."""
MAX_AGE_SECONDS: Final = 3600.0
"""How long a trace may be quiet before it is forgotten, unless told otherwise."""


class Kept(Protocol):
    """Where descriptions are kept; `ledger.writer.Ledger` in production."""

    def recent(self, limit: int) -> tuple[list[ModelCall], list[Group], int]:
        """Calls with one description, groups with more, and the start after which nothing is missing."""
        ...


def open_election(
    ledger: Kept,
    *,
    max_calls: int = MAX_CALLS,
    max_age_seconds: float = MAX_AGE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Election:
    """An election that goes on where the last one that wrote `ledger` stopped."""
    election = Election(max_calls=max_calls, max_age_seconds=max_age_seconds, clock=clock)
    election.load(*ledger.recent(max_calls))
    return election


class Election:
    """Decides for one group of calls at a time: `consider`, then `accept` or `undo`, then the next."""

    def __init__(
        self,
        *,
        max_calls: int = MAX_CALLS,
        max_age_seconds: float = MAX_AGE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember up to `max_calls` descriptions, of traces that have been quiet for up to `max_age_seconds`."""
        self._memory = Memory(max_calls=max_calls, max_age_seconds=max_age_seconds, clock=clock)

    def __len__(self) -> int:
        return len(self._memory)

    def load(self, alone: Iterable[ModelCall], groups: Iterable[Group], horizon: int) -> None:
        """Start from what a ledger has kept: calls with one description, and groups with more.

        Nothing that began after `horizon` may be missing from them.
        """
        memory = self._memory
        memory.begin()
        for call in alone:
            memory.add(call)
            memory.add_pending(call)
        for group in groups:
            for member in group.members:
                memory.add(member)
            memory.settle({member.key: group for member in group.members})
        memory.horizon = horizon
        memory.forget()

    def consider(self, calls: Sequence[ModelCall], known: Callable[[Sequence[Key]], Set[Key]]) -> Decision:
        """Decide which of `calls` are charged, and what they change about earlier ones.

        `known` says which of some keys the ledger has; it is asked about what may have been forgotten here.
        """
        memory = self._memory
        memory.begin()
        forgotten = self._forgotten(calls, known)
        paid: list[ModelCall] = []
        added: list[ModelCall] = []
        seeds: list[ModelCall] = []
        related: dict[bytes, list[ModelCall]] = {}
        duplicates: Counter[Reason] = Counter()
        plain = True
        for call in calls:
            if call.duplicate_of:
                duplicates["same_call"] += 1
                plain = False
            elif call.role == "aggregate" and not has_usage(call):
                plain = False
            elif (forgotten and call.key in forgotten) or (trace := memory.add(call)) is None:
                duplicates["redelivery"] += 1
                plain = False
            else:
                added.append(call)
                instances = memory.instances if call.dialect in SEVERAL_SIGNALS else None
                if instances is not None:
                    seeds += instances.outdone(call)
                if trace.emitter is None:
                    related.setdefault(call.trace_id, []).append(call)
                elif (
                    (call.response_id and memory.is_shared(call.response_id))
                    or (memory.neighbours and self._may_match(call))
                    or (instances is not None and instances.better((call,)) is not None)
                ):
                    seeds.append(call)
                else:
                    paid.append(call)
        if not related and not seeds:
            shown = calls if plain else [self._shown(call, {}) for call in calls]
            return Decision(paid, (), (), shown, duplicates, added, {})
        try:
            for trace_id, fresh in related.items():
                trace = memory.trace(trace_id)
                assert trace is not None
                seeds += [trace.described[key] for key in trace.relate(fresh)]
            ballot = _Ballot(memory, added)
            ballot.settle(seeds)
        except BaseException:
            memory.remove(added)  # or what nobody has charged would be known when it comes again
            raise
        paid = [call for call in paid if call.key not in ballot.groups] + ballot.paid
        shown = [self._shown(call, ballot.groups) for call in calls]
        duplicates.update(ballot.duplicates)
        return Decision(paid, ballot.corrections, ballot.members, shown, duplicates, added, ballot.groups)

    def accept(self, decision: Decision) -> None:
        """The ledger has committed it."""
        self._memory.settle(decision.groups)
        self._memory.forget()

    def undo(self, decision: Decision) -> None:
        """The ledger has not: the same calls will come again."""
        self._memory.remove(decision.added)

    def _forgotten(self, calls: Sequence[ModelCall], known: Callable[[Sequence[Key]], Set[Key]]) -> Set[Key]:
        horizon = self._memory.horizon
        unsure = [call.key for call in calls if call.start_ns <= horizon and not self._memory.knows(call)]
        return known(unsure) if unsure else frozenset()

    def _may_match(self, call: ModelCall) -> bool:
        """Whether nothing but what is common may join a call to others, or part others that have become too many."""
        for neighbours in self._memory.neighbours:
            run = neighbours.around(call)
            if run and (len(run) <= MOST_EQUALS or any(self._memory.group(one.key) for one in run)):
                return True
        return False

    def _shown(self, call: ModelCall, groups: dict[Key, Group | None]) -> ModelCall | bytes | None:
        if call.duplicate_of:
            return call.duplicate_of
        if call.role == "aggregate" and not has_usage(call):
            return None
        key = call.key
        group = groups[key] if key in groups else self._memory.group(key)
        if group is None:
            return call
        if group.call is None or group.call.key != key:
            return group.instead
        return group.call


class _Ballot:
    """The groups that new descriptions form with earlier ones, and how that differs from what was charged."""

    def __init__(self, memory: Memory, added: Iterable[ModelCall]) -> None:
        self._memory = memory
        self._fresh = {call.key for call in added}
        self.groups: dict[Key, Group | None] = {}
        self.paid: list[ModelCall] = []
        self.corrections: list[Correction] = []
        self.members: list[Member] = []
        self.duplicates: Counter[Reason] = Counter()
        self._paired: list[dict[Key, tuple[ModelCall, ...]]] = [{} for _ in memory.neighbours]
        """By kind, for calls that have been looked at: what describes them in other traces."""

    def settle(self, seeds: list[ModelCall]) -> None:
        """Decide for everything that `seeds` may have changed."""
        for call in seeds:  # grows: what a group loses, and aggregates over it, have to be decided as well
            if call.key not in self.groups:
                component = self._component(call) if call.role == "leaf" else [call]
                for member in component:
                    aggregates = (one for one in self._memory.linked(member) if one.role == "aggregate")
                    affected = chain(self._before(member), aggregates, self._affected(member))
                    seeds.extend(one for one in affected if one.key not in self.groups)
                decided = next((one for one in component if one.key in self.groups), None)
                if decided is None:
                    self._decide(component)
                else:
                    self._join(decided, [one for one in component if one.key not in self.groups])

    def _before(self, call: ModelCall) -> Iterator[ModelCall]:
        group = None if call.key in self._fresh else self._memory.group(call.key)
        return iter(() if group is None else group.members)

    def _component(self, call: ModelCall) -> list[ModelCall]:
        """Everything that describes the same call, in its trace and in others."""
        memory = self._memory
        found = {call.key: call}
        waiting = [call]
        while waiting:
            one = waiting.pop()
            # What was found to be the same call stays so once its trace is forgotten.
            forgotten = (member for member in self._before(one) if not memory.knows(member))
            for other in chain(self._related(one), self._beside(one), forgotten):
                if other.key not in found and other.role == "leaf":
                    found[other.key] = other
                    waiting.append(other)
        return list(found.values())

    def _related(self, call: ModelCall) -> Iterator[ModelCall]:
        """Its other descriptions in its own trace, and those of the same response."""
        trace = self._memory.trace(call.trace_id)
        return chain(() if trace is None else trace.cell(call), self._memory.linked(call))

    def _beside(self, call: ModelCall) -> Sequence[ModelCall]:
        """Its other descriptions in other traces, where nothing but what is common to them tells."""
        return [other for position in range(len(self._paired)) for other in self._paired_with(call, position)]

    def _paired_with(self, call: ModelCall, position: int) -> Sequence[ModelCall]:
        """What one of the neighbours knows, given what those before it have joined."""
        paired = self._paired[position]
        if call.key not in paired:

            def related(one: ModelCall) -> Iterator[ModelCall]:
                return chain(self._related(one), *(self._paired_with(one, before) for before in range(position)))

            neighbours = self._memory.neighbours[position]
            paired |= {call.key: (), **neighbours.pair_up(neighbours.around(call), related)}
        return paired[call.key]

    def _affected(self, call: ModelCall) -> Iterator[ModelCall]:
        """Whose other descriptions are others now, because of what they have in common with what is new."""
        for position, neighbours in enumerate(self._memory.neighbours):
            run = neighbours.around(call)
            if len(run) > MOST_EQUALS:
                # Too many now; those that had been matched before there were so many stand alone again.
                if call.key in self._fresh:
                    yield from (one for one in run if self._memory.group(one.key) is not None)
                continue
            keys = {one.key for one in run}
            for one in run:
                before = None if one.key in self._fresh else self._memory.group(one.key)
                matched = {one.key} if before is None else {member.key for member in before.members} & keys
                if matched != {other.key for other in self._paired_with(one, position)}:
                    yield one

    def _decide(self, component: list[ModelCall]) -> None:
        group = self._group(component)
        now = component[0] if group is None else group.call
        charged = dict(self._charged(component))
        if not charged:
            if now is not None:
                self.paid.append(now)
        elif now is None or charged != {now.key: now}:
            self.corrections.append(Correction(tuple(sorted(charged)), now))
        for member in component:
            self._assign(member, group)

    def _join(self, decided: ModelCall, late: list[ModelCall]) -> None:
        """Add descriptions of a response that has more of them than are remembered by its id; they change nothing."""
        group = self.groups[decided.key] or Group(decided, (decided,), decided.span_id)
        withdrawn = tuple(sorted(key for key, _ in self._charged(late)))
        if withdrawn:
            self.corrections.append(Correction(withdrawn, None))
        joined = group._replace(members=(*group.members, *late))
        for one in late:
            self._assign(one, joined)

    def _group(self, component: list[ModelCall]) -> Group | None:
        """None for a call that has one description."""
        members = tuple(ranked(component))
        instances = self._memory.instances
        told_better = None if instances is None else instances.better(members)
        if told_better is not None:
            return Group(None, members, told_better.span_id)
        keys = {call.key for call in component}
        for call in members:
            repeated = self._repeated(call, keys)
            if repeated is not None:
                return Group(None, members, repeated.span_id)
        return None if len(members) == 1 else Group(merged(members), members, members[0].span_id)

    def _repeated(self, call: ModelCall, component: Set[Key]) -> ModelCall | None:
        """A call whose usage a description repeats, and that is charged by itself."""
        trace = self._memory.trace(call.trace_id)
        if call.role == "leaf":
            under = () if trace is None else trace.added_up(call).values()
            return next((one for one in under if one.key not in component), None)
        witness = None if trace is None else trace.witness(call)
        answered = (one for one in self._memory.linked(call) if one.role == "leaf" and has_usage(one))
        return next(answered, None) if witness is None else witness

    def _charged(self, component: list[ModelCall]) -> Iterator[tuple[Key, ModelCall]]:
        """The rows that stand for these descriptions in the ledger."""
        for call in component:
            if call.key not in self._fresh:
                before = self._memory.group(call.key)
                row = call if before is None else before.call
                if row is not None and row.key == call.key:
                    yield row.key, row

    def _assign(self, call: ModelCall, group: Group | None) -> None:
        key = call.key
        self.groups[key] = group
        before = None if key in self._fresh else self._memory.group(key)
        reason = None if group is None else group.reason(call)
        if reason is not None and (before is None or before.reason(call) is None):
            self.duplicates[reason] += 1
        if group is None:
            if before is not None:
                self.members.append(Member(call, key, call.span_id))
            return
        row = None if group.call is None else group.call.key
        unchanged = before is not None and before.instead == group.instead
        if not unchanged or (before is not None and (before.call is None) != (group.call is None)):
            self.members.append(Member(call, row, group.instead))
