"""`spancost prices list`: every model that any layer knows, with its main rates and who decides them."""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.progress import track

from spancost_collector.cli.book import book_of
from spancost_collector.cli.figures import listed
from spancost_collector.cli.options import AsJson, At, Config, Prices, at_ns
from spancost_collector.cli.prices.wording import iso, provenance
from spancost_collector.cli.printing import console, draw, say, table
from spancost_pricing import Book, ConfigError, Rate, Route
from spancost_pricing.catalogue import known_models
from spancost_pricing.identity import provider_ids, provider_of
from spancost_pricing.plan import Refusal
from spancost_pricing.rates import FEE_ITEMS, ITEMS, LISTED_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spancost_pricing.catalogue import Known
    from spancost_pricing.plan import Card, Line
    from spancost_pricing.rates import Item

_SHOWN: Final[tuple[Item, ...]] = ("input", "cache_read", "output")


def list_prices(
    provider: Annotated[str | None, typer.Option(help="Only this provider's.")] = None,
    model: Annotated[str | None, typer.Option(help="Only models that fit, e.g. 'gpt-5*'.")] = None,
    at: At = None,
    prices: Prices = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Every known model with its rates on standard terms; what is unpriced or free says so."""
    ns = at_ns(at)
    book = book_of(config, prices)
    found = _chosen(book, provider, model)
    busy = Console(stderr=True)
    cards = [
        (known, book.rates(Route(known.provider, known.name), ns))
        for known in track(found, "prices", console=busy, transient=True, disable=not sys.stderr.isatty())
    ]
    if as_json:
        document = {
            "at": iso(ns),
            "book": book.version,
            "price_data": book.snapshot.version,
            "models": [_as_json(known, card) for known, card in cards],
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        _print(cards, book)


def _chosen(book: Book, provider: str | None, model: str | None) -> tuple[Known, ...]:
    found = known_models(book)
    if provider is not None:
        listed_providers = frozenset(known.provider for known in found)
        wanted = provider_of(provider, provider_ids(listed_providers))
        if wanted not in listed_providers:
            raise ConfigError(f'--provider: got "{provider}"; expected one of {", ".join(sorted(listed_providers))}')
        found = tuple(known for known in found if known.provider == wanted)
    if model is not None:
        pattern = model.lower()
        found = tuple(
            known for known in found if fnmatchcase(known.model.lower(), pattern) or fnmatchcase(known.name, pattern)
        )
        if not found:
            raise ConfigError(f'--model: no known model fits "{model}"; * stands for any characters, e.g. "*{model}*"')
    return found


def _as_json(known: Known, card: Card | Refusal) -> dict[str, object]:
    head: dict[str, object] = {"provider": known.provider, "model": known.model}
    if isinstance(card, Refusal):
        return {**head, "status": "unpriced", "reason": card.reason, "detail": card.detail}
    return {
        **head,
        "status": "free" if card.free else "priced",
        "rates_usd": _rates(card.columns[0]),
        "above_input_tokens": [
            {"tokens": tokens, "rates_usd": _rates(column)}
            for tokens, column in zip(card.above, card.columns[1:], strict=True)
        ],
        "since": max((rate.valid_from.isoformat() for rate in _rates_of(card) if rate.valid_from), default=None),
        "layers": {LISTED_KEYS[item]: line.rate.layer for item, line in card.columns[0].items()},
    }


def _rates(column: Mapping[Item, Line]) -> dict[str, str]:
    return {LISTED_KEYS[item]: listed(item, column[item].pico) for item in ITEMS if item in column}


def _rates_of(card: Card) -> Iterable[Rate]:
    return (line.rate for line in card.columns[0].values())


def _print(cards: list[tuple[Known, Card | Refusal]], book: Book) -> None:
    to = console()
    made = table(
        "provider",
        "model",
        "input/M",
        "cache read/M",
        "output/M",
        "other",
        "since",
        "layer",
        right=("input/M", "cache read/M", "output/M"),
    )
    unpriced = free = 0
    for known, card in cards:
        if isinstance(card, Refusal):
            unpriced += 1
            made.add_row(known.provider, known.model, *("unpriced",) * 3, card.reason, "", "")
            continue
        free += card.free
        column = card.columns[0]
        fees = [f"{LISTED_KEYS[i]} {listed(i, column[i].pico)}" for i in ITEMS if i in FEE_ITEMS and i in column]
        steps = [f"dearer above {tokens:,} input tokens" for tokens in card.above[:1]]
        began = [rate.valid_from for rate in _rates_of(card) if rate.valid_from is not None]
        made.add_row(
            known.provider,
            known.model,
            *("free" if card.free else _cell(column, item) for item in _SHOWN),
            ", ".join((*fees, *steps)),
            f"{max(began):%Y-%m-%d}" if began else "always",
            ", ".join(dict.fromkeys(rate.layer for rate in _rates_of(card))),
        )
    draw(to, made)
    summary = f"{len(cards):,} models: {len(cards) - unpriced - free:,} priced, {free:,} free, {unpriced:,} unpriced"
    say(to, summary, provenance(book))


def _cell(column: Mapping[Item, Line], item: Item) -> str:
    return listed(item, column[item].pico) if item in column else "-"
