"""Where things are when nobody says: the receiver and every command that reads its ledger must agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platformdirs import user_data_path

from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def default_ledger() -> Path:
    """The ledger of this user on this machine, e.g. `~/.local/share/spancost/ledger.sqlite3`."""
    return _data() / "ledger.sqlite3"


def default_price_data() -> Path:
    """The folder of price data that was taken over, e.g. `~/.local/share/spancost/prices`."""
    return _data() / "prices"


def _data() -> Path:
    try:
        return user_data_path("spancost")
    except RuntimeError:
        raise ConfigError(
            "this user has no home directory, where the ledger and price data are unless told otherwise;"
            " set HOME, or XDG_DATA_HOME to a folder for them"
        ) from None
