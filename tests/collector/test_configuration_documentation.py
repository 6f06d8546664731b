"""docs/configuration.md shows every key with its default, and its example is a file that works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import yaml

from spancost_collector.config import json_schema, load

DOCUMENT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, flags=re.DOTALL)
ENVIRONMENT = {"SENDER_TOKEN": "token", "SPANCOST_SALT": "0123456789abcdef"}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    key = tmp_path / "key"
    key.write_text("secret")
    path = tmp_path / "spancost.yaml"
    path.write_text(EXAMPLE.replace("/run/secrets/otlp-key", str(key)))
    return path


def keys(schema: dict[str, Any], part: dict[str, Any]) -> set[str]:
    """The names of all keys in a part of the schema, `tls.cert` and the like."""
    found = set[str]()
    for name, about in part.get("properties", {}).items():
        found.add(name)
        for reference in re.findall(r"#/\$defs/(\w+)", str(about)):
            found |= {f"{name}.{key}" for key in keys(schema, schema["$defs"][reference])}
    return found


def written(value: object) -> set[str]:
    found = set[str]()
    if isinstance(value, list):
        for item in cast("list[object]", value):
            found |= written(item)
    elif isinstance(value, dict):
        for name, inner in cast("dict[str, object]", value).items():
            found.add(name)
            found |= {f"{name}.{key}" for key in written(inner)}
    return found


def test_the_example_works(example: Path) -> None:
    settings = load(example, ENVIRONMENT, {}).settings

    assert [hop.required for hop in settings.forward] == [True, False]
    assert settings.grpc.tls is not None


def test_an_editor_has_nothing_to_say_of_the_example() -> None:
    jsonschema.validate(yaml.safe_load(EXAMPLE), json_schema())


def test_every_key_is_in_the_example(example: Path) -> None:
    shown = written(load(example, ENVIRONMENT, {}).said.values)
    all_keys = keys(json_schema(), json_schema())

    # What is "as above" for the other two listeners and "as in forward", and what says that TLS is not wanted.
    repeated = {f"{listener}.{key}" for listener in ("http", "web") for key in keys(json_schema(), _part("Http"))}
    for target in ("metrics.otlp", "own_traces"):
        repeated |= {f"{target}.{key}" for key in keys(json_schema(), _part("NextHop"))}
    assert all_keys - shown - repeated == {"forward.tls.insecure"}


def test_what_is_not_marked_as_an_example_is_the_default() -> None:
    defaults = load(None, {}, {}).settings.model_dump(mode="json")
    lines = [line for line in EXAMPLE.splitlines() if re.match(r"  \w+: \S", line) and "example" not in line]
    section = ""
    checked = 0
    for line in EXAMPLE.splitlines():
        if found := re.match(r"(\w+):(?:\s+#.*)?$", line):
            section = found[1]
        found = re.match(r"  (\w+): (\S+)", line)
        if found and line in lines and isinstance(defaults[section], dict):  # and not a list, or none at all
            assert found[2] == _shown(defaults[section][found[1]]), line
            checked += 1
    assert checked >= 14


def _part(name: str) -> dict[str, Any]:
    return json_schema()["$defs"][name]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value >= 1024 * 1024:
        return f"{value // (1024 * 1024)}MiB"
    return f"{value:g}" if isinstance(value, float) else str(value)
