"""`spancost estimate`: what a call will cost before it is made, at least, probably and at most."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spancost_collector.cli.book import book_of
from spancost_collector.cli.figures import exact
from spancost_collector.cli.options import AsJson, At, Config, Prices, at_ns
from spancost_collector.cli.printing import console, draw, say, table
from spancost_pricing import ConfigError, Route
from spancost_pricing.errors import unreadable
from spancost_pricing.estimate import Estimator

if TYPE_CHECKING:
    from spancost_pricing import Charge
    from spancost_pricing.estimate import Estimate


class CacheChoice(StrEnum):
    """What the prompt cache may do at worst."""

    AUTO = "auto"
    OFF = "off"
    SHORT = "5m"
    LONG = "1h"


def estimate(
    file: Annotated[
        str, typer.Argument(help="The prompt: a text, or JSON with messages or a whole request body; - is standard in.")
    ] = "-",
    provider: Annotated[str | None, typer.Option(help="Who bills: openai, anthropic, google, aws, azure, …")] = None,
    model: Annotated[str | None, typer.Option(help="The model; where it is not given, the one in the body.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="The limit of one answer; else the one in the body, else unbounded.")
    ] = None,
    choices: Annotated[int | None, typer.Option(help="Answers asked for; else as in the body, else one.")] = None,
    expected_tokens: Annotated[int | None, typer.Option(help="How long one answer usually is.")] = None,
    max_searches: Annotated[int | None, typer.Option(help="How often a tool with a fee runs at most.")] = None,
    max_tool_tokens: Annotated[
        int | None, typer.Option(help="What the provider's own tools add to the input at most.")
    ] = None,
    cache: Annotated[
        CacheChoice, typer.Option(help="What the prompt cache may do at worst; auto: what the request asks for.")
    ] = CacheChoice.AUTO,
    tier: Annotated[str | None, typer.Option(help="Service tier: batch, flex, …; else as in the body.")] = None,
    region: Annotated[str | None, typer.Option(help="Region, location or inference geography.")] = None,
    deployment: Annotated[str | None, typer.Option(help="Azure deployment type, e.g. DataZoneStandard.")] = None,
    speed: Annotated[str | None, typer.Option(help="fast, where that is sold.")] = None,
    at: At = None,
    prices: Prices = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """What a call will cost: lower, expected and upper bound, and what they rest on. Nothing is sent anywhere."""
    if provider is None:
        raise ConfigError("--provider: who bills is not in the prompt; give it, e.g. --provider openai")
    ended_ns = at_ns(at)
    prompt = _prompt(file)
    named = prompt.get("model") if isinstance(prompt, dict) else None
    model = model or (named if isinstance(named, str) else None)
    if model is None:
        raise ConfigError("--model: neither given nor in the request body; e.g. --model gpt-5")
    found = Estimator(book_of(config, prices)).estimate(
        Route(provider, model, tier, region, deployment, speed),
        prompt,
        at_ns=ended_ns,
        max_output_tokens=max_tokens,
        choices=choices,
        expected_output_tokens=expected_tokens,
        max_searches=max_searches,
        max_tool_input_tokens=max_tool_tokens,
        cache=cache.value,
    )
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=2))
    else:
        _print(found)


def _prompt(file: str) -> str | list[object] | dict[str, object]:
    """Messages or a request body if the text is JSON and shaped like it, else the text itself."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(unreadable(file, error)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not text in UTF-8: {error.reason} at byte {error.start}") from None
    text = text.removeprefix("\ufeff")  # a byte order mark is no part of a prompt, and nothing that JSON begins with
    if not text.strip():
        raise ConfigError(f"{'standard in' if file == '-' else file}: is empty; expected a prompt")
    if text.lstrip()[0] not in "[{":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if file.endswith(".json"):
            raise ConfigError(f"{file}: is not JSON: {error}") from None
        return text


def _as_json(found: Estimate) -> dict[str, object]:
    return {
        "provider": found.route.provider,
        "model": found.route.model,
        "unbounded": found.unbounded,
        "unbounded_because": list(found.open_ended),
        "lower": _figures(found.input.lower, 0, found.lower),
        "expected": _figures(found.input.expected, found.output.expected, found.expected),
        "upper": _figures(found.input.upper, found.output.upper, found.upper),
        "tokenizer": found.family,
        "exact": found.exact,
        "assumptions": list(found.assumptions),
        "book": found.lower.book,
    }


def _figures(input_tokens: int, output_tokens: int | None, charge: Charge | None) -> dict[str, object]:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cost_usd": None if charge is None or charge.usd is None else exact(charge.usd),
    }


def _print(found: Estimate) -> None:
    figures = ("input tokens", "output tokens", "cost USD")
    made = table("", *figures, right=figures)
    for name, input_tokens, output_tokens, charge in (
        ("lower", found.input.lower, 0, found.lower),
        ("expected", found.input.expected, found.output.expected, found.expected),
        ("upper", found.input.upper, found.output.upper, found.upper),
    ):
        absent = "unbounded" if name == "upper" else "unknown"
        made.add_row(
            name,
            f"{input_tokens:,}",
            absent if output_tokens is None else f"{output_tokens:,}",
            absent if charge is None or charge.usd is None else exact(charge.usd),
        )
    to = console()
    draw(to, made)
    say(to, *(f"unbounded: {reason}" for reason in found.open_ended))
    say(to, *(f"assumed: {assumption}" for assumption in found.assumptions))
    say(to, f"price book {found.lower.book}")
