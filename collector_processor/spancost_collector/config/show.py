"""Settings for people and for editors: what is in force and who said so, and the JSON schema of the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

import yaml
from pydantic.json_schema import GenerateJsonSchema

from spancost_collector.config.layers import is_path
from spancost_collector.config.settings import SECRET_KEYS, Settings
from spancost_collector.config.values import MASK, Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_collector.config.layers import Key, Layer
    from spancost_collector.config.load import Loaded

_COLUMN: Final = 56
"""Where the remarks begin, where there is room."""
_BOUNDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"}
"""What pydantic leaves standing where something else looks at a number first -> what it is called in JSON schema."""


def render(loaded: Loaded) -> str:
    """The settings in force as a `spancost.yaml`, each with who said it; secrets are masked.

    Read again it means the same, whoever reads it, but for the secrets, which are refused.
    """
    document = loaded.settings.model_dump(mode="json")
    return "\n".join(_mapping(document, (), loaded.said)) + "\n"


def _mapping(values: dict[str, Any], key: Key, said: Layer, indent: str = "") -> Iterator[str]:
    for name, value in values.items():
        here = (*key, name)
        shown = _masked(cast("object", value)) if name in SECRET_KEYS and value else cast("object", value)
        if isinstance(shown, dict) and shown:
            yield f"{indent}{_scalar(name)}:"
            yield from _mapping(cast("dict[str, Any]", shown), here, said, indent + "  ")
        elif name == "forward" and shown:
            yield f"{indent}{name}:"
            for index, item in enumerate(cast("list[dict[str, Any]]", shown)):
                first, *rest = _mapping(item, (*here, index), said, indent + "    ")
                yield first.replace("    ", "  - ", 1)
                yield from rest
        else:
            line = f"{indent}{_scalar(name)}: {_scalar(_anywhere(here, cast('object', shown))).replace('$', '$$')}"
            yield f"{line:<{_COLUMN}}  # {said.source(here) or 'default'}"


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return dict.fromkeys(cast("dict[str, object]", value), MASK)
    return [MASK] * len(cast("list[object]", value)) if isinstance(value, list) else MASK


def _anywhere(key: Key, value: object) -> object:
    """A path as it is found from everywhere: in a file, paths are relative to it."""
    return str(Path(value).absolute()) if isinstance(value, str) and is_path(key) else value


def _scalar(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")


class _Schema(GenerateJsonSchema):
    """pydantic's schema, with defaults as they are written in the file."""

    def encode_default(self, dft: Any) -> Any:
        """The default in JSON."""
        return str(dft) if isinstance(dft, Address | ZoneInfo) else super().encode_default(dft)


def json_schema() -> dict[str, Any]:
    """The JSON schema of `spancost.yaml`, for editors."""
    schema = Settings.model_json_schema(schema_generator=_Schema)
    substitution = {"type": "string", "pattern": r"\$\{(env|file):"}
    widened = cast("dict[str, Any]", _widen(schema, substitution))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **widened}


def _widen(part: object, substitution: dict[str, str]) -> object:
    """Wherever a number or a flag may stand, so may a text that is replaced by one."""
    if isinstance(part, list):
        return [_widen(one, substitution) for one in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    schema = {name: _widen(one, substitution) for name, one in cast("dict[str, object]", part).items()}
    if schema.get("type") in ("integer", "number", "boolean"):
        kept = {name: schema.pop(name) for name in ("title", "description", "default", "examples") if name in schema}
        bounded = {_BOUNDS.get(name, name): one for name, one in schema.items()}
        return {"anyOf": [bounded, substitution], **kept}
    return schema
