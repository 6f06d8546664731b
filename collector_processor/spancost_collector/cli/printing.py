"""How commands print for people: names as they are, and rows that stay on one line where a program reads them.

Names come from telemetry and from price files, and some look like markup (`[/red]`, `[acme]`) or like an emoji code
(`:free:`). A console from here takes all text literally, in tables too; what is to stand out gets a style of its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PIPE_WIDTH: Final = 260
"""A pipe or a file has no width of its own."""
_GAP: Final = 2
"""Blanks between two columns."""


def console() -> Console:
    """Standard out, without markup."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def spelled(**how: str) -> None:
    """Set the `encoding` or the `errors` of standard out, where it has them."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(**how)


def table(*headings: str, right: Iterable[str] = (), totals: Mapping[str, str] | None = None) -> Table:
    """An empty table; figures stand at the right, and totals, by heading, at the bottom."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_footer=totals is not None)
    figures = frozenset(right)
    for heading in headings:
        made.add_column(
            heading,
            "" if totals is None else totals.get(heading, ""),
            justify="right" if heading in figures else "left",
            no_wrap=heading in figures,
            overflow="fold",
        )
    return made


def draw(to: Console, made: Table) -> None:
    """A table; a terminal too narrow for its figures wraps its lines, for a figure cut short is another figure."""
    if not to.is_terminal:
        to.file.writelines(_lines(made))
        return
    least = -_GAP
    for column in made.columns:
        texts = (column.header, *column.cells, column.footer) if column.no_wrap else (column.header,)
        column.min_width = max(1, *(cell_len(str(text)) for text in texts))
        least += column.min_width + _GAP
    if least > to.width:
        made.width = least
    to.print(made, crop=False)


def _lines(made: Table) -> Iterator[str]:
    """Each row on one line, however long; `rich` would wrap it, and takes a millisecond for each."""
    columns: list[list[str]] = []
    for column in made.columns:
        texts = [str(column.header), *map(str, column.cells), *([str(column.footer)] if made.show_footer else [])]
        width = max(map(cell_len, texts))
        is_right = column.justify == "right"
        columns.append(
            [" " * (width - cell_len(text)) + text if is_right else set_cell_size(text, width) for text in texts]
        )
    for row in zip(*columns, strict=True):
        yield (" " * _GAP).join(row) + "\n"


def escaped(line: str) -> str:
    """The line with what would steer a terminal, or could not be seen on one, written as Python writes it."""
    if line.isprintable():
        return line
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in line)


def say(to: Console, *lines: str) -> None:
    """Lines of text, which only the terminal wraps."""
    for line in lines:
        to.print(line, soft_wrap=True)
