"""Settings from all their sources, checked once; every problem of every source is reported together."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from spancost_collector.config.combinations import conflicts
from spancost_collector.config.file import read_config_file
from spancost_collector.config.layers import Key, Layer, environment_layer, flag_layer, misspelt, unsayable
from spancost_collector.config.problems import explain
from spancost_collector.config.settings import Settings
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

CONFIG_VARIABLE = "SPANCOST_CONFIG"
"""Names the file where the command line does not."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that can be used."""

    settings: Settings
    said: Layer
    """Who said what."""
    warnings: tuple[str, ...]


def load(
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, tuple[tuple[str, ...], object]],
    *,
    secrets: bool = True,
) -> Loaded:
    """The settings of a file, the environment and the command line, later ones first.

    Without `secrets`, those that the receiver alone can have need not be there, nor what goes together with them: for
    commands beside it, which neither listen nor send.

    Raises:
        ConfigError: one line for each problem.
    """
    below, problems, wrong = Layer(), list[str](), frozenset[Key]()
    if file is not None:
        below, problems, wrong = read_config_file(file, environment, secrets=secrets)
    said = flag_layer(flags).over(environment_layer(environment).over(below))
    settings, found = _validate(said, {key for key in wrong if said.origin(key) is below.origin(key)}, together=secrets)
    problems += [*found, *unsayable(environment)]
    if problems:
        raise ConfigError("\n".join(problems))
    return Loaded(settings, said, tuple(misspelt(environment, CONFIG_VARIABLE)))


def _validate(said: Layer, known: Collection[Key], *, together: bool) -> tuple[Settings, list[str]]:
    """Settings, and what is wrong: that is taken out and the rest looked at again, so that all of it is found.

    Of keys that are `known` to be wrong nothing more is said.
    """
    values = deepcopy(said.values)
    problems: list[str] = []
    broken: list[tuple[str, ...]] = []
    while True:
        try:
            settings = Settings.model_validate(values)
            break
        except ValidationError as error:
            wrong = len(broken)
            for found in error.errors():
                key = tuple(part for part in found["loc"] if part != "[key]")
                if key not in known:
                    problems.append(explain(found, said))
                removable = _removable(key[:-1] if found["type"] == "missing" else key)
                if removable not in broken:
                    broken.append(removable)
            if len(broken) == wrong:  # a default that is wrong itself would be looked at for ever
                raise
            for key in broken[wrong:]:
                _take_out(values, key)
    for conflict in conflicts(settings) if together else ():
        if not any(_inside(key, wrong) for key in (conflict.key, *conflict.others) for wrong in broken):
            origin = said.origin(conflict.key)
            where = ".".join(map(str, conflict.key)) if origin is None else origin.locate(conflict.key)
            problems.append(f"{where}: {conflict.text}")
    return settings, problems


def _removable(key: Key) -> tuple[str, ...]:
    """The nearest thing that can go without moving others: a list goes as a whole."""
    names: list[str] = []
    for part in key:
        if isinstance(part, int):
            break
        names.append(part)
    return tuple(names)


def _take_out(values: dict[str, Any], key: tuple[str, ...]) -> None:
    """Remove a setting, so that its default stands."""
    place: object = values
    for part in key[:-1]:
        place = cast("dict[str, object]", place).get(part) if isinstance(place, dict) else None
    if isinstance(place, dict):
        cast("dict[str, object]", place).pop(key[-1], None)


def _inside(key: Key, other: Key) -> bool:
    """Whether one of them is in the other."""
    shared = min(len(key), len(other))
    return key[:shared] == other[:shared]
