"""The descriptions of one trace as they relate to each other: who is whose parent, what happened during what.

Kept up to date as descriptions arrive, so that a trace of ten thousand calls costs each of them the same. Whatever the
order of arrival, the relations are those of the whole set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost_collector.election.likeness import SLACK_NS, encloses, has_usage, same_model, same_usage
from spancost_collector.election.matching import match, parts
from spancost_collector.election.parents import Parents
from spancost_collector.election.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from spancost_collector.call import Key, ModelCall


class Trace:
    """What is known of one trace."""

    __slots__ = ("described", "emitter", "relations", "touched")

    def __init__(self) -> None:
        self.described: dict[Key, ModelCall] = {}
        self.emitter: str | None = None
        """The one emitter of a plain trace, all of whose descriptions are leaves; None where it is not that simple."""
        self.relations: Relations | None = None
        """Of a trace that is not plain, once somebody has asked."""
        self.touched = 0.0
        """When a description was added last."""

    def relate(self, fresh: Collection[ModelCall]) -> set[Key]:
        """Take descriptions that were added into account; the keys for which something may be different now."""
        if self.relations is None:
            self._related()
        elif self.relations.parents.add(fresh):
            return self.relations.add(fresh)
        else:
            self._relate_all(self.relations.parents)
        return set(self.described)

    def cell(self, call: ModelCall) -> tuple[ModelCall, ...]:
        """The descriptions in this trace that are of the same call, by usage and time."""
        relations = self._related()
        return (call,) if relations is None else relations.cells.get(call.key, (call,))

    def witness(self, aggregate: ModelCall) -> ModelCall | None:
        """Something with usage that is under an aggregate."""
        relations = self._related()
        return None if relations is None else relations.witnesses.get(aggregate.key)

    def added_up(self, leaf: ModelCall) -> Mapping[Key, ModelCall]:
        """The calls that a description, which says that it is of one call, adds up."""
        relations = self._related()
        return {} if relations is None else relations.added_up.get(leaf.key, {})

    def _related(self) -> Relations | None:
        """None for a plain trace: nothing in it is related to anything else."""
        if self.emitter is None and self.relations is None:
            parents = Parents()
            parents.add(self.described.values())
            self._relate_all(parents)
        return self.relations

    def _relate_all(self, parents: Parents) -> None:
        self.relations = Relations(parents)
        self.relations.add(self.described.values())


class Relations:
    """Matches and ancestry of a trace with several emitters, or with aggregates."""

    def __init__(self, parents: Parents) -> None:
        """Start with nothing but who is whose parent; `parents` knows of a description before `add` does."""
        self.parents = parents
        self.cells: dict[Key, tuple[ModelCall, ...]] = {}
        """Descriptions of the same call, under the key of each; those without another are not in here."""
        self.witnesses: dict[Key, ModelCall] = {}
        """Aggregate -> something with usage that is under it."""
        self.added_up: dict[Key, dict[Key, ModelCall]] = {}
        """What says that it is one call -> calls under it that have other totals."""
        self._emitters: set[str] = set()
        self._leaves = Timeline()
        self._with_usage = Timeline()
        self._unwitnessed: dict[Key, ModelCall] = {}
        """Aggregates under which nothing has been found."""
        self._leaning: dict[Key, list[ModelCall]] = {}
        """Whose time is all that tells that it is under some aggregates -> those."""
        self._broken: dict[bytes, list[ModelCall]] = {}
        """Span that nobody has described -> whose line of parents ends there."""
        self._adrift: set[Key] = set()
        """Above whom no aggregate is known: only the time tells what they are under."""

    def add(self, fresh: Collection[ModelCall]) -> set[Key]:
        """Relate new descriptions to the others; the keys for which something may be different now."""
        for call in fresh:
            if has_usage(call):
                self._with_usage.add(call)
            if call.role == "aggregate":
                self._unwitnessed[call.key] = call
            else:
                self._leaves.add(call)
                self._emitters.add(call.emitter)
        changed = {call.key for call in fresh}
        if len(self._emitters) > 1:
            changed |= self._match(changed)
        changed |= self._find_witnesses(fresh)
        return changed

    def _match(self, fresh: set[Key]) -> set[Key]:
        changed: set[Key] = set()
        for part in parts(self._leaves, {start for start, _ in fresh}):
            changed |= self._match_again(part)
        return changed

    def _match_again(self, part: Sequence[ModelCall]) -> set[Key]:
        changed = {call.key for call in part if self.cells.pop(call.key, None) is not None}
        for cell in match(part, self.parents.by_span):
            for member in cell:
                self.cells[member.key] = cell
                changed.add(member.key)
        return changed

    def _find_witnesses(self, fresh: Collection[ModelCall]) -> set[Key]:
        changed: set[Key] = set()
        moved = [call for one in fresh for call in self._broken.pop(one.span_id, ())]
        for call in (*fresh, *moved):
            if has_usage(call):
                changed |= self._climb(call)
        doubtful = {one.key: one for call in moved for one in (*self._leaning.pop(call.key, ()), call)}
        for key, call in doubtful.items():
            witness = self.witnesses.get(key)
            if witness is not None and call.role == "aggregate" and not self._holds(call, witness):
                del self.witnesses[key]
                self._unwitnessed[key] = call
                changed.add(key)
            elif witness is not None and witness.key in self._adrift:
                self._leaning.setdefault(witness.key, []).append(call)
        for key, aggregate in list(self._unwitnessed.items()):
            found = self._during(aggregate)
            if found is not None:
                del self._unwitnessed[key]
                self.witnesses[key] = found
                self._leaning.setdefault(found.key, []).append(aggregate)
                changed.add(key)
        return changed

    def _holds(self, aggregate: ModelCall, witness: ModelCall) -> bool:
        """Whether what is now known of their parents still says that `witness` is under `aggregate`."""
        if witness.key not in self._adrift:
            return any(found is aggregate for found in self.parents.above(witness))
        return all(found is not witness for found in self.parents.above(aggregate))

    def _climb(self, call: ModelCall) -> set[Key]:
        """Tell everything above `call` that it is there; the keys of those to whom that is news."""
        placed = False
        changed: set[Key] = set()
        for ancestor in self.parents.above(call):
            if isinstance(ancestor, bytes):
                self._broken.setdefault(ancestor, []).append(call)
            elif ancestor.role == "aggregate":
                placed = True
                self.witnesses[ancestor.key] = call
                if self._unwitnessed.pop(ancestor.key, None) is not None:
                    changed.add(ancestor.key)
            elif _adds_up(ancestor, call):
                self.added_up.setdefault(ancestor.key, {})[call.key] = call
                changed.add(ancestor.key)
        if placed:
            self._adrift.discard(call.key)
        else:
            self._adrift.add(call.key)
        return changed

    def _during(self, aggregate: ModelCall) -> ModelCall | None:
        """Something with usage that happened within an aggregate, as far as the time can tell."""
        above = {found.key for found in self.parents.above(aggregate) if not isinstance(found, bytes)}
        for call in self._with_usage.since(aggregate.start_ns):
            if call.start_ns > aggregate.end_ns:
                return None
            # Two clocks of one process may differ, but an aggregate is never told by that to be under another.
            late = SLACK_NS if call.role == "leaf" else 0
            if call.end_ns > aggregate.end_ns + late or call.key not in self._adrift or call.key in above:
                continue
            # Of two aggregates that took the same time, one has to be the inner one.
            same_time = call.start_ns == aggregate.start_ns and call.end_ns == aggregate.end_ns
            if call.key > aggregate.key if same_time and call.role == "aggregate" else call.key != aggregate.key:
                return call
        return None


def _adds_up(outer: ModelCall, inner: ModelCall) -> bool:
    """Whether what calls itself one call has one of another emitter under it, of the same model, and other totals.

    Some streams stay the current span when they are over: what comes later names them as its parent, and is no part.
    """
    return (
        outer.emitter != inner.emitter
        and encloses(outer, inner)
        and inner.role == "leaf"
        and has_usage(outer)
        and same_model(outer, inner)
        and not same_usage(outer, inner)
    )
