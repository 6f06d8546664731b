"""The commonest shapes of an attribute, read from their bytes without a message being made of them.

A KeyValue is a name and a value, each behind its length; short texts and small counts are nearly all there is. Whatever
looks otherwise is left to protobuf: None says so. https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import Final

_NAME: Final = 0x0A
_VALUE: Final = 0x12
_TEXT: Final = 0x0A
_COUNT: Final = 0x18
_MORE: Final = 0x80
"""Set in every byte of a number but the last."""


def name_end(raw: bytes) -> int | None:
    """Where the name of an attribute ends, which begins at the third byte."""
    if len(raw) > 2 and raw[0] == _NAME and (size := raw[1]) < _MORE:
        end = size + 2
        if len(raw) > end and raw[end] == _VALUE:
            return end
    return None


def short_text(raw: bytes, end: int) -> str | None:
    """The text that is the value after a name that ends at `end`."""
    rest = len(raw) - end
    if 4 < rest < _MORE and raw[end + 1] == rest - 2 and raw[end + 2] == _TEXT and raw[end + 3] == rest - 4:
        try:
            return raw[end + 4 :].decode()
        except UnicodeDecodeError:
            return None
    return None


def small_count(raw: bytes, end: int) -> int | None:
    """The whole number of up to three bytes that is the value after a name that ends at `end`."""
    rest = len(raw) - end
    if not 4 <= rest <= 6 or raw[end + 1] != rest - 2 or raw[end + 2] != _COUNT or raw[-1] >= _MORE:
        return None
    number = 0
    for position in range(len(raw) - 1, end + 2, -1):
        if position < len(raw) - 1 and raw[position] < _MORE:
            return None
        number = number << 7 | raw[position] & 0x7F
    return number
