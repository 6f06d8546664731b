"""The command line: one module per command, loaded when it is asked for.

A command is a thin shell: it turns options into a call of the library and the result into a table or JSON. Anything
that spancost refuses on purpose (`SpancostError`) ends as one line on stderr and exit status 2, and so does output for
which there is no room.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

from spancost_collector.cli.commands import Commands
from spancost_collector.cli.printing import spelled
from spancost_pricing import SpancostError

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

app = typer.Typer(
    name="spancost",
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("spancost"))
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """What your AI features cost: who spent what, on which model, within seconds."""


def run() -> int:
    """Run the command in `sys.argv`; the exit status."""
    _replace_closed_streams()
    try:
        try:
            return _run()
        finally:
            sys.stdout.flush()  # what fails while the interpreter ends can be neither said well nor kept quiet
    except OSError as error:
        if error.errno == errno.EPIPE:  # `| head` has read enough
            _drop_output()
            return 1
        if error.errno in _NO_ROOM:
            _drop_output()
            sys.stderr.write(f"spancost: the output cannot be written: {error.strerror}\n")
            return 2
        raise


def _run() -> int:
    # A name that the terminal has no signs for is written out; it is no reason to end without a figure.
    spelled(errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except SpancostError as error:
        sys.stderr.write(f"spancost: {error}\n")
        return 2
    except sqlite3.Error as error:
        sys.stderr.write(
            f"spancost: the ledger cannot be used: {error}; check it with `spancost doctor --ledger FILE`\n"
        )
        return 2
    return 0


def _replace_closed_streams() -> None:
    """Python has None for a stream that was closed (`>&-`), where commands, and what they use, expect one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _drop_output() -> None:
    """Let the interpreter, which writes what is left as it ends, do so where that cannot fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
