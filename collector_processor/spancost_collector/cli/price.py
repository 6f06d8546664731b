"""`spancost price`: what one call costs and why, line by line; or a whole CSV of calls."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spancost_collector.cli.book import book_of
from spancost_collector.cli.calls_file import price_calls, usage_of
from spancost_collector.cli.figures import exact
from spancost_collector.cli.options import AsJson, At, Config, Prices, at_ns
from spancost_collector.cli.printing import console, draw, say, table
from spancost_pricing import ConfigError, Route

if TYPE_CHECKING:
    from spancost_pricing import Book, Charge


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
    at: At = None,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="Price every row of FILE, and print it with status and cost_usd added. Its columns are provider and"
            " model; ended_at, an ISO 8601 time, else --at holds; and any of the options above under their names with"
            " _ for -, e.g. input_tokens or service_tier. Other columns are kept; where the file has a status or a"
            " cost_usd of its own, ours is spancost_status or spancost_cost_usd.",
        ),
    ] = None,
    prices: Prices = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """What a call costs: each line with its rate, since when, from which layer and source.

    Exit status 1 says that usage cannot be, e.g. a count below zero or a part larger than its whole. A model without
    a price is an answer: status 0, and it says unpriced.
    """
    terms = {
        "provider": provider,
        "model": model,
        "service_tier": service_tier,
        "region": region,
        "deployment": deployment,
        "speed": speed,
    }
    counts = {
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
    }
    ended_ns = at_ns(at)
    if csv_file is not None:
        given = [name for name, value in {**terms, **counts, "json": as_json or None}.items() if value is not None]
        _nothing_beside_csv(given)
        _price_file(csv_file, book_of(config, prices), ended_ns)
        return
    if provider is None or model is None:
        raise ConfigError("--provider and --model are needed, e.g. --provider openai --model gpt-5 (or --csv FILE)")
    try:
        usage = usage_of({name: str(value) for name, value in counts.items() if value is not None})
    except ValueError as error:
        raise ConfigError(str(error)) from None
    route = Route(provider, model, service_tier, region, deployment, speed)
    charge = book_of(config, prices).charge(route, usage, ended_ns)
    if as_json:
        typer.echo(json.dumps(_as_json(charge), indent=2))
    else:
        _explain(charge)
    if charge.status == "invalid_usage":
        raise typer.Exit(1)


def _nothing_beside_csv(given: list[str]) -> None:
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ConfigError(f"{options}: not beside --csv, which takes calls from its columns and prints CSV")


def _price_file(path: Path, book: Book, ended_ns: int) -> None:
    priced = price_calls(path, book, ended_ns)
    if priced.refused:
        typer.echo(f"spancost: {priced.refused} of {priced.rows} rows could not be priced, each named above", err=True)
        raise typer.Exit(1)


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
    to = console()
    if charge.items:
        made = table(
            "unit",
            "quantity",
            "USD per million",
            "cost USD",
            "since",
            "layer",
            "price",
            "source",
            right=("quantity", "USD per million", "cost USD"),
            totals={"unit": "total", "cost USD": "" if charge.usd is None else exact(charge.usd)},
        )
        for rate, quantity, amount_pico in charge.items:
            made.add_row(
                rate.unit,
                f"{quantity:,}",
                "-" if rate.pico is None else exact(rate.pico.scaleb(-6)),
                exact(Decimal(amount_pico).scaleb(-12)),
                rate.valid_from.strftime("%Y-%m-%d %H:%MZ") if rate.valid_from else "always",
                rate.layer,
                ", ".join((rate.price_id, *rate.multipliers)),
                rate.source,
            )
        draw(to, made)
    elif charge.usd is not None:
        say(to, f"cost {exact(charge.usd)} USD")
    say(to, f"status {charge.status}" + (f": {charge.reason} ({charge.detail})" if charge.reason else ""))
    say(to, *(f"assumed: {assumption}" for assumption in charge.assumptions))
    say(to, f"price book {charge.book}")
