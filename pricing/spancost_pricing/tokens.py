"""How many tokens a request is before anybody has counted them: a lower, an expected and an upper figure.

The weights of `token_rates.yaml` times the `census` of the text, by the tokenizer family that will read it; the upper
figure is on the safe side for every text the weights were determined on. Where a tokenizer and its data are on this
machine (`exact`) the text is counted exactly and only the provider's wrapping stays an estimate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

import yaml

from spancost_pricing.census import census

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from spancost_pricing.prompt import Prompt

Family = Literal["o200k", "cl100k", "claude", "claude_4_7", "gemini", "other"]
"""Models that share a tokenizer; `other` is bounded by the most and the least of all known ones."""

_Loader: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Several times as fast where PyYAML was built with libyaml, and the table that ships has no mistakes to explain."""

_PERCENT: Final = 100
"""Weights are in hundredths of a token, so that sums are exact."""

_O200K: Final = re.compile(r"(?:^|[/.:])(?:gpt-4o|gpt-4\.[1-9]|gpt-[5-9]|chatgpt-4o|o[1-9](?:-|$))")
_CL100K: Final = re.compile(r"(?:^|[/.:])(?:gpt-4|gpt-3\.5|gpt-35|text-embedding-(?:3|ada-002))")
_GEMINI: Final = re.compile(r"(?:^|[/.:])(?:gemini|gemma)-?")
_CLAUDE_NUMBERED: Final = re.compile(r"claude-(?P<size>[a-z]+)-(?P<major>\d)(?:[-.](?P<minor>\d)(?!\d))?(?!\d)")
_CLAUDE_LED: Final = re.compile(r"claude-(?P<major>\d)(?:[-.](?P<minor>\d))?-[a-z]")
_FIRST_NEW: Final = (4, 7)
"""The first Claude version with the newer tokenizer, which makes about a third more tokens of the same text."""


class Bounds(NamedTuple):
    """Three figures for one unknown: not below, most likely, not above."""

    lower: int
    expected: int
    upper: int


class Weights(NamedTuple):
    """Hundredths of a token for one item of something."""

    lower: int
    expected: int
    upper: int

    def times(self, quantity: float) -> tuple[float, float, float]:
        """For that many items."""
        return self.lower * quantity, self.expected * quantity, self.upper * quantity


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What a provider adds around the texts of a request."""

    request: Weights
    """Once."""
    message: Weights
    """For every message, the system prompt included."""
    tools: Weights
    """Once if there are tools."""
    tool: Weights
    """For every tool, beside its definition."""
    client_tool: Weights
    """For every tool that the provider describes, on top."""
    schema: Weights
    """For every schema of the answer, beside the schema."""
    structure: Weights
    """For a hundred tokens of JSON (tool definitions, tool calls, schemas), which providers rewrite as they like."""


def family_of(model: str) -> Family:
    """The tokenizer family of a model, by any spelling of its name; an unknown Claude is taken for a newer one."""
    name = model.strip().lower()
    if "claude" in name:
        numbered = _CLAUDE_NUMBERED.search(name) or _CLAUDE_LED.search(name)
        if numbered and (int(numbered["major"]), int(numbered["minor"] or 0)) < _FIRST_NEW:
            return "claude"
        return "claude_4_7"
    if _O200K.search(name):
        return "o200k"
    if _CL100K.search(name):
        return "cl100k"
    if _GEMINI.search(name):
        return "gemini"
    return "other"


class TokenRates:
    """The weights of every family, read once."""

    def __init__(self, path: Path | None = None) -> None:
        text = (path or Path(__file__).with_name("token_rates.yaml")).read_text(encoding="utf-8")
        table = cast("Mapping[str, object]", yaml.load(text, Loader=_Loader))
        self._common = frozenset(cast("str", table["common_words"]).split())
        rates = cast("Mapping[Family, Mapping[str, Sequence[int]]]", table["rates"])
        wrapping = cast("Mapping[Family, Mapping[str, Sequence[int]]]", table["wrapping"])
        self._weights = {
            family: {name: Weights(*weights) for name, weights in classes.items()} for family, classes in rates.items()
        }
        self._wrapping = {
            family: Wrapping(**{name: Weights(*weights) for name, weights in parts.items()})
            for family, parts in wrapping.items()
        }

    def count(self, texts: Iterable[str], family: Family) -> Bounds:
        """Tokens of plain texts."""
        weights = self._weights[family]
        lower = expected = upper = 0.0
        for name, quantity in census(texts, self._common).items():
            if quantity:
                low, middle, high = weights[name].times(quantity)
                lower += low
                expected += middle
                upper += high
        return _whole(lower, expected, upper)

    def count_request(self, prompt: Prompt, family: Family, exactly: Callable[[str], int] | None = None) -> Bounds:
        """Input tokens of a request: its texts, its structure and the provider's wrapping.

        `exactly` counts a text with the model's own tokenizer.
        """
        wrapping = self._wrapping[family]
        counted = tuple(
            self.count(texts, family) if exactly is None else Bounds(*[sum(map(exactly, texts))] * 3)
            for texts in (prompt.texts, prompt.structures)
        )
        text, structure = counted
        hidden = self.count(prompt.hidden, family)
        lower = float(text.lower * _PERCENT)
        expected = float((text.expected + hidden.expected) * _PERCENT)
        upper = float((text.upper + hidden.upper) * _PERCENT)
        lower += structure.lower * wrapping.structure.lower
        expected += structure.expected * wrapping.structure.expected
        upper += structure.upper * wrapping.structure.upper
        for weights, quantity in (
            (wrapping.request, 1),
            (wrapping.message, prompt.messages),
            (wrapping.tools, 1 if prompt.tools else 0),
            (wrapping.tool, prompt.tools),
            (wrapping.client_tool, prompt.client_tools),
            (wrapping.schema, prompt.schemas),
        ):
            low, middle, high = weights.times(quantity)
            lower += low
            expected += middle
            upper += high
        return _whole(lower, expected, upper)


def _whole(lower: float, expected: float, upper: float) -> Bounds:
    """Hundredths as whole tokens, each rounded to its own side."""
    least = int(lower // _PERCENT)
    middle = max(least, round(expected / _PERCENT))
    return Bounds(least, middle, max(middle, int(-(-upper // _PERCENT))))
