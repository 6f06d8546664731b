"""`spancost doctor --ledger`: is a ledger whole, and a new one from what is left where it is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from spancost_collector.ledger.check import examine
from spancost_collector.ledger.repair import repair

if TYPE_CHECKING:
    from spancost_collector.ledger.check import Examined
    from spancost_collector.ledger.repair import Repaired


def doctor_ledger(ledger: Path, *, repair_into: Path | None, as_json: bool) -> None:
    """Check a ledger, and write what can be read of it to `repair_into` where that is given.

    Raises:
        ConfigError: there is no such ledger, or nothing to be read of it.
        Exit: with status 1, where the ledger is not whole.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("calls added up", total=None)
        found = examine(ledger, lambda calls: bar.update(task, completed=calls))
        repaired = None
        if repair_into is not None:
            repaired = repair(ledger, repair_into, lambda calls: bar.update(task, completed=calls))
    if as_json:
        typer.echo(json.dumps(_document(ledger, found, repair_into, repaired), indent=2))
    else:
        for line in _lines(ledger, found, repair_into, repaired):
            typer.echo(line)
    if found.problems:
        raise typer.Exit(1)


def _lines(ledger: Path, found: Examined, into: Path | None, repaired: Repaired | None) -> list[str]:
    calls = "an unknown number of calls" if found.calls is None else f"{found.calls:,} calls"
    if not found.problems:
        lines = [f"{ledger}: {calls}; the file is whole, and every sum is that of its calls"]
    else:
        lines = [f"{ledger}: {calls}; problems: {len(found.problems)}"]
        lines += [f"  {problem}" for problem in found.problems]
    if repaired is not None:
        lines.append(f"{into}: {repaired.calls:,} calls, every sum made anew; {ledger} is as it was")
        if repaired.gaps or repaired.refused:
            lines.append(f"  places that cannot be read: {repaired.gaps}; rows that make no sense: {repaired.refused}")
        if repaired.counters_restart:
            lines.append("  the old sums are lost, so counters may restart lower")
        lines.append(
            f"  To use it: stop the receiver, move {ledger.name} away together with {ledger.name}-wal and"
            f" {ledger.name}-shm, and give the new file its name"
        )
    elif found.problems:
        lines.append(f"  `spancost doctor --ledger {ledger} --repair-into NEW` makes a new ledger of what can be read")
    return lines


def _document(ledger: Path, found: Examined, into: Path | None, repaired: Repaired | None) -> dict[str, object]:
    document: dict[str, object] = {"ledger": str(ledger), "calls": found.calls, "problems": found.problems}
    if repaired is not None:
        document["repaired"] = {"ledger": str(into), **repaired._asdict()}
    return document
