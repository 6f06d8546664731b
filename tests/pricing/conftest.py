"""Books for tests: a tiny one made of the text of a price file, and the one that ships."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import pytest

from spancost_pricing import Book, load_book
from spancost_pricing.price_file import parse_price_file
from spancost_pricing.snapshot import Snapshot


class BookOf(Protocol):
    def __call__(self, *layers: str) -> Book: ...


class Instant(Protocol):
    def __call__(self, text: str) -> int: ...


@pytest.fixture(scope="session")
def book() -> Book:
    """The book that ships: corrections over the pinned price data."""
    return load_book()


@pytest.fixture
def book_of() -> BookOf:
    """A book of nothing but these price files, first one first; live prices cannot change what it says."""

    def build(*layers: str) -> Book:
        return Book([parse_price_file(text, "prices.yaml") for text in layers], Snapshot([]))

    return build


@pytest.fixture
def at() -> Instant:
    """Nanoseconds since 1970 of an instant in ISO 8601."""

    def nanoseconds(text: str) -> int:
        return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000

    return nanoseconds
