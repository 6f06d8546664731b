"""The charge as attributes to append to a span, already in their wire form.

This is the hot path's last step, so attributes are joined from bytes whose constant part is encoded once. Money is a
double here and in Prometheus, and nowhere else.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Final

from spancost_pricing import PICO_USD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_pricing import Charge, LineItem, Rate

# Tags: field number << 3 | wire type, https://protobuf.dev/programming-guides/encoding/
_SPAN_ATTRIBUTES: Final = b"\x4a"
_KEY: Final = b"\x0a"
_VALUE: Final = b"\x12"
_STRING: Final = b"\x0a"
_DOUBLE: Final = b"\x21"
_pack_double: Final = struct.Struct("<d").pack
_DOUBLE_SIZE: Final = 9
_PICO_USD: Final = repeat(PICO_USD)
_NO_ITEMS: Final = ((), (), ())


class Enricher:
    """Turns charges into the bytes of `spancost.cost.*` and `spancost.price.*` attributes."""

    def __init__(self) -> None:
        # Thousands of charges share a few hundred sets of rates.
        self._template = lru_cache(maxsize=4096)(_template)

    def __call__(self, charge: Charge) -> bytes:
        """Attributes to append: the total and its parts where there is a charge, and what it is based on."""
        status, reason, total, items, book, _, _, _, computed = charge
        rates, _, amounts = zip(*items, strict=True) if items else _NO_ITEMS
        template, one_each = self._template(status, reason, book, total is None, computed is None, rates)
        if not one_each:
            amounts = _by_unit(items)
        if computed is not None:
            amounts = (computed, *amounts)
        if total is not None:
            amounts = (total, *amounts)
        return template % tuple(map(_pack_double, map(int.__truediv__, amounts, _PICO_USD)))

    def duplicate(self, span_id: bytes) -> bytes:
        """Attributes to append to a span that is not charged, because another one is."""
        return _string("spancost.duplicate_of", span_id.hex())


def _by_unit(items: Sequence[LineItem]) -> tuple[int, ...]:
    amounts: dict[str, int] = {}
    for rate, _, amount in items:
        amounts[rate.unit] = amounts.get(rate.unit, 0) + amount
    return tuple(amounts.values())


def _template(
    status: str,
    reason: str | None,
    book: str,
    no_total: bool,
    not_computed: bool,
    rates: tuple[Rate, ...],
) -> tuple[bytes, bool]:
    """Everything but the amounts, with a gap for each: the total, the computed total, the parts by unit.

    And whether no two rates are of the same unit.
    """
    units = [rate.unit for rate in rates]
    texts = {
        "spancost.cost.status": status,
        "spancost.cost.reason": reason,
        "spancost.price.book": book,
        "spancost.price.id": _distinct([rate.price_id for rate in rates]),
        "spancost.price.source": _distinct([rate.source for rate in rates]),
    }
    provenance = b"".join(_string(name, text) for name, text in texts.items() if text is not None)
    names = [] if no_total else ["spancost.cost.usd"]
    names += [] if not_computed else ["spancost.cost.computed_usd"]
    names += [f"spancost.cost.{unit}_usd" for unit in dict.fromkeys(units)]
    amounts = b"".join(_double_prefix(name).replace(b"%", b"%%") + b"%b" for name in names)
    return provenance.replace(b"%", b"%%") + amounts, len(set(units)) == len(units)


def _distinct(names: Sequence[str]) -> str | None:
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
