"""The thresholds of the rules: one file with every one of them, and a user's own file over it.

What is not a number where a number belongs, below its least, or not known at all is refused together, with the nearest
name: a threshold that is silently ignored is an alert that never comes.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.resources import files
from typing import TYPE_CHECKING, Final, cast

import yaml

from spancost_pricing import ConfigError
from spancost_pricing.errors import unreadable
from spancost_pricing.yaml_text import TextLoader, yaml_mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

Value = str | int | float
Values = dict[str, dict[str, Value]]
"""Section -> name -> value; every one of them."""

_PATTERNS: Final = frozenset({"production"})
_JOB: Final = re.compile(r'[^"\\{}\n]+')
"""What can stand between the quotes of an expression, and in the text of an alert, which is a template."""
_MOST_SHARE: Final = ("share", "nearly_used")


def default_text() -> str:
    """The file that comes with spancost: every threshold with its default and its meaning."""
    return (files("spancost_collector.rules") / "values.yaml").read_text(encoding="utf-8")


def default_values() -> Values:
    """The thresholds that come with spancost."""
    return cast("Values", yaml.safe_load(default_text()))


def load_values(path: Path | None = None) -> Values:
    """The defaults, and what the file at `path` says otherwise.

    Raises:
        ConfigError: one line for everything in the file that cannot be used.
    """
    values = default_values()
    if path is None:
        return values
    try:
        document: object = yaml.load(path.read_text(encoding="utf-8"), Loader=TextLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(unreadable(path, error)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {yaml_mistake(error)}") from None
    problems = [f"{path}: {problem}" for problem in _merge(values, {} if document is None else document)]
    if problems:
        raise ConfigError("\n".join(problems))
    return values


def _merge(values: Values, document: object) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "expected sections with thresholds, e.g. spend: {daily_usd: 100}"
        return
    for section, entries in cast("Mapping[object, object]", document).items():
        known = values.get(str(section))
        if known is None:
            yield f"{_unknown(str(section), values)} Known: {', '.join(values)}."
        elif not isinstance(entries, dict):
            yield f"{section}: expected thresholds, e.g. {section}: {{{next(iter(known))}: …}}"
        else:
            for name, value in cast("Mapping[object, object]", entries).items():
                yield from _set(known, f"{section}.{name}", str(name), value)


def _set(known: dict[str, Value], where: str, name: str, value: object) -> Iterator[str]:
    default = known.get(name)
    if default is None:
        section = where.partition(".")[0]
        yield _unknown(where, [f"{section}.{each}" for each in known])
    elif isinstance(default, str):
        if not isinstance(value, str):
            yield f"{where}: got {value!r}; expected text"
        elif name in _PATTERNS and not _is_pattern(value):
            yield f"{where}: got {value!r}; expected a regular expression, e.g. prod|production"
        elif where == "scrape.job" and not _JOB.fullmatch(value):
            yield f"{where}: got {value!r}; expected the name of a job, without quotes, backslashes and braces"
        else:
            known[name] = value
    elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        yield f"{where}: got {value!r}; expected a number that is not negative, e.g. {default}"
    elif name.endswith(_MOST_SHARE) and value > 1:
        yield f"{where}: got {value!r}; expected a share between 0 and 1, e.g. {default}"
    else:
        known[name] = value


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return '"' not in text and "\\" not in text


def _unknown(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return f"{name}: unknown.{hint}"
