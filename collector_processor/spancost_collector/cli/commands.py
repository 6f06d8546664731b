"""Which commands there are, each loaded when somebody names it.

Scripts ask for a report over and over, and a report needs no server, no price data and no SDK: a command brings in
what it uses and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pkgutil import resolve_name
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from spancost_pricing import SpancostError

_COMMANDS: Final[Mapping[str, str]] = {
    "serve": "serve:serve",
    "report": "report:report",
    "price": "price:price",
    "prices": "prices:app",
    "estimate": "estimate:estimate",
    "reprice": "reprice:reprice",
    "rules": "rules:rules",
    "doctor": "doctor:doctor",
    "demo": "demo:demo",
}
"""Name -> the module beside this one, and in it the function or the commands' own group; in the order of the help."""

_POSIX: Final = frozenset({"fcntl", "resource"})
"""Modules of Python that only POSIX systems have, and that what holds a ledger or listens needs."""


class Commands(TyperGroup):
    """All commands of `spancost`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Loading()


class _Loading(Mapping[str, Any]):
    """The commands by name; to look at one loads it."""

    def __getitem__(self, name: str) -> Any:
        return _load(_COMMANDS[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


@cache
def _load(where: str) -> Any:
    try:
        found = resolve_name(f"{__package__}.{where}")
    except ModuleNotFoundError as error:
        if error.name not in _POSIX:
            raise
        return _alone(_elsewhere, ignore_unknown_options=True, allow_extra_args=True)
    return get_command(found) if isinstance(found, typer.Typer) else _alone(found)


def _alone(command: Callable[..., None], **settings: bool) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(context_settings=settings)(command)
    return get_command(alone)


def _elsewhere() -> None:
    """Not on this system: needs Linux or macOS."""
    raise SpancostError(
        "this command needs Linux or macOS; elsewhere, run the receiver in WSL or as a container."
        " Apps are instrumented on any system"
    )
