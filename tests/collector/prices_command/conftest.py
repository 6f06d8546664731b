"""Each test has price data of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_collector.price_data import PriceDataFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PriceDataFolder:
    """This test's own user data, with nothing taken over."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("SPANCOST_PRICES", raising=False)
    return PriceDataFolder()
