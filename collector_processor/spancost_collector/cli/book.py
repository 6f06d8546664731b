"""The prices that a command works with; apart from the options, because price data takes half a second to load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost_collector.cli.options import settings_of
from spancost_collector.price_data import load_current_book

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_pricing import Book


def book_of(config: Path | None, prices: Path | None) -> Book:
    """The prices of the receiver, or those of `--prices`.

    Raises:
        ConfigError: one line for each problem of the configuration.
        PriceFileError: the file with the user's own prices cannot be used.
    """
    return load_current_book(settings_of(config, prices=prices).prices)
