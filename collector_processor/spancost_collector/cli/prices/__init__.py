"""`spancost prices`: what everything costs, why, and what would change with newer price data."""

from __future__ import annotations

import typer

from spancost_collector.cli.prices.check import check
from spancost_collector.cli.prices.listing import list_prices
from spancost_collector.cli.prices.show import show
from spancost_collector.cli.prices.update import update

app = typer.Typer(
    help="What everything costs and why; check a price file; take over newer price data.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)
app.command("list")(list_prices)
app.command()(show)
app.command()(check)
app.command()(update)
