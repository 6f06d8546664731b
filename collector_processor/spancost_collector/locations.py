"""Where things are when nobody says: the receiver and every command that reads its ledger must agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platformdirs import user_data_path

if TYPE_CHECKING:
    from pathlib import Path


def default_ledger() -> Path:
    """The ledger of this user on this machine, e.g. `~/.local/share/spancost/ledger.sqlite3`."""
    return user_data_path("spancost") / "ledger.sqlite3"


def default_price_data() -> Path:
    """The folder of price data that was taken over, e.g. `~/.local/share/spancost/prices`."""
    return user_data_path("spancost") / "prices"
