"""`spancost report`: a ledger's figures as a table for people or JSON for programs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from spancost_collector.cli.figures import dollars, exact
from spancost_collector.cli.moments import moment
from spancost_collector.cli.options import AsJson, LedgerFile
from spancost_collector.ledger.report import LedgerReader
from spancost_collector.locations import default_ledger
from spancost_pricing import ConfigError, usd

if TYPE_CHECKING:
    from spancost_collector.ledger.report import Report, Row


def report(
    by: Annotated[str, typer.Option(help="Dimensions, comma-separated, e.g. feature,model or tenant,day.")] = (
        "feature,model"
    ),
    since: Annotated[
        str | None, typer.Option(help="How far back: 30m, 24h, 7d, or an ISO 8601 date or time (UTC unless it says).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to, not including; same forms as --since.")] = None,
    ledger: LedgerFile = None,
    as_json: AsJson = False,
) -> None:
    """Who spent what. Calls without a known price are listed, never counted as zero."""
    now = datetime.now(UTC)
    first = None if since is None else moment("--since", since, now)
    last = None if until is None else moment("--until", until, now)
    dimensions = tuple(name.strip() for name in by.split(",") if name.strip())
    if not dimensions:
        raise ConfigError("--by: names no dimension, e.g. --by feature,model")
    path = ledger or default_ledger()
    reader = LedgerReader(path)
    try:
        found = reader.report(dimensions, since=first, until=last)
    finally:
        reader.close()
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=2))
    else:
        _print(found, path)


def _as_json(found: Report) -> dict[str, object]:
    return {
        "by": list(found.by),
        "since": found.since.isoformat() if found.since else None,
        "until": found.until.isoformat() if found.until else None,
        "rows": [{**dict(zip(found.by, row.key, strict=True)), **_figures(row)} for row in found.rows],
        "total": _figures(found.total),
        "unpriced": [
            {
                "provider": one.provider,
                "model": one.model,
                "reason": one.reason,
                "calls": one.calls,
                "tokens": one.tokens,
            }
            for one in found.unpriced
        ],
    }


def _figures(row: Row) -> dict[str, object]:
    return {
        "calls": row.calls,
        "errors": row.errors,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": None if row.cost_pico is None else exact(usd(row.cost_pico)),
        "priced": row.cost_pico is not None,
        "imputed_usd": None if row.imputed_pico is None else exact(usd(row.imputed_pico)),
        "partial_calls": row.partial_calls,
    }


def _print(found: Report, path: Path) -> None:
    # A pipe or a file has no width of its own: keep every row on one line there.
    console = Console(width=None if sys.stdout.isatty() else 200)
    if not found.rows:
        console.print(f"No calls in {path} for that time.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True)
    for n, name in enumerate(found.by):
        table.add_column(name, "total" if n == 0 else "", overflow="fold")
    total = found.total
    for heading, footer in (
        ("calls", f"{total.calls:,}"),
        ("errors", f"{total.errors:,}"),
        ("input tokens", f"{total.input_tokens:,}"),
        ("output tokens", f"{total.output_tokens:,}"),
        ("cost USD", dollars(total.cost_pico)),
    ):
        table.add_column(heading, footer, justify="right", no_wrap=True)
    for row in found.rows:
        table.add_row(
            *(value or "-" for value in row.key),
            f"{row.calls:,}",
            f"{row.errors:,}",
            f"{row.input_tokens:,}",
            f"{row.output_tokens:,}",
            dollars(row.cost_pico) if row.imputed_pico is None else f"imputed {dollars(row.imputed_pico)}",
        )
    console.print(table)
    if total.imputed_pico is not None:
        console.print(
            f"\nNot in the total: {dollars(total.imputed_pico)} USD imputed, for calls that a subscription covers",
            highlight=False,
        )
    if found.unpriced:
        calls = sum(one.calls for one in found.unpriced)
        tokens = sum(one.tokens for one in found.unpriced)
        console.print(
            f"\nNot in the total: {calls:,} unpriced calls, {tokens:,} tokens", style="bold yellow", highlight=False
        )
        for one in found.unpriced:
            console.print(
                f"  {one.provider} {one.model}: {one.reason}, {one.calls:,} calls, {one.tokens:,} tokens",
                highlight=False,
            )
    if total.partial_calls:
        console.print(f"\n{total.partial_calls:,} calls are priced in part: some quantity of theirs has no rate")
