"""Reading values out of SDK objects and JSON alike, without trusting either.

Extractors meet pydantic models, dictionaries, objects of an older SDK and a test's mocks; these functions answer with
a plain value of the type that was asked for, or None. Absent stays None and zero stays 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol, cast


class Fields(Protocol):
    """What one object says, by name."""

    def get(self, name: str, /) -> object:
        """The value; None when there is none."""
        ...


class _Attributes:
    """The attributes of an object that is neither a dictionary nor a model."""

    __slots__ = ("_source",)

    def __init__(self, source: object) -> None:
        self._source = source

    def get(self, name: str, /) -> object:
        """The value; None when there is none."""
        return cast("object", getattr(self._source, name, None))

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)


MODEL: Final = "__pydantic_extra__"
"""What tells a pydantic model: complete data, which takes long to say that it is nothing else."""
_NO_MODEL: Final = object()
_FIGURES: Final = frozenset({int, type(None)})
_NOTHING: Final[Fields] = MappingProxyType[str, object]({})


def fields_of(source: Any) -> Fields:
    """What `source` says, for extractors that read many values of one object, or one of every chunk.

    A pydantic model is read past its attributes: it takes microseconds to say that it has no such one.
    """
    if type(source) is dict:
        return source  # pyright: ignore[reportUnknownVariableType]  # of whatever
    try:
        extra = source.__pydantic_extra__
    except AttributeError:
        if source is None:
            return _NOTHING
        return cast("Fields", source) if isinstance(source, dict) else _Attributes(source)
    return {**source.__dict__, **extra} if extra else source.__dict__


def pick(source: object, *path: str) -> object:
    """What is found along `path`, through attributes and keys; None where the path ends early."""
    for name in path:
        if source is None:
            return None
        if type(source) is dict:
            source = cast("dict[str, object]", source).get(name)
            continue
        extra: object = getattr(source, "__pydantic_extra__", _NO_MODEL)
        if extra is _NO_MODEL:
            if isinstance(source, dict):
                source = cast("dict[str, object]", source).get(name)
            else:
                source = cast("object", getattr(source, name, None))
        elif extra and name in (more := cast("dict[str, object]", extra)):
            source = more[name]
        else:
            source = source.__dict__.get(name)
    return source


def count(source: object, *path: str) -> int | None:
    """A whole number; None for anything else, booleans included."""
    return whole(pick(source, *path))


def whole(value: object) -> int | None:
    """The same for a value that was found already."""
    if value is None or type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def figures_of(*values: Any) -> tuple[int | None, ...]:
    """The same for several that were found already."""
    return values if _FIGURES.issuperset(map(type, values)) else tuple(map(whole, values))


def text(source: object, *path: str) -> str | None:
    """A string that is not empty."""
    return word(pick(source, *path))


def word(value: object) -> str | None:
    """The same for a value that was found already."""
    return value if isinstance(value, str) and value else None


def items(source: object, *path: str) -> Sequence[object]:
    """The elements of a list; none where there is no list."""
    return listed(pick(source, *path))


def listed(value: Any) -> Sequence[object]:
    """The same for a value that was found already."""
    if type(value) is list:
        return value  # pyright: ignore[reportUnknownVariableType]  # of whatever
    if value is None or isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return ()
    return cast("Sequence[Any]", value)


def first(*values: int | None) -> int | None:
    """The first figure that was reported, zero included."""
    for value in values:
        if value is not None:
            return value
    return None


def total(*values: int | None) -> int | None:
    """The sum of what was reported; None when nothing was."""
    reported = [value for value in values if value is not None]
    return sum(reported) if reported else None
