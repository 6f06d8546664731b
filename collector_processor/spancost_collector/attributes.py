"""A span's attributes, read by a table: which names mean what, and how each kind of value is read.

Values come from outside, so each is checked as it is read; what cannot be used is counted and treated as absent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from spancost_collector import otlp_pb2 as otlp
    from spancost_collector.dialect import Names
    from spancost_pricing import Unit

Kind = Literal["text", "flag", "count", "unit", "amount"]
"""What an attribute's value is to be."""

_MAX_TEXT: Final = 1024
"""Longer than any name or id; what exceeds it is content that has lost its way."""
_MAX_QUANTITY: Final = 10**10
"""More than any one call can use; what exceeds it would only overflow somebody's sum."""


class Found:
    """What a table found on one span, by what kind of thing it is."""

    __slots__ = ("amounts", "counts", "texts", "units", "unreadable")

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.units: dict[Unit, Decimal | int] = {}
        self.amounts: dict[str, Decimal | int] = {}
        self.unreadable = 0


class AttributeTable:
    """Attribute names compiled into one dictionary, so that a span's attributes are walked once.

    The receiver spends most of its time in `read`, so a name leads straight to how its value is read and kept.
    """

    def __init__(self, columns: Iterable[tuple[Kind, str, Names]]) -> None:
        self._slots: dict[str, tuple[int, str, int, Callable[[otlp.Value], object | None]]] = {}
        for kind, column, names in columns:
            target, read = _KINDS[kind]
            for rank, name in enumerate(names):
                if name in self._slots:
                    raise ValueError(f"attribute {name!r} cannot mean both {self._slots[name][1]} and {column}")
                self._slots[name] = (target, column, rank, read)

    def read(self, attributes: Mapping[str, otlp.Value]) -> Found:
        """What is there and usable."""
        found = Found()
        targets = cast("tuple[dict[str, object], ...]", (found.texts, found.counts, found.units, found.amounts))
        aliases: list[tuple[int, int, str, object]] = []
        slot_of = self._slots.get
        for name in attributes:
            slot = slot_of(name)
            if slot is None:
                continue
            target, column, rank, read = slot
            value = read(attributes[name])
            if value is None:
                found.unreadable += _is_set(attributes[name])
            elif rank == 0:
                targets[target][column] = value
            else:
                aliases.append((rank, target, column, value))
        if aliases:
            aliases.sort(key=_rank)
            for _, target, column, value in aliases:
                targets[target].setdefault(column, value)
        return found


def _is_set(value: otlp.Value) -> bool:
    """Whether something was there: empty and false are not, an array or bytes (unknown fields here) is."""
    kind = value.WhichOneof("value")
    return value.ByteSize() > 0 and (kind not in {"string_value", "bool_value"} or bool(getattr(value, kind)))


def _text(value: otlp.Value) -> str | None:
    text = value.string_value
    if text:
        return text if len(text) <= _MAX_TEXT else None
    return str(value.int_value) if value.HasField("int_value") else None


def _count(value: otlp.Value) -> int | None:
    count = value.int_value
    if count == 0 and not value.HasField("int_value"):
        number = value.double_value  # JavaScript has no other numbers
        if not value.HasField("double_value") or not number.is_integer():
            return None
        count = int(number)
    return count if abs(count) <= _MAX_QUANTITY else None


def _quantity(value: otlp.Value) -> Decimal | int | None:
    if not value.HasField("double_value"):
        return _count(value)
    number = value.double_value
    return Decimal(repr(number)) if abs(number) <= _MAX_QUANTITY else None


def _flag(value: otlp.Value) -> str | None:
    """A flag is kept as a text that is there or not, since nothing tells false from absent."""
    return "true" if value.bool_value else None


def _rank(alias: tuple[int, int, str, object]) -> int:
    return alias[0]


_KINDS: Final[Mapping[Kind, tuple[int, Callable[[otlp.Value], object | None]]]] = {
    "text": (0, _text),
    "flag": (0, _flag),
    "count": (1, _count),
    "unit": (2, _quantity),
    "amount": (3, _quantity),
}
"""Where in a `Found` a value goes, and how it is read."""
