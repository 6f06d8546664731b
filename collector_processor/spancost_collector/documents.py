"""The small JSON documents in a ledger's row, written by hand because this is once per call, and read with `json`.

Every key is a name of our own and every value a number, so there is nothing to escape.
"""

from __future__ import annotations

import json
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spancost_pricing import Unit

_COUNTS: Final = tuple(name for name in Usage._fields if name not in {"units", "estimated"})
_read_counts: Final = attrgetter(*_COUNTS)


def number(quantity: Decimal | int) -> int | float:
    """A quantity as SQLite and JSON know numbers; only units such as seconds are ever not whole."""
    if isinstance(quantity, int):
        return quantity
    whole = int(quantity)
    return whole if whole == quantity else float(quantity)


def write_quantities(quantities: Mapping[Any, Decimal | int]) -> str:
    """Class or unit -> quantity."""
    return "{" + ",".join([f'"{unit}":{number(quantity)}' for unit, quantity in quantities.items()]) + "}"


def read_quantities(document: str) -> dict[str, Decimal | int]:
    """What `write_quantities` wrote."""
    return {
        unit: quantity if isinstance(quantity, int) else Decimal(repr(quantity))
        for unit, quantity in json.loads(document).items()
    }


def write_parts(parts: Iterable[tuple[int, Decimal | int, int]]) -> str:
    """(id of the rate, quantity, pico-USD) of everything that was charged."""
    return "[" + ",".join([f"[{rate_id},{number(quantity)},{pico}]" for rate_id, quantity, pico in parts]) + "]"


def write_usage(usage: Usage) -> str:
    """Everything that was reported; what was not is left out."""
    found = [f'"{name}":{count}' for name, count in zip(_COUNTS, _read_counts(usage), strict=True) if count is not None]
    if usage.units:
        found.append('"units":{' + ",".join([f'"{unit}":"{number}"' for unit, number in usage.units.items()]) + "}")
    if usage.estimated:
        found.append('"estimated":true')
    return "{" + ",".join(found) + "}"


def read_usage(document: str) -> Usage:
    """What `write_usage` wrote."""
    found: dict[str, Any] = json.loads(document)
    units: dict[Unit, Decimal | int] = {
        unit: int(text) if text.isdigit() else Decimal(text) for unit, text in found.pop("units", {}).items()
    }
    return Usage(**found, units=units)
