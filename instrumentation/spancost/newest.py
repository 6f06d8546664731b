"""What was learnt from one answer and is needed for a later one, of as many as fit.

A batch names the file that its answers will be in, a session the model that it runs on. Such notes are kept until
newer ones push them out, so that an app that runs for months needs no more memory than one that has just started.
Without a lock, as in `once`.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import Final, Generic, TypeVar

_REMEMBERED: Final = 10_000

_Value = TypeVar("_Value")


class Newest(Generic[_Value]):
    """The newest notes by key. Safe to share between threads."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._values: OrderedDict[str, _Value] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> _Value | None:
        """What was noted under `key` last; None when nothing was, or it is long ago."""
        return self._values.get(key)

    def note(self, key: str, value: _Value) -> None:
        """Keeps `value` under `key`."""
        self._values[key] = value
        with suppress(KeyError):  # forgotten meanwhile, to make room
            self._values.move_to_end(key)
        if len(self._values) > self._remembered:
            self._values.popitem(last=False)
