"""`spancost.yaml` as a layer: YAML with the line of every key, and values taken from outside it.

`${env:NAME}` and `${env:NAME:-default}` stand for an environment variable, as in the OpenTelemetry Collector, and
`${file:PATH}` for a file's text without its last line break; `$$` is a dollar sign. What is put in is always text, so
a token of digits stays one. Paths are relative to the file that names them, wherever it is read from: the receiver and
the commands beside it may be started in different places, and have to mean the same ledger.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from spancost_collector.config.layers import Key, Layer, Origin, dotted, is_path
from spancost_collector.config.settings import SECRET_KEYS
from spancost_pricing import ConfigError
from spancost_pricing.errors import unreadable
from spancost_pricing.yaml_text import TextLoader, yaml_mistake

if TYPE_CHECKING:
    from collections.abc import Mapping

_OUTSIDE: Final = re.compile(r"\$(?:(\$)|\{(env|file):((?:(?!:-)[^}])+)(?::-([^}]*))?\}|\{([^}]*)\}?)")


_UNKNOWN: Final = "a-secret-that-is-not-known-here"
"""What stands for a secret that cannot be had where nobody needs it."""


def read_config_file(
    path: Path, environment: Mapping[str, str], *, secrets: bool
) -> tuple[Layer, list[str], frozenset[Key]]:
    """What a file says, what is wrong with how it is written, and for which keys; without `secrets`, these may be away.

    Raises:
        ConfigError: it cannot be read, or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(unreadable(path, error)) from error
    reader = _Reader(path, environment, secrets=secrets)
    try:
        loader = TextLoader(text)
        node = loader.get_single_node()
        values: object = None if node is None else reader.read(loader, node, ())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name}: is not valid YAML: {yaml_mistake(error)}") from error
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{path.name}: got {type(values).__name__}; expected a mapping of settings, e.g. ledger: PATH"
        )
    return Layer(cast("dict[str, Any]", values), reader.origins), reader.problems, frozenset(reader.wrong)


class _Reader:
    """Builds plain values from YAML nodes, and remembers where each key stands."""

    def __init__(self, path: Path, environment: Mapping[str, str], *, secrets: bool) -> None:
        self._name = path.name
        self._folder = path.absolute().parent
        self._environment = environment
        self._secrets = secrets
        self.origins: dict[Key, Origin] = {}
        self.problems: list[str] = []
        self.wrong: set[Key] = set()

    def read(self, loader: yaml.SafeLoader, node: yaml.Node, key: Key) -> object:
        """The value of a node."""
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, key)
        if isinstance(node, yaml.SequenceNode):
            items = cast("list[yaml.Node]", node.value)
            return [self._item(loader, item, (*key, index)) for index, item in enumerate(items)]
        value = cast("object", loader.construct_object(node))  # pyright: ignore[reportUnknownMemberType]
        if not isinstance(value, str):
            return value
        text = self._put_in(value, node, key)
        return str(self._path(text)) if text and is_path(key) else text

    def _mapping(self, loader: yaml.SafeLoader, node: yaml.MappingNode, key: Key) -> dict[str, object]:
        written = [str(name.value) for name, _ in node.value]
        loader.flatten_mapping(node)
        values: dict[str, object] = {}
        for name_node, value_node in node.value:
            name = str(name_node.value)
            if name in values and written.count(name) > 1:
                self.problems.append(f"{self._at(name_node)}: {dotted((*key, name))}: stands twice; keep one")
            self.origins[*key, name] = Origin(self._at(name_node), names_key=False)
            values[name] = self.read(loader, value_node, (*key, name))
        return values

    def _item(self, loader: yaml.SafeLoader, node: yaml.Node, key: Key) -> object:
        self.origins[key] = Origin(self._at(node), names_key=False)
        return self.read(loader, node, key)

    def _put_in(self, text: str, node: yaml.Node, key: Key) -> str:
        def replace(found: re.Match[str]) -> str:
            dollar, kind, name, default, other = found.groups()
            if dollar:
                return dollar
            if other is not None:
                self._complain(
                    node, key, f"got ${{{other}}}; expected ${{env:NAME}} or ${{file:PATH}}, or $$ for a dollar"
                )
                return ""
            wanted = self._secrets or not SECRET_KEYS.intersection(key)
            value = self._environment.get(name) if kind == "env" else self._file(node, key, name, wanted=wanted)
            if value is None and default is None:
                if not wanted:
                    return _UNKNOWN
                if kind == "env":
                    hint = f"set it, or give a default: ${{env:{name}:-…}}"
                    self._complain(node, key, f"environment variable {name} is not set; {hint}")
                return ""
            return value if value is not None else default

        return _OUTSIDE.sub(replace, text)

    def _file(self, node: yaml.Node, key: Key, name: str, *, wanted: bool) -> str | None:
        try:
            return self._path(name).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, ValueError) as error:  # the latter also where no file can have that name
            said = error.strerror if isinstance(error, OSError) else "is not text"
            if wanted:
                self._complain(node, key, f"{name} cannot be read: {said}")
            return None

    def _path(self, text: str) -> Path:
        with suppress(RuntimeError):
            return self._folder / Path(text).expanduser()
        return Path(text)  # in a home that nobody knows, which is refused where paths are checked

    def _complain(self, node: yaml.Node, key: Key, text: str) -> None:
        self.problems.append(f"{self._at(node)}: {dotted(key)}: {text}")
        self.wrong.add(key)

    def _at(self, node: yaml.Node) -> str:
        return f"{self._name}:{node.start_mark.line + 1}"
