"""How the value of an attribute is read, by what it is to be.

Values come from outside, so each is checked as it is read; what cannot be used is `UNREADABLE`, to be counted and taken
as absent, and what says nothing (an empty text, false) is None.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.reading.embedded import load_json, parse_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost_collector.reading.columns import Kind

MAX_TAGS: Final = 32
MAX_TAG: Final = 128
_MAX_TEXT: Final = 1024
"""Longer than any name or id; what exceeds it is content that has lost its way."""
_MAX_DOCUMENT: Final = 65_536
_MAX_ANSWER: Final = 1_048_576
_MAX_QUANTITY: Final = 10**10
"""More than any one call can use; what exceeds it would only overflow somebody's sum."""


class _Unreadable:
    """The type of `UNREADABLE`."""


UNREADABLE: Final = _Unreadable()
"""In place of a value that was there and is none of its kind."""


def _text(value: otlp.Value) -> object:
    text = value.string_value
    if text:
        return text if len(text) <= _MAX_TEXT else UNREADABLE
    if value.HasField("int_value"):
        return str(value.int_value)
    return None if _says_nothing(value) else UNREADABLE


def _json_text(value: otlp.Value) -> object:
    """A text that may stand in JSON's quotes."""
    text = value.string_value
    if not text.startswith('"'):
        return _text(value)
    try:
        inner = load_json(text)
    except (ValueError, RecursionError):
        return UNREADABLE
    return (inner or None) if isinstance(inner, str) and len(inner) <= _MAX_TEXT else UNREADABLE


def _count(value: otlp.Value) -> object:
    count = value.int_value
    if count == 0 and not value.HasField("int_value"):
        number = value.double_value  # JavaScript has no other numbers
        if not value.HasField("double_value") or not number.is_integer():
            return None if _says_nothing(value) else UNREADABLE
        count = int(number)
    return count if abs(count) <= _MAX_QUANTITY else UNREADABLE


def _quantity(value: otlp.Value) -> object:
    if not value.HasField("double_value"):
        return _count(value)
    number = value.double_value
    return Decimal(repr(number)) if abs(number) <= _MAX_QUANTITY else UNREADABLE


def _flag(value: otlp.Value) -> object:
    """True or nothing, since nothing tells false from absent; some write it as a text."""
    if value.bool_value or value.string_value in {"true", "True"}:
        return True
    return None if _says_nothing(value) or value.string_value in {"false", "False", "None"} else UNREADABLE


def _tags(value: otlp.Value) -> object:
    """A list of texts, as an array, as JSON, or with commas between them."""
    if value.HasField("array_value"):
        texts = [otlp.Value.FromString(item).string_value for item in value.array_value.values[:MAX_TAGS]]
    else:
        text = value.string_value
        if len(text) > _MAX_DOCUMENT:
            return UNREADABLE
        try:
            listed = load_json(text) if text.startswith("[") else text.split(",")
        except (ValueError, RecursionError):
            return UNREADABLE
        texts = [item for item in cast("list[object]", listed)[:MAX_TAGS] if isinstance(item, str)]
    return tuple([tag.strip()[:MAX_TAG] for tag in texts if tag.strip()]) or None


def _document(value: otlp.Value) -> object:
    text = value.string_value
    if not text:
        return None if _says_nothing(value) else UNREADABLE
    if len(text) > _MAX_DOCUMENT:
        return UNREADABLE
    found = parse_document(text)
    return UNREADABLE if found is None else found or None


def _answer(value: otlp.Value) -> object:
    """A provider's whole answer, where that is what stands there; anything else is content, and not ours to read."""
    text = value.string_value
    if not text.startswith("{") or '"usage' not in text or len(text) > _MAX_ANSWER:
        return None
    return parse_document(text) or None


def as_text(value: otlp.Value) -> str | None:
    """Any single value as a text, for a tag; None for lists, bytes and what is empty."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value or None
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return repr(value.double_value)
        case _:
            return None


def _says_nothing(value: otlp.Value) -> bool:
    """Whether nothing was there: empty and false are nothing, an array or bytes (unknown fields here) is something."""
    kind = value.WhichOneof("value")
    return value.ByteSize() == 0 or (kind in {"string_value", "bool_value"} and not getattr(value, kind))


READ: Final[Mapping[Kind, Callable[[otlp.Value], Any]]] = {
    "text": _text,
    "flag": _flag,
    "count": _count,
    "quantity": _quantity,
    "amount": _quantity,
    "tags": _tags,
    "document": _document,
    "answer": _answer,
}
READ_JSON: Final[Mapping[Kind, Callable[[otlp.Value], Any]]] = {**READ, "text": _json_text}
"""For emitters that write every value as JSON."""
