"""The charge as attributes to append to a span, already in their wire form.

This is the hot path's last step, so attributes are joined from bytes whose constant part is encoded once. Money is a
double here and in Prometheus, and nowhere else.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from spancost_pricing import Charge

# Tags: field number << 3 | wire type, https://protobuf.dev/programming-guides/encoding/
_SPAN_ATTRIBUTES: Final = b"\x4a"
_KEY: Final = b"\x0a"
_VALUE: Final = b"\x12"
_STRING: Final = b"\x0a"
_DOUBLE: Final = b"\x21"
_pack_double: Final = struct.Struct("<d").pack
_DOUBLE_SIZE: Final = 9


class Enricher:
    """Turns charges into the bytes of `spancost.cost.*` and `spancost.price.*` attributes."""

    def __init__(self) -> None:
        self._total = _double_prefix("spancost.cost.usd")
        self._computed = _double_prefix("spancost.cost.computed_usd")
        self._parts: dict[str, bytes] = {}
        # Thousands of charges share a few hundred sets of rates.
        self._provenance = lru_cache(maxsize=4096)(_provenance)

    def __call__(self, charge: Charge) -> bytes:
        """Attributes to append: the total and its parts where there is a charge, and what it is based on."""
        items = charge.items
        encoded = [
            self._provenance(
                charge.status,
                charge.reason,
                charge.book,
                tuple([item.price_id for item in items]),
                tuple([item.source for item in items]),
            )
        ]
        if charge.total_pico is not None:
            encoded.append(self._total + _pack_double(charge.total_pico / PICO_USD))
        if charge.computed_pico is not None:
            encoded.append(self._computed + _pack_double(charge.computed_pico / PICO_USD))
        amounts: dict[str, int] = {}
        for item in items:
            amounts[item.unit] = amounts.get(item.unit, 0) + item.amount_pico
        for unit, pico in amounts.items():
            prefix = self._parts.get(unit)
            if prefix is None:
                prefix = self._parts[unit] = _double_prefix(f"spancost.cost.{unit}_usd")
            encoded.append(prefix + _pack_double(pico / PICO_USD))
        return b"".join(encoded)


def _provenance(
    status: str, reason: str | None, book: str, price_ids: tuple[str, ...], sources: tuple[str, ...]
) -> bytes:
    texts = {
        "spancost.cost.status": status,
        "spancost.cost.reason": reason,
        "spancost.price.book": book,
        "spancost.price.id": _distinct(price_ids),
        "spancost.price.source": _distinct(sources),
    }
    return b"".join(_string(name, text) for name, text in texts.items() if text is not None)


def _distinct(names: tuple[str, ...]) -> str | None:
    return ", ".join(dict.fromkeys(names)) if names else None


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _delimited(tag: bytes, content: bytes) -> bytes:
    return tag + _varint(len(content)) + content


def _key(name: str) -> bytes:
    return _delimited(_KEY, name.encode())


def _double_prefix(name: str) -> bytes:
    """Everything of a double attribute but the eight bytes of its value."""
    key = _key(name)
    return _SPAN_ATTRIBUTES + _varint(len(key) + 2 + _DOUBLE_SIZE) + key + _VALUE + _varint(_DOUBLE_SIZE) + _DOUBLE


def _string(name: str, text: str) -> bytes:
    return _delimited(_SPAN_ATTRIBUTES, _key(name) + _delimited(_VALUE, _delimited(_STRING, text.encode())))
