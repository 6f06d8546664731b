"""How Google's usage reports add up: totals in parts that stand beside each other, and breakdowns by modality.

Its two generations of APIs have names of their own for the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from spancost.fields import fields_of, listed, whole, word
from spancost.wire import (
    CACHE_READ_AUDIO_TOKENS,
    CACHE_READ_IMAGE_TOKENS,
    INPUT_AUDIO_TOKENS,
    INPUT_IMAGE_TOKENS,
    OUTPUT_AUDIO_TOKENS,
    OUTPUT_IMAGE_TOKENS,
)

if TYPE_CHECKING:
    from spancost.fields import Fields

Breakdowns: TypeAlias = Mapping[str, Mapping[str, str]]
"""A report's breakdown -> modality -> the attribute that its tokens are."""

INPUT: Final = {"AUDIO": INPUT_AUDIO_TOKENS, "IMAGE": INPUT_IMAGE_TOKENS}
CACHED: Final = {"AUDIO": CACHE_READ_AUDIO_TOKENS, "IMAGE": CACHE_READ_IMAGE_TOKENS}
OUTPUT: Final = {"AUDIO": OUTPUT_AUDIO_TOKENS, "IMAGE": OUTPUT_IMAGE_TOKENS}


def added(one: int | None, other: int | None) -> int | None:
    """The sum of what was reported; None when neither was."""
    if one is None:
        return other
    return one if other is None else one + other


def by_modality(report: Fields, breakdowns: Breakdowns, amount: str) -> Mapping[str, int]:
    """What the breakdowns in a report say; `amount` is what they call a number of tokens."""
    figures: dict[str, int] = {}
    for name, modalities in breakdowns.items():
        for detail in listed(report.get(name)):
            said = fields_of(detail).get
            figure, tokens = modalities.get((word(said("modality")) or "").upper()), whole(said(amount))
            if figure is not None and tokens is not None:
                figures[figure] = figures[figure] + tokens if figure in figures else tokens
    return figures
