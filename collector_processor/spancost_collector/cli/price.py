"""`spancost price`: what one call costs and why, line by line; or a whole CSV of calls."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from spancost_collector.cli.figures import exact
from spancost_collector.cli.moments import nanoseconds
from spancost_collector.cli.options import AsJson, Prices
from spancost_collector.price_data import load_current_book
from spancost_pricing import ConfigError, Route, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spancost_pricing import Book, Charge, Unit

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
_REQUIRED_COLUMNS: Final = ("provider", "model", "ended_at")


def price(
    provider: Annotated[str | None, typer.Option(help="Who bills: openai, anthropic, google, aws, azure, …")] = None,
    model: Annotated[str | None, typer.Option(help="The model that served the call.")] = None,
    input_tokens: Annotated[int | None, typer.Option(help="All tokens in, cached and audio parts included.")] = None,
    cache_read_tokens: Annotated[int | None, typer.Option(help="Part of the input.")] = None,
    cache_write_5m_tokens: Annotated[
        int | None, typer.Option(help="Part of the input, kept for the default time.")
    ] = None,
    cache_write_1h_tokens: Annotated[int | None, typer.Option(help="Part of the input, kept for an hour.")] = None,
    input_audio_tokens: Annotated[int | None, typer.Option(help="Part of the input.")] = None,
    input_image_tokens: Annotated[int | None, typer.Option(help="Part of the input.")] = None,
    output_tokens: Annotated[int | None, typer.Option(help="All tokens out, reasoning included.")] = None,
    reasoning_tokens: Annotated[int | None, typer.Option(help="Part of the output.")] = None,
    output_audio_tokens: Annotated[int | None, typer.Option(help="Part of the output.")] = None,
    output_image_tokens: Annotated[int | None, typer.Option(help="Part of the output.")] = None,
    web_searches: Annotated[int | None, typer.Option(help="Searches that ran.")] = None,
    web_fetches: Annotated[int | None, typer.Option(help="Fetches that ran.")] = None,
    images: Annotated[int | None, typer.Option(help="Images made.")] = None,
    audio_seconds: Annotated[str | None, typer.Option(help="Seconds of audio; may have a fraction.")] = None,
    characters: Annotated[int | None, typer.Option(help="Characters read out.")] = None,
    requests: Annotated[int | None, typer.Option(help="Requests, where they are billed one by one.")] = None,
    service_tier: Annotated[str | None, typer.Option(help="Served tier: batch, flex, priority, …")] = None,
    region: Annotated[str | None, typer.Option(help="Region, location or inference geography.")] = None,
    deployment: Annotated[str | None, typer.Option(help="Azure deployment type, e.g. DataZoneStandard.")] = None,
    speed: Annotated[str | None, typer.Option(help="fast, where that is sold.")] = None,
    at: Annotated[str | None, typer.Option(help="When the call ended, ISO 8601; now by default.")] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", help="Price every row of FILE, and print it with status and cost_usd added."),
    ] = None,
    prices: Prices = None,
    as_json: AsJson = False,
) -> None:
    """What a call costs: each line with its rate, since when, from which layer and source."""
    if csv_file is not None:
        _price_file(csv_file, load_current_book(prices))
        return
    if provider is None or model is None:
        raise ConfigError("--provider and --model are needed, e.g. --provider openai --model gpt-5 (or --csv FILE)")
    cells = {
        "input_tokens": input_tokens,
        "cache_read_tokens": cache_read_tokens,
        "cache_write_5m_tokens": cache_write_5m_tokens,
        "cache_write_1h_tokens": cache_write_1h_tokens,
        "input_audio_tokens": input_audio_tokens,
        "input_image_tokens": input_image_tokens,
        "output_tokens": output_tokens,
        "reasoning_tokens": reasoning_tokens,
        "output_audio_tokens": output_audio_tokens,
        "output_image_tokens": output_image_tokens,
        "web_searches": web_searches,
        "web_fetches": web_fetches,
        "images": images,
        "audio_seconds": audio_seconds,
        "characters": characters,
        "requests": requests,
        "ended_at": at or datetime.now(UTC).isoformat(),
    }
    row = {name: "" if value is None else str(value) for name, value in cells.items()}
    try:
        usage, ended_ns = _usage(row), _ended(row["ended_at"])
    except ValueError as error:
        raise ConfigError(str(error)) from None
    route = Route(provider, model, service_tier, region, deployment, speed)
    charge = load_current_book(prices).charge(route, usage, ended_ns)
    if as_json:
        typer.echo(json.dumps(_as_json(charge), indent=2))
    else:
        _explain(charge)


def _price_file(path: Path, book: Book) -> None:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            rows = list(reader)
    except OSError as error:
        raise ConfigError(f"--csv {path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"--csv {path}: is not CSV in UTF-8: {error}") from None
    if missing := [name for name in _REQUIRED_COLUMNS if name not in columns]:
        raise ConfigError(f"--csv {path}: no column {', '.join(missing)}; the first line must name the columns")
    added = [name for name in ("status", "cost_usd") if name not in columns]
    writer = csv.DictWriter(sys.stdout, [*columns, *added], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        try:
            charge = book.charge(_route(row), _usage(row), _ended(row["ended_at"]))
        except ValueError as error:
            sys.stderr.write(f"{path}: {row.get('id') or 'a row'}: {error}\n")
            row.update(status="invalid_usage", cost_usd="")
        else:
            row.update(status=charge.status, cost_usd="" if charge.usd is None else exact(charge.usd))
        writer.writerow(row)


def _route(row: Mapping[str, str]) -> Route:
    def cell(name: str) -> str | None:
        return row.get(name) or None

    return Route(
        row["provider"],
        row["model"],
        cell("service_tier"),
        cell("region"),
        cell("deployment"),
        cell("speed"),
    )


def _usage(row: Mapping[str, str]) -> Usage:
    """The usage of a row whose totals include their parts; an empty cell was not reported."""
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
        whole = int(value) if value == value.to_integral_value() else None
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"{name}: got {text!r}; expected a number") from None
    return value if whole is None else whole


def _ended(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"ended_at: got {text!r}; expected an ISO 8601 time, e.g. 2026-11-20T12:00:00Z") from None
    return nanoseconds(found if found.tzinfo else found.replace(tzinfo=UTC))


def _as_json(charge: Charge) -> dict[str, object]:
    return {
        "status": charge.status,
        "reason": charge.reason,
        "detail": charge.detail,
        "cost_usd": None if charge.usd is None else exact(charge.usd),
        "lines": [
            {
                "unit": rate.unit,
                "quantity": str(quantity),
                "rate_usd": None if rate.pico is None else exact(rate.pico.scaleb(-12)),
                "cost_usd": exact(Decimal(amount_pico).scaleb(-12)),
                "price_id": rate.price_id,
                "valid_from": rate.valid_from.isoformat() if rate.valid_from else None,
                "layer": rate.layer,
                "source": rate.source,
                "multipliers": list(rate.multipliers),
            }
            for rate, quantity, amount_pico in charge.items
        ],
        "assumptions": list(charge.assumptions),
        "book": charge.book,
    }


def _explain(charge: Charge) -> None:
    console = Console(width=None if sys.stdout.isatty() else 240)
    if charge.items:
        table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
        total = "" if charge.usd is None else exact(charge.usd)
        for heading, footer, right in (
            ("unit", "total", False),
            ("quantity", "", True),
            ("USD per million", "", True),
            ("cost USD", total, True),
            ("since", "", False),
            ("layer", "", False),
            ("price", "", False),
            ("source", "", False),
        ):
            table.add_column(heading, footer, justify="right" if right else "left", no_wrap=right)
        for rate, quantity, amount_pico in charge.items:
            table.add_row(
                rate.unit,
                f"{quantity:,}",
                "-" if rate.pico is None else exact(rate.pico.scaleb(-6)),
                exact(Decimal(amount_pico).scaleb(-12)),
                rate.valid_from.strftime("%Y-%m-%d %H:%MZ") if rate.valid_from else "always",
                rate.layer,
                ", ".join((rate.price_id, *rate.multipliers)),
                rate.source,
            )
        console.print(table)
    lines: Iterable[str] = (
        f"status {charge.status}" + (f": {charge.reason} ({charge.detail})" if charge.reason else ""),
        *(f"assumed: {assumption}" for assumption in charge.assumptions),
        f"price book {charge.book}",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False)
