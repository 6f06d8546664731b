"""Remembers what has been charged, for answers that an app can fetch as often as it likes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

_REMEMBERED: Final = 10_000


class Once:
    """The newest ids that were charged. Bounded: what is fetched again and again stays, what is not is forgotten."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def first(self, identifier: str) -> bool:
        """Whether this id is new; from now on it is not."""
        with self._lock:
            known = identifier in self._ids
            self._ids[identifier] = None
            self._ids.move_to_end(identifier)
            if len(self._ids) > self._remembered:
                self._ids.popitem(last=False)
        return not known
