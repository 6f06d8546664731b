"""Attributes of logs and data points as plain values, as far as they can matter: short texts, numbers and flags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

if TYPE_CHECKING:
    from collections.abc import Iterable

Scalar = str | bool | int | float
Said = dict[str, Scalar]
"""What attributes say; the last one of a name counts."""

_MAX_TEXT: Final = 1024
"""Longer than any name or id: content, which is neither read nor kept."""
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,2})?")


def said(attributes: Iterable[KeyValue]) -> Said:
    """The attributes that are single values."""
    found: Said = {}
    for attribute in attributes:
        value = attribute.value
        match value.WhichOneof("value"):
            case "string_value":
                if 0 < len(value.string_value) <= _MAX_TEXT:
                    found[attribute.key] = value.string_value
            case "int_value":
                found[attribute.key] = value.int_value
            case "double_value":
                found[attribute.key] = value.double_value
            case "bool_value":
                found[attribute.key] = value.bool_value
            case _:
                pass
    return found


def text(values: Said, name: str) -> str:
    """A text; empty where there is none of that name."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def number(value: Scalar | None) -> Scalar | None:
    """A number also where it is written as a text; what is none stays what it was, for whoever reads it to count."""
    if not isinstance(value, str):
        return value
    if _WHOLE.fullmatch(value):
        return int(value)
    return float(value) if _NUMBER.fullmatch(value) else value


def as_attributes(values: Said) -> list[KeyValue]:
    """The values as attributes again."""
    return [KeyValue(key=name, value=_any_value(value)) for name, value in values.items()]


def _any_value(value: Scalar) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
