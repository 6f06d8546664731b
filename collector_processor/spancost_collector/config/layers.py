"""Where settings come from: the defaults, a file, the environment, the command line; later ones win.

Each source becomes a layer: nested plain values, and for every one of them the place to name when it is wrong.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, cast, get_args, get_origin

from spancost_collector.config.settings import Section, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Key = tuple[str | int, ...]
"""The way to a setting, e.g. `("forward", 0, "endpoint")`."""

PREFIX: Final = "SPANCOST_"
_SHORT: Final = {"SPANCOST_LISTEN": ("grpc", "listen")}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who said it."""

    source: str
    """e.g. `spancost.yaml:12`, `SPANCOST_LEDGER`, `--ledger`."""
    names_key: bool
    """Whether the source's own name already says which setting it is."""

    def locate(self, key: Key) -> str:
        """How a message about the setting `key` begins."""
        return self.source if self.names_key else f"{self.source}: {dotted(key)}"


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    origins: dict[Key, Origin] = field(default_factory=dict[Key, Origin])

    def put(self, key: tuple[str, ...], value: object, origin: Origin) -> None:
        """Set one value."""
        place = self.values
        for part in key[:-1]:
            place = place.setdefault(part, {})
        place[key[-1]] = value
        self.origins[key] = origin

    def over(self, below: Layer) -> Layer:
        """Both, with this one's word where they differ; mappings are merged and lists replaced."""
        origins = {key: origin for key, origin in below.origins.items() if not self._replaces(key)}
        return Layer(_merge(below.values, self.values), origins | self.origins)

    def origin(self, key: Key) -> Origin | None:
        """Who said `key`, or what it is in; None is nobody, so it is the default."""
        for length in range(len(key), 0, -1):
            found = self.origins.get(key[:length])
            if found is not None:
                return found
        return None

    def source(self, key: Key) -> str | None:
        """The name of who said exactly `key`, if only as part of one text; None is nobody, so it is the default."""
        place: object = self.values
        for depth, part in enumerate(key):
            if not isinstance(place, dict | list):
                key = key[:depth]
                break
            inside = dict(enumerate(place)) if isinstance(place, list) else place  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            if part not in inside:
                return None
            place = cast("dict[str | int, object]", inside)[part]
        found = self.origin(key)
        return None if found is None else found.source

    def _replaces(self, key: Key) -> bool:
        place: object = self.values
        for part in key:
            if not isinstance(place, dict):
                return True
            if part not in place:
                return False
            place = cast("dict[str | int, object]", place)[part]
        return not isinstance(place, dict)


def dotted(key: Key) -> str:
    """`forward[0].endpoint`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def section_of(annotation: object, *, listed: bool = False) -> type[Section] | None:
    """The section that an annotation stands for, also where it may be left out, or is `listed`."""
    origin = get_origin(annotation)
    if origin in {Annotated, Union, types.UnionType} or (listed and origin is tuple):
        found = [section_of(inner, listed=listed) for inner in get_args(annotation)]
        return next((section for section in found if section is not None), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def is_path(key: Key) -> bool:
    """Whether the setting `key` is the path of a file."""
    section: type[Section] | None = Settings
    annotation: object = None
    for part in key:
        if isinstance(part, int):
            continue
        description = None if section is None else section.model_fields.get(part)
        if description is None:
            return False
        annotation = description.annotation
        section = section_of(annotation, listed=True)
    return _holds_path(annotation)


def _holds_path(annotation: object) -> bool:
    return annotation is Path or any(map(_holds_path, get_args(annotation)))


def leaves(section: type[Section] = Settings, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to every setting that has a value of its own."""
    for name, description in section.model_fields.items():
        inner = section_of(description.annotation)
        if inner is None:
            yield (*above, name)
        else:
            yield from leaves(inner, (*above, name))


def environment_names() -> dict[str, tuple[str, ...]]:
    """Environment variable -> setting; maps, and lists of more than text, can only be written in the file."""
    return {_variable(key): key for key in leaves() if not _needs_a_file(key)} | _SHORT


def unsayable(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with variables of settings that one text cannot hold."""
    names = {_variable(key): key for key in leaves() if _needs_a_file(key)}
    return [f"{name}: stands in the file only, as {dotted(names[name])}" for name in names if environment.get(name)]


def _variable(key: tuple[str, ...]) -> str:
    return PREFIX + "_".join(key).upper()


def _needs_a_file(key: tuple[str, ...]) -> bool:
    return key[-1] == "headers" or key in {("attribution", "keys"), ("subscriptions",)}


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """What `SPANCOST_…` variables say; an empty one says nothing."""
    layer = Layer()
    for name, key in environment_names().items():
        if value := environment.get(name):
            layer.put(key, value, Origin(name, names_key=True))
    return layer


def misspelt(environment: Mapping[str, str], *others: str) -> list[str]:
    """Warnings about variables that look like one of ours and are not; `others` mean something elsewhere.

    Only near misses: a Kubernetes service that is called spancost makes variables that begin as ours do.
    """
    names = environment_names()
    found: list[str] = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in names and name not in others:
            near = get_close_matches(name, names, n=1, cutoff=0.9)
            found += [f"{name}: is not a setting and has no effect; did you mean {one}?" for one in near]
    return found


def flag_layer(flags: Mapping[str, tuple[tuple[str, ...], object]]) -> Layer:
    """What the command line says: flag -> setting and value; None was not given."""
    layer = Layer()
    for flag, (key, value) in flags.items():
        if value is not None:
            layer.put(key, value, Origin(flag, names_key=True))
    return layer


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[name] = _merge(cast("dict[str, Any]", under), cast("dict[str, Any]", value)) if both else value
    return merged
