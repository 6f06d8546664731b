"""`spancost price --csv`: every row of a file of calls is priced by itself, so one bad row costs the others nothing."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spancost_collector.cli.figures import exact
from spancost_collector.cli.moments import nanoseconds
from spancost_collector.cli.printing import spelled
from spancost_pricing import ConfigError, Route, Usage
from spancost_pricing.errors import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from spancost_pricing import Book, Unit

_UNIT_COLUMNS: Final[Mapping[str, Unit]] = {
    "web_searches": "web_search",
    "web_fetches": "web_fetch",
    "images": "image",
    "audio_seconds": "second",
    "characters": "character",
    "requests": "request",
}
_TOKEN_COLUMNS: Final = (
    "input_tokens",
    "cache_read_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_audio_tokens",
    "cache_read_image_tokens",
    "output_tokens",
    "reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
_REQUIRED_COLUMNS: Final = ("provider", "model")
_KNOWN_COLUMNS: Final = (
    *_REQUIRED_COLUMNS,
    "service_tier",
    "region",
    "deployment",
    "speed",
    *_TOKEN_COLUMNS,
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    *_UNIT_COLUMNS,
    "ended_at",
)
_ALIKE: Final = 0.85
"""How much a column's name is like a known one that is not there before it is taken for a slip."""
_OURS: Final = "spancost_"
"""Before the name of a column of ours where the file has one of that name, which ours is to be compared with."""
_MOST_ZEROS: Final = 30
"""Before or behind the decimal point; a larger exponent is a slip, and would take minutes and gigabytes to multiply."""
_BEYOND: Final = "\0beyond"
"""What the reader calls cells for which there is no column."""


class Priced(NamedTuple):
    """How many rows there were."""

    rows: int
    refused: int
    """Those whose usage cannot be, or cannot be read; each was named on standard error."""


def price_calls(path: Path, book: Book, now_ns: int) -> Priced:
    """Print the file with its cost added; a row that does not say when its call ended is priced at `now_ns`.

    Raises:
        ConfigError: the file cannot be read, lacks a column that every call needs, names one twice, or leaves no name
            for ours.
    """
    columns, rows = _read(path)
    for column, meant in _slips(columns):
        sys.stderr.write(f"{path}: column {column!r} is not read; did you mean {meant}?\n")
    status, cost = (_added(name, columns, path) for name in ("status", "cost_usd"))
    spelled(encoding="utf-8")  # as the file is, whatever the terminal's is
    writer = csv.DictWriter(sys.stdout, [*columns, status, cost], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    refused = 0
    for line, row in rows:
        problem: str | None
        try:
            charge = book.charge(_route(row), usage_of(row), _ended(row.get("ended_at"), now_ns))
        except ValueError as error:
            problem = str(error)
            row |= {status: "invalid_usage", cost: ""}
        else:
            problem = (charge.detail or "invalid usage") if charge.status == "invalid_usage" else None
            row |= {status: charge.status, cost: "" if charge.usd is None else exact(charge.usd)}
        if problem is not None:
            refused += 1
            sys.stderr.write(f"{path}:{line}: {problem}\n")
        writer.writerow(row)
    return Priced(len(rows), refused)


def usage_of(row: Mapping[str, str]) -> Usage:
    """The usage of a row whose totals include their parts; an empty cell was not reported.

    Raises:
        ValueError: a cell is not a number, or a fraction of a token.
    """
    counts: dict[str, Any] = {name: _whole(name, row.get(name)) for name in _TOKEN_COLUMNS}
    short, long = (_whole(name, row.get(name)) for name in ("cache_write_5m_tokens", "cache_write_1h_tokens"))
    written = [count for count in (short, long) if count is not None]
    units: dict[Unit, Decimal | int] = {}
    for column, unit in _UNIT_COLUMNS.items():
        if (quantity := _number(column, row.get(column))) is not None:
            units[unit] = quantity
    return Usage(
        **counts,
        cache_write_tokens=sum(written) if written else None,
        cache_write_1h_tokens=long,
        units=units,
    )


def _read(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The columns, and each row with the line on which it ends."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey=_BEYOND)
            columns = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise ConfigError(unreadable(f"--csv {path}", error)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"--csv {path}: is not CSV in UTF-8: {error}") from None
    if missing := [name for name in _REQUIRED_COLUMNS if name not in columns]:
        raise ConfigError(f"--csv {path}: no column {', '.join(missing)}; the first line must name the columns")
    if twice := [name for name, count in Counter(columns).items() if name and count > 1]:
        raise ConfigError(f"--csv {path}: two columns {', '.join(map(repr, twice))}; name each column once")
    return columns, rows


def _slips(columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Columns that are none of ours and nearly are, each with the one that it is like."""
    missing = [name for name in _KNOWN_COLUMNS if name not in columns]
    for column in columns:
        if column not in _KNOWN_COLUMNS and (like := get_close_matches(column.strip().lower(), missing, 1, _ALIKE)):
            yield column, like[0]


def _added(name: str, columns: list[str], path: Path) -> str:
    """What the column that we add is called: `name`, unless the file has that."""
    if name not in columns:
        return name
    ours = _OURS + name
    if ours in columns:
        raise ConfigError(
            f"--csv {path}: has columns {name} and {ours}, and keeps both; rename one, for ours needs a name"
        )
    return ours


def _route(row: Mapping[str, str]) -> Route:
    def cell(name: str) -> str | None:
        return row.get(name) or None

    if _BEYOND in row:
        raise ValueError("has more cells than the first line has columns; put cells with commas in quotes")
    provider, model = (cell(name) for name in _REQUIRED_COLUMNS)
    if provider is None or model is None:
        raise ValueError("provider and model are needed in every row")
    return Route(provider, model, cell("service_tier"), cell("region"), cell("deployment"), cell("speed"))


def _whole(name: str, text: str | None) -> int | None:
    number = _number(name, text)
    if number is not None and not isinstance(number, int):
        raise ValueError(f"{name}: got {text!r}; expected a whole number of tokens")
    return number


def _number(name: str, text: str | None) -> Decimal | int | None:
    if text is None or not text.strip():
        return None
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{name}: got {text!r}; expected a number") from None
    if not value.is_finite() or abs(value.adjusted()) > _MOST_ZEROS:
        raise ValueError(f"{name}: got {text!r}; expected a number that a call can use")
    return int(value) if value == value.to_integral_value() else value


def _ended(text: str | None, now_ns: int) -> int:
    if text is None or not text.strip():
        return now_ns
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"ended_at: got {text!r}; expected an ISO 8601 time, e.g. 2026-11-20T12:00:00Z") from None
    return nanoseconds(found if found.tzinfo else found.replace(tzinfo=UTC))
