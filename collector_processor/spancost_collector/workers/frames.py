"""Calls as bytes, for the way between two processes of one receiver, and nowhere else.

Both ends are the same build and the same user, on a socket that nothing else can reach, so this is neither versioned
nor safe against a hostile sender: it is fast. A frame holds columns, for what the calls of a group have in common
(their resource, who pays, the route) is then written once, and is one object again at the other end.
"""

from __future__ import annotations

import marshal
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from spancost_collector.call import Attribution, ModelCall, Reported, Resource
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Column = Sequence[Any]

_SHARED: Final[Mapping[str, Any]] = {
    "route": Route,
    "attribution": Attribution,
    "resource": Resource,
    "reported": Reported,
    "quoted": Reported,
}
"""Field of `ModelCall` -> the tuple in it, of which many calls have an equal one."""
_SHARED_POSITIONS: Final = tuple((ModelCall._fields.index(name), kind) for name, kind in _SHARED.items())
_USAGE: Final = ModelCall._fields.index("usage")
_UNITS: Final = Usage._fields.index("units")
_NO_UNITS: Final = Usage().units


def pack(calls: Sequence[ModelCall]) -> bytes:
    """A frame of calls; `unpack` gives them back."""
    columns: list[Column] = list(zip(*calls, strict=True))
    if columns:
        for position, _ in _SHARED_POSITIONS:
            columns[position] = _numbered(columns[position])
        columns[_USAGE] = _usage_columns(columns[_USAGE])
    return marshal.dumps(columns)


def unpack(frame: bytes) -> list[ModelCall]:
    """The calls of a frame."""
    columns: list[Column] = marshal.loads(frame)
    if columns:
        for position, kind in _SHARED_POSITIONS:
            columns[position] = _named(columns[position], kind)
        columns[_USAGE] = _usages(columns[_USAGE])
    return [ModelCall._make(row) for row in zip(*columns, strict=True)]


def _numbered(column: Column) -> Column:
    """The different values of a column, each once, and which of them each call has."""
    numbers: dict[Any, int] = {}
    places = [numbers.setdefault(value, len(numbers)) for value in column]
    return [value if value is None else tuple(value) for value in numbers], places


def _named(column: Column, kind: Any) -> Column:
    values, places = column
    made = [value if value is None else kind._make(value) for value in values]
    return [made[place] for place in places]


def _usage_columns(column: Column) -> Column:
    """Which calls have usage, and its columns."""
    found = [usage for usage in column if usage is not None]
    columns: list[Column] = list(zip(*found, strict=True))
    if columns:
        columns[_UNITS] = [
            {unit: amount if isinstance(amount, int) else str(amount) for unit, amount in units.items()}
            if units
            else None
            for units in columns[_UNITS]
        ]
    return [usage is not None for usage in column], columns


def _usages(column: Column) -> Column:
    there, columns = column
    if columns:
        columns[_UNITS] = [
            {unit: amount if isinstance(amount, int) else Decimal(amount) for unit, amount in units.items()}
            if units
            else _NO_UNITS
            for units in columns[_UNITS]
        ]
    made = (Usage._make(row) for row in zip(*columns, strict=True))
    return [next(made) if one else None for one in there]
