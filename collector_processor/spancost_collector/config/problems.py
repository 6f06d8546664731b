"""What is wrong with settings, one line each: where, what, which rule, and what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from spancost_collector.config.layers import Key, Layer, dotted, leaves, section_of
from spancost_collector.config.settings import SECRET_KEYS, Section, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_RULES: Final[Mapping[str, str]] = {
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "string_type": "expected text; put it in quotes",
    "byte_size": "expected a number of bytes, e.g. 64MiB",
    "byte_size_unit": "expected a number of bytes, e.g. 64MiB",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "too_short": "expected at least {min_length} characters",
    "literal_error": "expected {expected}",
    "path_type": "expected a path",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "is_instance_of": "expected a mapping",
    "value_error": "{error}",
}
"""pydantic's kind of error -> the rule that was broken, with what its context holds."""


def explain(error: ErrorDetails, said: Layer) -> str:
    """One line for an error that pydantic found in what a layer says."""
    key = tuple(part for part in error["loc"] if part != "[key]")
    origin = said.origin(key)
    where = dotted(key) if origin is None else origin.locate(key)
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(key)}"
    if error["type"] == "missing":
        return f"{where}: is missing{_example(key)}"
    if error["loc"][-1] == "[key]":
        return f"{where}: unknown key; expected {error.get('ctx', {}).get('expected', error['msg'])}"
    rule = _RULES.get(error["type"])
    expected = error["msg"] if rule is None else rule.format_map(error.get("ctx", {}))
    return f"{where}: got {_shown(key, error['input'])}; {expected}{'' if 'e.g.' in expected else _example(key)}"


def _shown(key: Key, value: object) -> str:
    if SECRET_KEYS.intersection(key):
        return "a secret"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _nearest(key: Key) -> str:
    section, name = _section_at(key[:-1]), str(key[-1])
    known = [] if section is None else list(section.model_fields)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    elsewhere = [leaf for leaf in leaves() if leaf[-1] == name or "_".join(leaf) == name]
    if elsewhere:
        return f"; did you mean {dotted(elsewhere[0])}?"
    return f"; there is {', '.join(known)}" if known else ""


def _example(key: Key) -> str:
    section = _section_at(key[:-1])
    about: FieldInfo | None = None if section is None else section.model_fields.get(str(key[-1]))
    examples: list[Any] | None = None if about is None else about.examples
    return f", e.g. {examples[0]}" if examples else ""


def _section_at(key: Key) -> type[Section] | None:
    section: type[Section] | None = Settings
    for part in key:
        if isinstance(part, int) or section is None:
            continue
        about = section.model_fields.get(part)
        section = None if about is None else section_of(about.annotation, listed=True)
    return section
