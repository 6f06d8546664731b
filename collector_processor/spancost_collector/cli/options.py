"""The options that several commands have, said once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from spancost_collector.cli.moments import moment, nanoseconds

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; money as decimal strings in USD.")]
At = Annotated[str | None, typer.Option(help="At which time, ISO 8601 or an age such as 30d; now by default.")]
LedgerFile = Annotated[Path | None, typer.Option(help="The ledger file.", envvar="SPANCOST_LEDGER")]
Prices = Annotated[Path | None, typer.Option(help="Your own prices.", envvar="SPANCOST_PRICES")]


def at_ns(text: str | None) -> int:
    """The instant of `--at`, now by default.

    Raises:
        ConfigError: `text` is neither a time nor an age.
    """
    now = datetime.now(UTC)
    return nanoseconds(now if text is None else moment("--at", text, now))
