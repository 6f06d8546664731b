"""A reload takes all of what was read, or nothing of it."""

from __future__ import annotations

from typing import NoReturn

import pytest

from spancost_collector.reload import reload
from spancost_pricing import PriceFileError


class Counts:
    def __init__(self) -> None:
        self.taken: list[bool] = []

    def reloaded(self, *, taken: bool) -> None:
        self.taken.append(taken)


def test_what_was_read_is_used_and_counted() -> None:
    used, counts = list[str](), Counts()
    assert reload(lambda: "new", used.append, counts)
    assert (used, counts.taken) == (["new"], [True])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PriceFileError("prices.yaml: prices[3]: no rate"), "prices.yaml: prices[3]: no rate"),
        (PermissionError(13, "Permission denied", "prices.yaml"), "Permission denied"),
        (RuntimeError("a bug"), "RuntimeError: a bug"),
    ],
)
def test_what_cannot_be_read_changes_nothing_and_is_told(
    error: Exception, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    def load() -> NoReturn:
        raise error

    used, counts = list[object](), Counts()
    assert not reload(load, used.append, counts)
    assert (used, counts.taken) == ([], [False])
    assert "not reloaded, what was in use stays" in caplog.text
    assert message in caplog.text
