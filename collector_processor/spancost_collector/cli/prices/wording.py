"""What the `prices` commands say alike: instants, and which data they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost_pricing.instants import instant

if TYPE_CHECKING:
    from spancost_pricing import Book


def shown(ns: int | None, absent: str) -> str:
    """An instant for a table."""
    return absent if ns is None else instant(ns).strftime("%Y-%m-%d %H:%MZ").removesuffix(" 00:00Z")


def iso(ns: int | None) -> str | None:
    """An instant for JSON."""
    return None if ns is None else instant(ns).isoformat()


def provenance(book: Book) -> str:
    """Which book and which price data a table was made from."""
    return f"price book {book.version}, {book.snapshot.version}"
