"""`spancost prices update`: takes over newer price data from a file, after showing what it would change."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from spancost_collector.cli.figures import listed, percent
from spancost_collector.cli.options import AsJson, at_ns
from spancost_collector.cli.prices.wording import iso, shown
from spancost_collector.cli.printing import console, draw, say, table
from spancost_collector.price_data import PriceDataFolder
from spancost_pricing import ConfigError, PriceFileError, Route, load_book
from spancost_pricing.changes import JUMP, changes
from spancost_pricing.entries import on
from spancost_pricing.errors import unreadable
from spancost_pricing.plan import Refusal
from spancost_pricing.price_data import parse_price_data
from spancost_pricing.rates import LISTED_KEYS
from spancost_pricing.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_pricing import Book
    from spancost_pricing.changes import Changes, RateChange
    from spancost_pricing.rates import Item, Price

_MOST_NAMES: Final = 20


def update(
    file: Annotated[
        Path | None, typer.Option(help="Price data as the genai-prices project publishes it: prices/…/data.json.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take over large changes and fewer models without asking.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the price data that is installed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over newer price data: shows what changes, and asks before a rate moves by more than 30 %.

    Nothing is downloaded. Every file is kept under its content's hash. A running receiver uses the new prices after
    SIGHUP, or when it next starts; calls it has charged before keep their charge until `spancost reprice`.
    """
    if reset == (file is not None):
        raise ConfigError("update: needs either --file with price data or --reset")
    folder = PriceDataFolder()
    if file is None:
        _reset(folder, dry_run=dry_run, as_json=as_json)
        return
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(unreadable(f"--file {file}", error)) from None
    after = parse_price_data(content, str(file))
    before = _in_use(folder)
    found = changes(before, after)
    book = load_book(None, after)
    if as_json:
        _echo_if(dry_run, _document(before, after, found, book, adopted=False))
    else:
        _print(before, after, found, book)
    if dry_run:
        return
    _consent(found, yes=yes, as_json=as_json)
    adopted = folder.adopt(content)
    if as_json:
        _echo_if(True, _document(before, after, found, book, adopted=True))
    else:
        say(console(), f"{after.version} is in use now, kept as {adopted.path}")


def _reset(folder: PriceDataFolder, *, dry_run: bool, as_json: bool) -> None:
    installed = Snapshot().version
    changed = False if dry_run else folder.reset()
    if as_json:
        _echo_if(True, {"price_data": installed, "reset": changed})
    elif dry_run:
        say(console(), f"would use {installed}")
    else:
        say(console(), f"{installed} is in use now" if changed else f"{installed} was in use already")


def _in_use(folder: PriceDataFolder) -> Snapshot:
    """What the new data is compared with: the data in use, or the installed one where that is broken."""
    try:
        return folder.snapshot() or Snapshot()
    except PriceFileError as error:
        first = str(error).partition("\n")[0]
        sys.stderr.write(f"spancost: {first}\nspancost: comparing with the installed price data instead\n")
        return Snapshot()


def _consent(found: Changes, *, yes: bool, as_json: bool) -> None:
    """Return if the change may be made.

    Raises:
        ConfigError: it needs somebody's word, and nobody can be asked.
        Exit: somebody said no.
    """
    if yes:
        return
    if found.shrinks:
        gone = f" and not {', '.join(found.providers_gone)}" if found.providers_gone else ""
        raise ConfigError(
            f"update: the file knows {found.models_after} models{gone}, fewer than the {found.models_before} known now;"
            " nothing was changed. If that is right, say --yes"
        )
    reasons = list(_reasons(found))
    if not reasons:
        return
    question = f"{' and '.join(reasons)}. Take it over?"
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(f"update: {' and '.join(reasons)}; nothing was changed. If that is right, say --yes")
    if not typer.confirm(question):
        typer.echo("nothing was changed")
        raise typer.Exit(1)


def _reasons(found: Changes) -> Iterator[str]:
    if found.jumps:
        count = len(found.jumps)
        verbs = ("rate moves", "goes") if count == 1 else ("rates move", "go")
        yield f"{count} {verbs[0]} by more than {int(JUMP * 100)} % or {verbs[1]} away"
    if found.gone:
        yield f"{len(found.gone)} {'model goes' if len(found.gone) == 1 else 'models go'}"


def _echo_if(wanted: bool, document: dict[str, Any]) -> None:
    if wanted:
        typer.echo(json.dumps(document, indent=2))


def _document(before: Snapshot, after: Snapshot, found: Changes, book: Book, *, adopted: bool) -> dict[str, Any]:
    return {
        "before": before.version,
        "after": after.version,
        "adopted": adopted,
        "models_before": found.models_before,
        "models_after": found.models_after,
        "providers_new": list(found.providers_new),
        "providers_gone": list(found.providers_gone),
        "models_new": [{"provider": provider, "model": model} for provider, model in found.new],
        "models_gone": [{"provider": provider, "model": model} for provider, model in found.gone],
        "models_renamed": [{"provider": provider, "model": model} for provider, model in found.renamed],
        "rates": [
            {
                "provider": change.provider,
                "model": change.model,
                "key": LISTED_KEYS[change.item],
                "terms": _terms(change),
                "since": iso(change.since_ns),
                "before_usd": None if change.before is None else listed(change.item, change.before.base),
                "after_usd": None if change.after is None else listed(change.item, change.after.base),
                "change": None if change.share is None else percent(change.share),
                "certain_hours": change.certain_hours,
                "jump": change.is_jump,
                "decided_by": _decides(change, book),
            }
            for change in found.rates
        ],
    }


def _terms(change: RateChange) -> str:
    return " ".join(f"{term} {value}" for term, value in change.terms.items())


def _decides(change: RateChange, book: Book) -> str | None:
    """The source that decides this rate in the new book, now or from when it changes; a correction keeps its word."""
    now = at_ns(None)
    ns = now if change.since_ns is None else max(now, change.since_ns)
    found = book.explain(on(Route(change.provider, change.model), change.terms), ns)
    if isinstance(found, Refusal) or not found.candidates.get(change.item):
        return None
    return found.candidates[change.item][0].entry.source.partition(" (")[0]


def _print(before: Snapshot, after: Snapshot, found: Changes, book: Book) -> None:
    to = console()
    say(to, f"{before.version} -> {after.version}: {found.models_before} models -> {found.models_after}")
    if not found:
        say(to, "no price and no model changes")
        return
    for title, names in (
        ("new providers", found.providers_new),
        ("providers gone", found.providers_gone),
        ("new models", tuple(" ".join(pair) for pair in found.new)),
        ("models gone", tuple(" ".join(pair) for pair in found.gone)),
        ("found by other names", tuple(" ".join(pair) for pair in found.renamed)),
    ):
        if names:
            more = f" and {len(names) - _MOST_NAMES} more (--json lists all)" if len(names) > _MOST_NAMES else ""
            say(to, f"{title}, {len(names)}: {', '.join(names[:_MOST_NAMES])}{more}")
    if not found.rates:
        return
    made = table(
        "provider",
        "model",
        "on",
        "price",
        "since",
        "old USD",
        "new USD",
        "change",
        "",
        right=("old USD", "new USD", "change"),
    )
    for change in sorted(found.rates, key=lambda one: (not one.is_jump, one.provider, one.model)):
        decides = _decides(change, book)
        kept = f"no effect: {decides} decides" if decides is not None and decides != after.version else ""
        made.add_row(
            change.provider,
            change.model,
            _terms(change),
            LISTED_KEYS[change.item] + (" at some hours" if change.certain_hours else ""),
            shown(change.since_ns, "always"),
            _usd(change.item, change.before),
            _usd(change.item, change.after),
            percent(change.share) if change.share is not None else ("gone" if change.after is None else "new"),
            ", ".join(filter(None, ("over 30 %" if change.is_jump else "", kept))),
        )
    draw(to, made)


def _usd(item: Item, price: Price | None) -> str:
    if price is None:
        return "-"
    return ", ".join((listed(item, price.base), *(f"{listed(item, rate)} above {n:,}" for n, rate in price.steps)))
