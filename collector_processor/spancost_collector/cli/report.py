"""`spancost report`: a ledger's figures as a table for people or JSON for programs.

It reads the receiver's configuration, for the same ledger and the same calendar: what it says of a day is what the
receiver's gauge of that day says. Names come from telemetry, so a table shows them as they are: nothing in them is
markup, and what could not be seen, or would move the cursor, is written out.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spancost_collector.cli.figures import dollars, exact
from spancost_collector.cli.moments import moment
from spancost_collector.cli.options import AsJson, Config, LedgerFile, settings_of
from spancost_collector.cli.printing import console, draw, escaped, say, table
from spancost_collector.ledger.report import CALENDAR, DIMENSIONS, LedgerReader, added_up
from spancost_pricing import ConfigError, usd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from spancost_collector.ledger.report import Report, Row


def report(
    by: Annotated[
        str,
        typer.Option(
            help=f"Dimensions, comma-separated, e.g. feature,model or tenant,day; any of {', '.join(DIMENSIONS)}."
        ),
    ] = "feature,model",
    since: Annotated[
        str | None,
        typer.Option(help="How far back: 30m, 24h, 7d, or an ISO 8601 date or time (in the time zone unless it says)."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to, not including; same forms as --since.")] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Where days and months begin, e.g. Europe/Vienna. Default: the receiver's, else UTC."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many rows, the dearest; the others are added up in one.")
    ] = None,
    ledger: LedgerFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Who spent what, dearest first, or by time where --by begins with it.

    Calls without a known price are listed, never counted as zero.
    """
    settings = settings_of(config, ledger=ledger, time_zone=time_zone)
    path, zone = settings.ledger, settings.time_zone
    now = datetime.now(UTC)
    first = None if since is None else moment("--since", since, now, zone)
    last = None if until is None else moment("--until", until, now, zone)
    dimensions = tuple(name.strip() for name in by.split(",") if name.strip())
    if not dimensions:
        raise ConfigError("--by: names no dimension, e.g. --by feature,model")
    reader = LedgerReader(path, zone=zone)
    try:
        found = reader.report(dimensions, since=first, until=last)
    finally:
        reader.close()
    most = len(found.rows) if limit is None else limit
    shown, others = found.rows[:most], found.rows[most:]
    if dimensions[0] in CALENDAR:
        shown = sorted(shown, key=_when)
    if as_json:
        typer.echo(json.dumps(_as_json(found, shown, others, zone), indent=2))
    else:
        _print(found, shown, others, path, zone)


def _when(row: Row) -> str:
    """The hour, day or month that a row begins with, as it sorts; local hours do not where clocks go back."""
    text = row.key[0] or ""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat() if "T" in text else text


def _as_json(found: Report, shown: Sequence[Row], others: Sequence[Row], zone: ZoneInfo) -> dict[str, object]:
    return {
        "by": list(found.by),
        "time_zone": str(zone),
        "since": found.since.astimezone(zone).isoformat() if found.since else None,
        "until": found.until.astimezone(zone).isoformat() if found.until else None,
        "rows": [{**dict(zip(found.by, row.key, strict=True)), **_figures(row)} for row in shown],
        "others": {"rows": len(others), **_figures(added_up(others))} if others else None,
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


def _print(found: Report, shown: Sequence[Row], others: Sequence[Row], path: Path, zone: ZoneInfo) -> None:
    to = console()
    if not shown:
        say(to, f"No calls in {path} for that time.")
        return
    total = found.total
    totals = {
        "calls": f"{total.calls:,}",
        "errors": f"{total.errors:,}",
        "input tokens": f"{total.input_tokens:,}",
        "output tokens": f"{total.output_tokens:,}",
        "cost USD": dollars(total.cost_pico),
    }
    made = table(*found.by, *totals, right=totals, totals={found.by[0]: "total", **totals})
    for row in shown:
        made.add_row(*map(_visible, row.key), *_told(row))
    if others:
        made.add_row(f"(others: {len(others):,})", *[""] * (len(found.by) - 1), *_told(added_up(others)))
    draw(to, made)
    if str(zone) != "UTC":
        say(to, f"\nDays and hours are those of {zone}")
    if total.imputed_pico is not None:
        say(to, f"\nNot in the total: {dollars(total.imputed_pico)} USD imputed, for calls that a subscription covers")
    if found.unpriced:
        calls = sum(one.calls for one in found.unpriced)
        tokens = sum(one.tokens for one in found.unpriced)
        to.print(f"\nNot in the total: {calls:,} unpriced calls, {tokens:,} tokens", style="bold yellow")
        for one in found.unpriced:
            whose = f"{_visible(one.provider)} {_visible(one.model)}"
            say(to, f"  {whose}: {one.reason}, {one.calls:,} calls, {one.tokens:,} tokens")
    if total.partial_calls:
        say(to, f"\n{total.partial_calls:,} calls are priced in part: some quantity of theirs has no rate")


def _told(row: Row) -> tuple[str, ...]:
    """The figures of a row, in the order of the table's columns."""
    is_covered = row.cost_pico is None and row.imputed_pico is not None
    return (
        f"{row.calls:,}",
        f"{row.errors:,}",
        f"{row.input_tokens:,}",
        f"{row.output_tokens:,}",
        f"imputed {dollars(row.imputed_pico)}" if is_covered else dollars(row.cost_pico),
    )


def _visible(name: str | None) -> str:
    """A name with nothing in it that could not be seen: spaces at an end show by quotes; a dash for none."""
    if not name:
        return "-"
    text = escaped(name)
    return text if text == text.strip() else f"'{text}'"
