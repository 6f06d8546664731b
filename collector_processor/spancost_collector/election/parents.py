"""Who is whose parent in one trace, as far as it can be told.

A span id that two descriptions bear names neither of them, and parents that form a circle are nobody's. Which of the
spans is at fault cannot be told, so in such a trace no parent counts: what is then left are times and response ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from spancost_collector.call import ModelCall

_MAX_DEPTH: Final = 256
"""How far upwards a line of parents is followed."""


class Parents:
    """The spans of a trace that may be parents, by their ids."""

    def __init__(self) -> None:
        self._by_span: dict[bytes, ModelCall] = {}
        self._tangled = False

    @property
    def by_span(self) -> Mapping[bytes, ModelCall]:
        """Span id -> the description that bears it; empty where parents do not count."""
        return self._by_span

    def add(self, fresh: Collection[ModelCall]) -> bool:
        """Take descriptions in; False where no parent counts any more, and all that was concluded from them is void."""
        if self._tangled:
            return True
        by_span = self._by_span
        self._tangled = any(by_span.setdefault(call.span_id, call) is not call for call in fresh) or any(
            self._is_own_ancestor(call) for call in fresh
        )
        if self._tangled:
            by_span.clear()
        return not self._tangled

    def above(self, call: ModelCall) -> Iterator[ModelCall | bytes]:
        """Parents upwards; last the id of one that is not known, where the line breaks."""
        for _ in range(_MAX_DEPTH):
            if not call.parent_id:
                return
            parent = self._by_span.get(call.parent_id)
            if parent is None:
                yield call.parent_id
                return
            yield parent
            call = parent

    def _is_own_ancestor(self, call: ModelCall) -> bool:
        return any(ancestor is call for ancestor in self.above(call))
