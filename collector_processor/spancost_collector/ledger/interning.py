"""Small numbers for what many rows of the ledger share: a series' dimensions, a kind's names, a rate's source."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from spancost_collector.call import Series

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from spancost_collector.call import ModelCall
    from spancost_pricing import LineItem, Rate

_MAX_KEPT: Final = 50_000

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "series": Series._fields,
    "kinds": (
        "series_id",
        "operation",
        "request_model",
        "response_model",
        "service_tier",
        "region",
        "deployment",
        "speed",
        "dialect",
        "emitter",
        "assumed",
        "role",
        "outcome",
    ),
    "rates": ("unit", "rate_pico", "price_id", "valid_from", "layer", "source", "multipliers"),
}


class Kind(NamedTuple):
    """What the rows of many calls have in common."""

    id: int
    series_id: int


class Interned:
    """Hands out ids inside the caller's transaction, and remembers the recent ones."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._series: dict[Series, int] = {}
        self._kinds: dict[tuple[object, ...], Kind] = {}
        self._named: dict[int, Series] = {}
        self._templates: dict[tuple[Rate, ...], str] = {}
        self._units: dict[int, str] = {}

    def series(self, series: Series) -> int:
        """The id of a series."""
        found = self._series.get(series)
        if found is None:
            found = self._find("series", series)
            if len(self._series) >= _MAX_KEPT:
                self._series.clear()
            self._series[series] = found
        return found

    def kind(self, call: ModelCall, series: Series) -> Kind:
        """What a call of a series shares with others: who pays, for what, and how it was made and told."""
        route = call.route
        asked = (call.operation, call.request_model, call.response_model)
        told = (call.dialect, call.emitter, call.assumed, call.role, call.outcome)
        key = (series, route, asked, told)
        found = self._kinds.get(key)
        if found is None:
            series_id = self.series(series)
            texts = (*asked, *route[2:], *told)
            found = Kind(self._find("kinds", (series_id, *(text or "" for text in texts))), series_id)
            if len(self._kinds) >= _MAX_KEPT:
                self._kinds.clear()
            self._kinds[key] = found
        return found

    def named(self, series_id: int) -> Series:
        """The series with this id."""
        found = self._named.get(series_id)
        if found is None:
            query = f"SELECT {', '.join(Series._fields)} FROM series WHERE id = ?"
            found = Series(*self._connection.execute(query, (series_id,)).fetchone())
            if len(self._named) >= _MAX_KEPT:
                self._named.clear()
            self._named[series_id] = found
        return found

    def unit(self, rate_id: int) -> str:
        """What the rate with this id is a rate of."""
        found = self._units.get(rate_id)
        if found is None:
            (found,) = self._connection.execute("SELECT unit FROM rates WHERE id = ?", (rate_id,)).fetchone()
            if len(self._units) >= _MAX_KEPT:
                self._units.clear()
            self._units[rate_id] = found
        return found

    def parts(self, items: Sequence[LineItem]) -> str:
        """What was charged as the ledger keeps it: a JSON array of [id of the rate, quantity, pico-USD]."""
        if not items:
            return "[]"
        rates, quantities, amounts = zip(*items, strict=True)
        template = self._templates.get(rates)
        if template is None:
            template = "[" + ",".join([f"[{self._rate(rate)},%s,%s]" for rate in rates]) + "]"
            if len(self._templates) >= _MAX_KEPT:
                self._templates.clear()
            self._templates[rates] = template
        return template % tuple(chain.from_iterable(zip(quantities, amounts, strict=True)))

    def forget(self) -> None:
        """Drop what is remembered: ids handed out inside a transaction that was rolled back do not exist."""
        for remembered in (self._series, self._kinds, self._named, self._templates, self._units):
            remembered.clear()

    def _rate(self, rate: Rate) -> int:
        """The id of a rate with everything that explains it."""
        pico = "" if rate.pico is None else str(rate.pico)
        valid_from = "" if rate.valid_from is None else rate.valid_from.isoformat()
        multipliers = json.dumps(rate.multipliers)
        return self._find("rates", (rate.unit, pico, rate.price_id, valid_from, rate.layer, rate.source, multipliers))

    def _find(self, table: str, values: tuple[str | int, ...]) -> int:
        columns = _COLUMNS[table]
        where = " AND ".join(f"{column} = ?" for column in columns)
        row = self._connection.execute(f"SELECT id FROM {table} WHERE {where}", values).fetchone()
        if row is not None:
            return int(row[0])
        marks = ",".join("?" * len(columns))
        inserted = self._connection.execute(f"INSERT INTO {table} VALUES (NULL,{marks})", values).lastrowid
        return cast("int", inserted)
