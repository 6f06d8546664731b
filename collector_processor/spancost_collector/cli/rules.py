"""`spancost rules`: the recording rules and alerts for Prometheus, with the thresholds that the operator wants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spancost_collector.rules import FILE, render
from spancost_collector.rules.values import default_text, load_values
from spancost_pricing import ConfigError


def rules(
    values: Annotated[
        Path | None, typer.Option(help="Thresholds that differ from the defaults.", envvar="SPANCOST_RULE_VALUES")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help=f"Write {FILE} into this folder instead of printing it; created if need be.")
    ] = None,
    print_values: Annotated[
        bool, typer.Option("--print-values", help="Print every threshold with its default and its meaning, and exit.")
    ] = False,
) -> None:
    """Write the rules that Prometheus loads."""
    if print_values:
        typer.echo(default_text(), nl=False)
        return
    text = render(load_values(values))
    if out is None:
        typer.echo(text, nl=False)
        return
    path = out / FILE
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    typer.echo(f"{path}: written; `promtool check rules {path}` checks it")
