"""What the `prices` commands share: when, which data, and how their tables look."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from spancost_collector.cli.moments import moment, nanoseconds
from spancost_pricing.instants import instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spancost_pricing import Book

PIPE_WIDTH = 260
"""A pipe or a file has no width of its own: keep every row on one line there."""


def at_ns(text: str | None) -> int:
    """The instant of `--at`, now by default."""
    now = datetime.now(UTC)
    return nanoseconds(now if text is None else moment("--at", text, now))


def shown(ns: int | None, absent: str) -> str:
    """An instant for a table."""
    return absent if ns is None else instant(ns).strftime("%Y-%m-%d %H:%MZ").removesuffix(" 00:00Z")


def iso(ns: int | None) -> str | None:
    """An instant for JSON."""
    return None if ns is None else instant(ns).isoformat()


def console() -> Console:
    """Standard out."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def table(*headings: str, right: Iterable[str] = ()) -> Table:
    """An empty table; figures stand at the right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    figures = frozenset(right)
    for heading in headings:
        made.add_column(
            heading,
            justify="right" if heading in figures else "left",
            no_wrap=heading in figures,
            overflow="fold",
        )
    return made


def say(to: Console, *lines: str) -> None:
    """Plain lines, as they are."""
    for line in lines:
        to.print(line, highlight=False, markup=False, soft_wrap=True)


def provenance(book: Book) -> str:
    """Which book and which price data a table was made from."""
    return f"price book {book.version}, {book.snapshot.version}"
