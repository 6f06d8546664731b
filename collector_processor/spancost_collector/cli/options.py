"""The options that several commands have, said once.

What the receiver's configuration says holds for every command that shares a setting with it: a call is priced at the
prices it would be charged at, and the ledger is the one it would be kept in.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spancost_collector.cli.moments import moment, nanoseconds
from spancost_collector.config import CONFIG_VARIABLE, load

if TYPE_CHECKING:
    from spancost_collector.config import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; money as decimal strings in USD.")]
At = Annotated[
    str | None,
    typer.Option(help="At which time, ISO 8601 (UTC unless it says) or an age such as 30d; now by default."),
]
Config = Annotated[
    Path | None,
    typer.Option(help="The receiver's configuration: what it says holds here too.", envvar=CONFIG_VARIABLE),
]
LedgerFile = Annotated[Path | None, typer.Option(help="The ledger file.", envvar="SPANCOST_LEDGER")]
Prices = Annotated[Path | None, typer.Option(help="Your own prices.", envvar="SPANCOST_PRICES")]


def settings_of(config: Path | None, **flags: object) -> Settings:
    """The receiver's settings, before which those of `flags` come that are not None.

    Raises:
        ConfigError: one line for each problem.
    """
    loaded = load(
        config,
        os.environ,
        {f"--{name.replace('_', '-')}": ((name,), value) for name, value in flags.items()},
        secrets=False,
    )
    for warning in loaded.warnings:
        typer.echo(f"spancost: {warning}", err=True)
    return loaded.settings


def at_ns(text: str | None) -> int:
    """The instant of `--at`, now by default.

    Raises:
        ConfigError: `text` is neither a time nor an age.
    """
    now = datetime.now(UTC)
    return nanoseconds(now if text is None else moment("--at", text, now))
