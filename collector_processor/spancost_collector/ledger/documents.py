"""The small JSON documents in a ledger's row, written by hand because this is once per call, and read with `json`.

Every key is a name of our own and every value a number, so there is nothing to escape. Whole calls, which are kept as
documents only where several spans describe one call, are left to `json`.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spancost_collector.call import Attribution, ModelCall, Reported, Resource
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_pricing import Unit


def number(quantity: Decimal | int) -> int | float:
    """A quantity as SQLite and JSON know numbers; only units such as seconds are ever not whole."""
    if isinstance(quantity, int):
        return quantity
    whole = int(quantity)
    return whole if whole == quantity else float(quantity)


def write_quantities(quantities: Mapping[Any, Decimal | int]) -> str:
    """Class or unit -> quantity."""
    return _object(tuple(quantities)) % tuple(quantities.values())


def read_quantities(document: str) -> dict[str, Decimal | int]:
    """What `write_quantities` wrote."""
    return {
        unit: quantity if isinstance(quantity, int) else Decimal(repr(quantity))
        for unit, quantity in json.loads(document).items()
    }


def write_units(units: Mapping[Unit, Decimal | int]) -> str | None:
    """Unit -> quantity, exactly; None for none."""
    return json.dumps({unit: str(quantity) for unit, quantity in units.items()}) if units else None


def read_units(document: str | None) -> dict[Unit, Decimal | int]:
    """What `write_units` wrote."""
    return {} if document is None else _units(json.loads(document))


@lru_cache(maxsize=1024)
def _object(names: tuple[str, ...]) -> str:
    """An object with a gap for the number of each name; the same few sets of names come again and again."""
    return "{" + ",".join(f'"{name}":%s' for name in names) + "}"


def _units(found: Mapping[Unit, str]) -> dict[Unit, Decimal | int]:
    return {unit: int(text) if text.isdigit() else Decimal(text) for unit, text in found.items()}


def write_call(call: ModelCall) -> str:
    """A call as one span describes it; ids in hexadecimal, what is not known left out."""
    found = call._asdict()
    if call.usage is not None:
        units = {unit: str(quantity) for unit, quantity in call.usage.units.items()}
        said = {name: value for name, value in call.usage._asdict().items() if value is not None}
        found["usage"] = {**said, "units": units}
    for name in ("trace_id", "span_id", "parent_id", "duplicate_of"):
        found[name] = found[name].hex()
    return json.dumps({name: value for name, value in found.items() if value is not None}, separators=(",", ":"))


def read_call(document: str) -> ModelCall:
    """What `write_call` wrote."""
    found: dict[str, Any] = {**dict.fromkeys(ModelCall._fields), **json.loads(document)}
    for name in ("trace_id", "span_id", "parent_id", "duplicate_of"):
        found[name] = bytes.fromhex(found[name])
    found["route"] = Route(*found["route"])
    usage: dict[str, Any] | None = found["usage"]
    if usage is not None:
        usage["units"] = _units(usage["units"])
        found["usage"] = Usage(**usage)
    attribution = Attribution(*found["attribution"])
    found["attribution"] = attribution._replace(tags=tuple(attribution.tags))
    found["resource"] = Resource(*found["resource"])
    for name in ("reported", "quoted"):
        found[name] = None if found[name] is None else Reported(*found[name])
    return ModelCall(**found)
