"""`spancost prices check`: a price file before it is used, or our own layers against each other."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from spancost_collector.cli.figures import listed, percent
from spancost_collector.cli.options import AsJson, At, at_ns
from spancost_collector.cli.prices.wording import iso, provenance, shown
from spancost_collector.cli.printing import console, draw, say, table
from spancost_collector.price_data import load_current_book
from spancost_pricing import Book, Route
from spancost_pricing.catalogue import known_models, name_of
from spancost_pricing.disagreements import disagreements, rate_of
from spancost_pricing.entries import on
from spancost_pricing.plan import Refusal
from spancost_pricing.rates import LISTED_KEYS
from spancost_pricing.review import shadows, unknown_names, without_effect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_pricing.disagreements import Disagreement
    from spancost_pricing.review import Shadow


def check(
    file: Annotated[
        Path | None, typer.Argument(help="A price file to check; without one, our corrections against the price data.")
    ] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Check a price file and print what it resolves to; or print where two layers disagree, and which decides.

    A mistake in the file ends with exit status 2 and one line for each; what only looks odd is a warning.
    """
    ns = at_ns(at)
    if file is None:
        _check_layers(load_current_book(), ns, as_json=as_json)
    else:
        book = load_current_book(file)
        _check_file(file, book, Book(book.tariffs[1:], book.snapshot), ns, as_json=as_json)


def _check_file(file: Path, book: Book, below: Book, ns: int, *, as_json: bool) -> None:
    mine = book.tariffs[0]
    warnings = [
        *_far_off(shadows(mine, below, ns)),
        *unknown_names(mine, below),
        *without_effect(mine, book, ns),
    ]
    rates = list(_resolved(book, ns))
    if as_json:
        document = {"file": str(file), "at": iso(ns), "rates": rates, "warnings": warnings, "book": book.version}
        typer.echo(json.dumps(document, indent=2))
        return
    to = console()
    if rates:
        made = table("provider", "model", "on", "price", "USD", "layer", "source", right=("USD",))
        for rate in rates:
            made.add_row(
                rate["provider"],
                rate["model"],
                rate["terms"],
                rate["key"] or "unpriced",
                rate["usd"] or "",
                rate["layer"] or "",
                rate["source"],
            )
        draw(to, made)
    say(to, *(f"warning: {warning}" for warning in warnings))
    counts = Counter(rate["layer"] for rate in rates)
    decided = ", ".join(f"{count} from {layer}" for layer, count in counts.items() if layer)
    say(
        to,
        f"{file}: no mistakes, {len(warnings)} {'warning' if len(warnings) == 1 else 'warnings'};"
        f" {len(mine.entries)} prices, {len(mine.aliases)} aliases, {len(mine.multipliers)} factors,"
        f" {len(mine.free)} free; resolved rates: {decided or 'none'}",
    )


def _resolved(book: Book, ns: int) -> Iterator[dict[str, Any]]:
    """The rates of everything that the user's file names, whichever layer each comes from."""
    mine = book.tariffs[0]
    asked: dict[tuple[str, str, str, int], tuple[Route, str]] = {}
    for scope, entry in mine.entries:
        start = entry.validity.start_ns
        terms = " ".join(f"{term} {value}" for term, value in entry.when.items())
        for provider in sorted(scope.providers):
            for pattern in scope.models:
                key = (provider, pattern.replace("[[]", "["), terms, ns if start is None else max(start, ns))
                asked.setdefault(key, (on(Route(provider, name_of(pattern)), entry.when), entry.source))
    for alias in mine.aliases:
        for provider in sorted(alias.scope.providers):
            for pattern in alias.scope.models:
                key = (provider, pattern.replace("[[]", "["), "", ns)
                asked.setdefault(key, (Route(provider, name_of(pattern)), f"an alias of {alias.model}"))
    for (provider, model, terms, moment), (route, source) in asked.items():
        when = terms + (f" from {shown(moment, '')}" if moment != ns else "")
        head = {"provider": provider, "model": model, "terms": when.strip()}
        card = book.rates(route, moment)
        if isinstance(card, Refusal):
            yield {
                **head,
                "key": None,
                "usd": None,
                "layer": None,
                "source": f"{card.reason}: {card.detail} ({source})",
            }
            continue
        for item in card.columns[0]:
            for above, column in zip((0, *card.above), card.columns, strict=True):
                line = column[item]
                if above and column[item].pico == card.columns[0][item].pico:
                    continue
                yield {
                    **head,
                    "key": LISTED_KEYS[item] + (f" above {above:,} input tokens" if above else ""),
                    "usd": listed(item, line.pico),
                    "layer": line.rate.layer,
                    "source": ", ".join((line.rate.source, *line.rate.multipliers)),
                }


def _far_off(found: Iterator[Shadow]) -> Iterator[str]:
    """One line for each price of an entry: the model that it is furthest off for, and how many others."""
    groups: dict[tuple[str, str], list[Shadow]] = {}
    for shadow in found:
        groups.setdefault((shadow.source, LISTED_KEYS[shadow.item]), []).append(shadow)
    for (source, key), group in groups.items():
        worst = max(group, key=lambda one: float("inf") if one.share is None else abs(float(one.share)))
        others = f", and of {len(group) - 1} more" if len(group) > 1 else ""
        yield (
            f"{source}: {key} {listed(worst.item, worst.mine)} is {percent(worst.share)} against the"
            f" {listed(worst.item, worst.theirs)} of {worst.layer} for {worst.provider} {worst.model}{others}"
        )


def _check_layers(book: Book, ns: int, *, as_json: bool) -> None:
    with Console(stderr=True).status("comparing layers") if sys.stderr.isatty() else nullcontext():
        found = list(disagreements(book))
        unpriced, free = _worth_nothing(book, ns)
    if as_json:
        document: dict[str, Any] = {
            "disagreements": [_as_json(one) for one in found],
            "unpriced": [{"provider": p, "model": m, "reason": reason} for p, m, reason in unpriced],
            "free": [{"provider": p, "model": m, "source": source} for p, m, source in free],
            "book": book.version,
            "price_data": book.snapshot.version,
        }
        typer.echo(json.dumps(document, indent=2))
        return
    to = console()
    made = table(
        "provider", "model", "on", "price", "USD", "not", "since", "until", "decided by", "why", right=("USD", "not")
    )
    for one in found:
        made.add_row(
            one.provider,
            one.model,
            one.terms,
            LISTED_KEYS[one.item] + (" at some hours" if _hours(one) else ""),
            listed(one.item, rate_of(one.decides)),
            listed(one.item, rate_of(one.other)),
            shown(one.since_ns, "always"),
            shown(one.until_ns, ""),
            one.decides.entry.source.partition(" (")[0],
            one.why,
        )
    draw(to, made)
    models = len({(one.provider, one.model) for one in found})
    say(
        to,
        f"{len(found)} disagreements over {models} models; each is decided as stated",
        f"{len(free)} models cost nothing, each by name in a list of free models",
        f"{len(unpriced)} models are listed without a usable price; their calls are unpriced and counted, never 0: "
        + ", ".join(f"{provider} {model}" for provider, model, _ in unpriced),
        provenance(book),
    )


def _worth_nothing(book: Book, ns: int) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Every known model that costs nothing: without a price, or free and on whose word."""
    unpriced: list[tuple[str, str, str]] = []
    free: list[tuple[str, str, str]] = []
    for known in known_models(book):
        card = book.rates(Route(known.provider, known.name), ns)
        if isinstance(card, Refusal):
            unpriced.append((known.provider, known.model, card.reason))
        elif card.free:
            source = next(line.rate.source for line in card.columns[0].values())
            free.append((known.provider, known.model, source))
    return unpriced, free


def _hours(one: Disagreement) -> bool:
    return any(entry.validity.window is not None for entry in (one.decides.entry, one.other.entry))


def _as_json(one: Disagreement) -> dict[str, object]:
    return {
        "provider": one.provider,
        "model": one.model,
        "terms": one.terms,
        "key": LISTED_KEYS[one.item],
        "since": iso(one.since_ns),
        "until": iso(one.until_ns),
        "certain_hours": _hours(one),
        "decides": {
            "usd": listed(one.item, rate_of(one.decides)),
            "layer": one.decides.entry.layer,
            "source": one.decides.entry.source,
        },
        "not": {
            "usd": listed(one.item, rate_of(one.other)),
            "layer": one.other.entry.layer,
            "source": one.other.entry.source,
        },
        "why": one.why,
    }
