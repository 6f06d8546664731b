"""What of a call's surroundings may say who pays: span attributes and baggage that the operator listed.

Our own attribute names count on any enclosing span, because only code of the app sets them. Everything else, a captured
request header or inbound baggage above all, is what a client sent: nothing of it is believed unless it is listed here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Final, cast

ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "feature": "spancost.feature",
        "task": "spancost.task",
        "tenant": "spancost.tenant",
        "user": "user.id",
        "session": "session.id",
    }
)
"""Argument of `attribution` -> span attribute; the same attributes count on any enclosing span."""

ALIASES: Final = "SPANCOST_ATTRIBUTION_ALIASES"
"""`feature=http.request.header.x-feature,…`: attributes of enclosing spans that count beside ours, first one first."""
BAGGAGE: Final = "SPANCOST_ATTRIBUTION_BAGGAGE"
"""`feature=app.feature,user,…`: inbound baggage that is believed; a name alone is the baggage key of that name."""

_LOG = logging.getLogger(__name__)
_HEADER: Final = "http.request.header."
_OWN: Final = tuple((name, name) for name in ATTRIBUTES.values())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where to look, and which attribute a value found there becomes."""

    attributes: tuple[tuple[str, str], ...] = _OWN
    """(attribute of an enclosing span, attribute of the call), the first that is there wins."""
    baggage: tuple[tuple[str, str], ...] = ()
    """(key in the baggage, attribute of the call), likewise."""


def configured(environment: Mapping[str, str]) -> Surroundings:
    """What these environment variables say. An entry that is wrong is logged, once, and left out."""
    return _configured(environment.get(ALIASES, ""), environment.get(BAGGAGE, ""))


@lru_cache(maxsize=8)  # every tracer provider asks, and nobody wants to read the same complaint twice
def _configured(aliases: str, baggage: str) -> Surroundings:
    surroundings, problems = parse(aliases, baggage)
    for problem in problems:
        _LOG.warning("%s; this entry is ignored", problem)
    return surroundings


def parse(aliases: str, baggage: str) -> tuple[Surroundings, list[str]]:
    """The values of the two variables, and what is wrong with entries of them."""
    problems: list[str] = []
    attributes = list(_OWN)
    for name, source in _entries(ALIASES, aliases, problems, bare=False):
        attributes.extend((spelling, ATTRIBUTES[name]) for spelling in _spellings(source))
    believed = [(source, ATTRIBUTES[name]) for name, source in _entries(BAGGAGE, baggage, problems, bare=True)]
    return Surroundings(tuple(dict.fromkeys(attributes)), tuple(dict.fromkeys(believed))), problems


def plain(value: object) -> str | None:
    """A value as one string: the first of several, as captured headers have it; None where there is nothing in it."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        several = cast("Sequence[object]", value)
        value = several[0] if several else None
    return None if value is None else str(value).strip() or None


def _entries(variable: str, value: str, problems: list[str], *, bare: bool) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    expected = "name=baggage key, or a name alone" if bare else "name=span attribute"
    for entry in filter(None, (part.strip() for part in value.split(","))):
        name, equals, source = (part.strip() for part in entry.partition("="))
        if name not in ATTRIBUTES:
            near = get_close_matches(name, ATTRIBUTES, n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            names = ", ".join(ATTRIBUTES)
            problems.append(f"{variable}: {entry!r}: no attribution is called {name!r}{hint} (expected one of {names})")
        elif not source and (equals or not bare):
            problems.append(f"{variable}: {entry!r}: says nowhere to look; expected {expected}")
        else:
            found.append((name, source or name))
    return found


def _spellings(attribute: str) -> tuple[str, ...]:
    """A captured header's name as the conventions have it, and as the Python instrumentations write it."""
    if not attribute.lower().startswith(_HEADER):
        return (attribute,)
    header = attribute[len(_HEADER) :].lower()
    return (_HEADER + header.replace("_", "-"), _HEADER + header.replace("-", "_"))
