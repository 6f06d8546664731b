"""Which model of the price data a name means, by the rules that it gives for each.

The first model whose rule fits is meant. Nearly all rules list whole names, so those are looked up; only the others
are tried one after the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from genai_prices.types import MatchLogic, ModelInfo

_VERSION: Final = re.compile(
    r"(?:[-@.]?\d{8}|-?\d{4}-\d{2}-\d{2}|-\d{3,4}|[-@](?:latest|preview|default|exp)|-?v\d+(?::\d+)?|:\d+|-)*+"
)
"""What may follow a model's name without making it another model: dates, revisions, `latest`.

Possessive: many dates in a row can be read in many ways, and to try them all takes longer than anybody waits.
"""

_PREFIX: Final = re.compile(r"(?:[a-z0-9_-]+[./])*")
"""What may stand before it: a geography, a vendor, a path."""


class Models:
    """The models of one provider, in the order in which the price data has them."""

    def __init__(self, models: Sequence[ModelInfo]) -> None:
        self._models = models
        self._whole: dict[str, int] = {}
        """A name that a rule lists -> the first model that does."""
        self._tried: list[tuple[int, ModelInfo]] = []
        """Those with rules of any other kind."""
        for place, model in enumerate(models):
            rules = list(_alternatives(model.match))
            for rule in rules:
                if isinstance(rule, ClauseEquals):
                    self._whole.setdefault(rule.equals.lower(), place)
            if not all(isinstance(rule, ClauseEquals) for rule in rules):
                self._tried.append((place, model))

    def __iter__(self) -> Iterator[ModelInfo]:
        return iter(self._models)

    def find(self, name: str) -> ModelInfo | None:
        """The model that a name means."""
        listed = self._whole.get(name.lower())
        for place, model in self._tried:
            if listed is not None and place >= listed:
                break
            if model.is_match(name):
                return model
        return None if listed is None else self._models[listed]

    def name_of(self, model: ModelInfo) -> str | None:
        """A name that finds the model: its id, unless that finds another one or none."""
        names = (model.id.lower(), *_spellings(model.match))
        return next((name for name in names if self.find(name) is model), None)


def _alternatives(clause: MatchLogic) -> Iterator[MatchLogic]:
    if isinstance(clause, ClauseOr):
        for part in clause.or_:
            yield from _alternatives(part)
    else:
        yield clause


def _spellings(clause: MatchLogic) -> Iterator[str]:
    match clause:
        case ClauseOr():
            for part in clause.or_:
                yield from _spellings(part)
        case ClauseAnd():
            for part in clause.and_:
                yield from _spellings(part)
        case ClauseEquals():
            yield clause.equals.lower()
        case ClauseStartsWith():
            yield clause.starts_with.lower()
        case ClauseContains():
            yield clause.contains.lower()
        case ClauseEndsWith():
            yield clause.ends_with.lower()
        case ClauseRegex():
            pass


def spelled_out(clause: MatchLogic, name: str) -> bool:
    """Whether a match leaves nothing of the name unexplained but dates, versions and routing prefixes."""
    match clause:
        case ClauseOr():
            return any(spelled_out(part, name) for part in clause.or_ if part.is_match(name))
        case ClauseAnd():
            return any(spelled_out(part, name) for part in clause.and_ if part.is_match(name))
        case ClauseEquals():
            return True
        case ClauseRegex():
            return clause.regex.startswith("^") and clause.regex.endswith("$")
        case ClauseStartsWith():
            return _VERSION.fullmatch(name.removeprefix(clause.starts_with.lower())) is not None
        case ClauseContains():
            before, _, after = name.partition(clause.contains.lower())
            return _PREFIX.fullmatch(before) is not None and _VERSION.fullmatch(after) is not None
        case ClauseEndsWith():
            return _PREFIX.fullmatch(name.removesuffix(clause.ends_with.lower())) is not None
