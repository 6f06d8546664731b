"""Remembers what has been charged, for answers that an app can fetch as often as it likes.

Without a lock: one that another thread holds while the process forks is never released in the child. Each step is one
of a mapping of the interpreter's own, which no other thread sees half-done.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import Final

_REMEMBERED: Final = 10_000


class Once:
    """The newest ids that were charged. Bounded: what is fetched again and again stays, what is not is forgotten."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._ids: OrderedDict[str, object] = OrderedDict()

    def first(self, identifier: str) -> bool:
        """Whether this id is new; from now on it is not."""
        mine = object()
        if self._ids.setdefault(identifier, mine) is not mine:
            with suppress(KeyError):  # forgotten meanwhile, to make room
                self._ids.move_to_end(identifier)
            return False
        if len(self._ids) > self._remembered:
            self._ids.popitem(last=False)
        return True
