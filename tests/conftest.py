"""For every test: nothing of the person who runs them may decide what a test finds."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
import trustme
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
_TRUSTED_BY = ("SSL_CERT_FILE", "AWS_CA_BUNDLE")
"""What SDKs and HTTP clients take their authorities from."""


@pytest.fixture(scope="session")
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trusted") / "authority.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


@pytest.fixture(autouse=True)
def _trusts_one_authority(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _one_authority: Path
) -> None:
    """A client reads all authorities of the web, which takes 40 ms each time, and no test here talks to the web.

    Those that start processes do: some of them install packages.
    """
    if request.node.get_closest_marker("end_to_end") is None:
        for name in _TRUSTED_BY:
            monkeypatch.setenv(name, str(_one_authority))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is loaded meanwhile is no garbage, so nobody looks for any."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """What the SDKs have loaded stays; looking through it for garbage takes half a second each time a test asks.

    Garbage is looked for rarely besides: a test that is about what is let go of asks for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
