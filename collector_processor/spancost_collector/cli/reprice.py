"""`spancost reprice`: charge kept calls again at the prices known now."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from spancost_collector.cli.figures import dollars, exact
from spancost_collector.cli.moments import moment, nanoseconds
from spancost_collector.cli.options import AsJson, Config, LedgerFile, Prices, settings_of
from spancost_collector.cli.printing import console, draw, say, table
from spancost_collector.ledger.repricing import reprice as reprice_ledger
from spancost_collector.price_data import load_current_book
from spancost_pricing import ConfigError, usd

if TYPE_CHECKING:
    from spancost_collector.ledger.repricing import Repricing


def reprice(
    since: Annotated[
        str, typer.Option(help="From when: 30m, 24h, 7d, or an ISO 8601 date or time (the time zone's unless it says).")
    ],
    until: Annotated[str | None, typer.Option(help="Up to, not including; same forms as --since.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    prices: Prices = None,
    ledger: LedgerFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Charge calls again at the prices known now; every old charge is kept as a revision.

    The ledger, the prices and the time zone are the receiver's. Safe while it runs: reports show the new figures at
    once; the receiver's counters, which may never fall, take rises up when it next starts.
    """
    settings = settings_of(config, ledger=ledger, prices=prices)
    now, zone = datetime.now(UTC), settings.time_zone
    since_ns = nanoseconds(moment("--since", since, now, zone))
    until_ns = None if until is None else nanoseconds(moment("--until", until, now, zone))
    if until_ns is not None and since_ns >= until_ns:
        raise ConfigError(f"--since {since} is not before --until {until}")
    book = load_current_book(settings.prices)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("calls examined", total=None)
        try:
            done = reprice_ledger(
                settings.ledger,
                book,
                since_ns=since_ns,
                until_ns=until_ns,
                dry_run=dry_run,
                progress=lambda examined: bar.update(task, completed=examined),
            )
        except KeyboardInterrupt:
            if not dry_run:
                sys.stderr.write("spancost: broken off; what has been charged again stays. Run it again for the rest\n")
            raise
    if as_json:
        typer.echo(json.dumps(_as_json(done, dry_run=dry_run), indent=2))
    else:
        _print(done, dry_run=dry_run)


def _as_json(done: Repricing, *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "examined": done.examined,
        "changes": [
            {
                "cause": change.cause,
                "calls": change.calls,
                "before_usd": exact(usd(change.before_pico)),
                "after_usd": exact(usd(change.after_pico)),
                "difference_usd": exact(usd(change.after_pico - change.before_pico)),
            }
            for change in done.changes
        ],
    }


def _print(done: Repricing, *, dry_run: bool) -> None:
    changed = sum(change.calls for change in done.changes)
    verb = "would change" if dry_run else "changed"
    to = console()
    say(to, f"{done.examined:,} calls examined, {changed:,} {verb}")
    if not done.changes:
        return
    figures = ("calls", "before USD", "after USD", "difference USD")
    made = table("cause", *figures, right=figures)
    for change in done.changes:
        made.add_row(
            change.cause,
            f"{change.calls:,}",
            dollars(change.before_pico),
            dollars(change.after_pico),
            dollars(change.after_pico - change.before_pico),
        )
    draw(to, made)
