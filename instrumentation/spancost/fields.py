"""Reading values out of SDK objects and JSON alike, without trusting either.

Extractors meet pydantic models, dictionaries, objects of an older SDK and a test's mocks; these functions answer with
a plain value of the type that was asked for, or None. Absent stays None and zero stays 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast


def pick(source: object, *path: str) -> object:
    """What is found along `path`, through attributes and keys; None where the path ends early."""
    for name in path:
        if source is None:
            return None
        if isinstance(source, dict):
            source = cast("dict[str, object]", source).get(name)
        else:
            source = cast("object", getattr(source, name, None))
    return source


def count(source: object, *path: str) -> int | None:
    """A whole number; None for anything else, booleans included."""
    value = pick(source, *path)
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def text(source: object, *path: str) -> str | None:
    """A string that is not empty."""
    value = pick(source, *path)
    return value if isinstance(value, str) and value else None


def items(source: object, *path: str) -> Sequence[object]:
    """The elements of a list; none where there is no list."""
    value = pick(source, *path)
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return ()
    return cast("Sequence[Any]", value)


def first(*values: int | None) -> int | None:
    """The first figure that was reported, zero included."""
    return next((value for value in values if value is not None), None)


def total(*values: int | None) -> int | None:
    """The sum of what was reported; None when nothing was."""
    reported = [value for value in values if value is not None]
    return sum(reported) if reported else None
