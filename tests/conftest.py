"""For every test: nothing of the person who runs them may decide what a test finds."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# Whatever the machine is busy with, the same examples and verdict; `--hypothesis-profile search` looks for others.
settings.register_profile("spancost", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile("spancost")


@pytest.fixture(autouse=True, scope="session")
def _a_home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Adopted price data and ledgers of this user stay out; child processes inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        for name in [name for name in os.environ if name.startswith("SPANCOST_") and name not in _INPUTS]:
            patch.delenv(name)
        yield


_INPUTS = ("SPANCOST_RECORDINGS", "SPANCOST_SPANS")


def pytest_collection_finish() -> None:
    """What the SDKs have loaded stays; looking through it for garbage takes half a second each time a test asks."""
    gc.collect()
    gc.freeze()
