"""The options that several commands have, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; money as decimal strings in USD.")]
At = Annotated[str | None, typer.Option(help="At which time, ISO 8601 or an age such as 30d; now by default.")]
LedgerFile = Annotated[Path | None, typer.Option(help="The ledger file.", envvar="SPANCOST_LEDGER")]
Prices = Annotated[Path | None, typer.Option(help="Your own prices.", envvar="SPANCOST_PRICES")]
