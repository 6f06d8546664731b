"""`spancost prices show`: the whole rate card of one model, and what every other layer says about it."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spancost_collector.cli.book import book_of
from spancost_collector.cli.figures import listed
from spancost_collector.cli.options import AsJson, At, Config, Prices, at_ns
from spancost_collector.cli.prices.wording import iso
from spancost_collector.cli.printing import console, draw, say, table
from spancost_pricing import Book, Route, UnknownModelError
from spancost_pricing.catalogue import known_models
from spancost_pricing.disagreements import rate_of, why
from spancost_pricing.plan import Refusal
from spancost_pricing.rates import ITEMS, LISTED_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_pricing.plan import Candidate, Explanation
    from spancost_pricing.tariff import Multiplier


def show(
    provider: Annotated[str, typer.Argument(help="Who bills: openai, anthropic, google, aws, azure, …")],
    model: Annotated[str, typer.Argument(help="The model, by any name it is reported under.")],
    tier: Annotated[str | None, typer.Option(help="Service tier: batch, flex, priority, …")] = None,
    region: Annotated[str | None, typer.Option(help="Region, location or inference geography.")] = None,
    deployment: Annotated[str | None, typer.Option(help="Azure deployment type, e.g. DataZoneStandard.")] = None,
    speed: Annotated[str | None, typer.Option(help="fast, where that is sold.")] = None,
    at: At = None,
    prices: Prices = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Every rate of a model: since when, which layer and source, the factors on it, and what else was on offer."""
    ns = at_ns(at)
    book = book_of(config, prices)
    route = Route(provider, model, tier, region, deployment, speed)
    found = book.explain(route, ns)
    if isinstance(found, Refusal):
        raise UnknownModelError(f"{found.detail} ({found.reason}){_nearest(book, provider, model)}")
    document = _document(book, route, ns, found)
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        _print(document)


def _nearest(book: Book, provider: str, model: str) -> str:
    known = known_models(book)
    names = [one.name for one in known if one.provider == provider.lower()]
    near = get_close_matches(model.lower(), names, n=3) if model.lower() not in names else []
    return f"; did you mean {', '.join(near)}?" if near else ""


def _document(book: Book, route: Route, ns: int, found: Explanation) -> dict[str, Any]:
    return {
        "provider": found.provider,
        "model": route.model,
        "at": iso(ns),
        "looked_up_as": list(found.names),
        "status": "free" if found.card.free else "priced",
        "rates": list(_rates(found, ns)),
        "not_used": list(_not_used(found)),
        "factors": [_factor(rule, found) for rule in found.multipliers],
        "also_sold_on": _other_terms(book, route, found, ns),
        "assumptions": list(found.card.assumptions),
        "book": book.version,
        "price_data": book.snapshot.version,
    }


def _rates(found: Explanation, ns: int) -> Iterator[dict[str, Any]]:
    card = found.card
    for item in card.columns[0]:
        last: str | None = None
        for above, column in zip((0, *card.above), card.columns, strict=True):
            line = column[item]
            rate = line.rate
            usd = listed(item, line.pico)
            if usd == last:
                continue
            last = usd
            candidates = found.candidates[item]
            validity = candidates[0].entry.validity if candidates else None
            yield {
                "key": LISTED_KEYS[item],
                "usd": usd,
                "above_input_tokens": above,
                "since": None if rate.valid_from is None else rate.valid_from.isoformat(),
                "until": None if validity is None else iso(validity.end_ns),
                "certain_hours": validity is not None and validity.window is not None,
                "layer": rate.layer,
                "source": rate.source,
                "price_id": rate.price_id,
                "as": LISTED_KEYS[candidates[0].key] if candidates and candidates[0].key != item else None,
                "multipliers": list(rate.multipliers),
                "billed_at_least": line.minimum or None,
            }


def _not_used(found: Explanation) -> Iterator[dict[str, Any]]:
    for item, candidates in found.candidates.items():
        if not candidates or candidates[0].key != item:
            continue
        decides = candidates[0]
        for other in candidates[1:]:
            if other.entry is decides.entry and other.tier is decides.tier:
                continue
            yield {
                "key": LISTED_KEYS[item],
                "usd": listed(item, rate_of(other)),
                "deciding_usd": listed(item, rate_of(decides)),
                "layer": other.entry.layer,
                "source": other.entry.source,
                "since": iso(other.entry.validity.start_ns),
                "why_not": f"{_place(decides)} decides: {why(decides, other)}",
            }


def _place(candidate: Candidate) -> str:
    return (
        candidate.entry.layer if candidate.entry.layer == "genai-prices" else candidate.entry.source.partition(" (")[0]
    )


def _factor(rule: Multiplier, found: Explanation) -> dict[str, Any]:
    conditions = [
        f"{test.term} {' or '.join(test.values)}" + (f" but not {' or '.join(test.but)}" if test.but else "")
        for test in rule.terms
    ]
    used = any(rule.label(found.terms) in line.rate.multipliers for line in found.card.columns[0].values())
    return {
        "kind": rule.kind,
        "on": " and ".join(conditions) or "every call",
        "factor": rule.shown,
        "keys": [LISTED_KEYS[item] for item in ITEMS if item in rule.items],
        "applied": used and all(test.holds(found.terms) for test in rule.terms),
        "layer": rule.layer,
        "source": rule.source,
    }


def _other_terms(book: Book, route: Route, found: Explanation, ns: int) -> list[str]:
    """Other terms on which some layer lists prices of their own."""
    return sorted(
        {
            " ".join(f"{term} {value}" for term, value in entry.when.items())
            for listing in book.listings(route)
            for entry in listing.special
            if entry.validity.covers(ns) and not found.terms.meet(entry.when)
        }
    )


def _print(document: dict[str, Any]) -> None:
    to = console()
    say(to, f"{document['provider']} {document['model']}: {document['status']}")
    names = document["looked_up_as"]
    if document["model"].lower() not in names:
        say(to, f"an alias of {names[0]}")
    if len(names) > 1:
        say(to, f"looked up as {', '.join(names)}")
    made = table("price", "USD", "above tokens", "since", "until", "layer", "source", right=("USD", "above tokens"))
    for rate in document["rates"]:
        remarks = [f"as {rate['as']}"] if rate["as"] else []
        remarks += rate["multipliers"]
        remarks += [f"billed as at least {rate['billed_at_least']}"] if rate["billed_at_least"] else []
        made.add_row(
            rate["key"] + (f" ({', '.join(remarks)})" if remarks else ""),
            rate["usd"],
            f"{rate['above_input_tokens']:,}" if rate["above_input_tokens"] else "",
            _day(rate["since"], "always") + (" at these hours" if rate["certain_hours"] else ""),
            _day(rate["until"], ""),
            rate["layer"],
            rate["source"],
        )
    draw(to, made)
    if document["not_used"]:
        say(to, "", "Also listed, and not used:")
        made = table("price", "USD", "layer", "source", "why not", right=("USD",))
        for other in document["not_used"]:
            same = " (the same)" if other["usd"] == other["deciding_usd"] else ""
            made.add_row(other["key"], other["usd"] + same, other["layer"], other["source"], other["why_not"])
        draw(to, made)
    if document["factors"]:
        say(to, "", "Factors:")
        made = table("on", "factor", "applied", "layer", "source", right=("factor",))
        for factor in document["factors"]:
            made.add_row(
                factor["on"], factor["factor"], "yes" if factor["applied"] else "", factor["layer"], factor["source"]
            )
        draw(to, made)
    if document["also_sold_on"]:
        say(to, "", f"Prices of their own on other terms: {', '.join(document['also_sold_on'])}")
    say(to, *(f"assumed: {assumption}" for assumption in document["assumptions"]))
    say(to, f"price book {document['book']}, {document['price_data']}")


def _day(moment: str | None, absent: str) -> str:
    return (
        absent
        if moment is None
        else moment.replace("T", " ").removesuffix("+00:00").removesuffix(":00").removesuffix(" 00:00")
    )
