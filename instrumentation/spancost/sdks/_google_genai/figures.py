"""How Google's usage reports add up: totals in parts that stand beside each other, and breakdowns by modality.

Its two generations of APIs have names of their own for the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from spancost.fields import fields_of, listed, whole, word

if TYPE_CHECKING:
    from spancost.fields import Fields
    from spancost_pricing import Usage

Breakdowns: TypeAlias = Mapping[str, Mapping[str, str]]
"""A report's breakdown -> modality -> the figure of a `Usage` that its tokens are."""

INPUT: Final = {"AUDIO": "input_audio_tokens", "IMAGE": "input_image_tokens"}
CACHED: Final = {"AUDIO": "cache_read_audio_tokens", "IMAGE": "cache_read_image_tokens"}
OUTPUT: Final = {"AUDIO": "output_audio_tokens", "IMAGE": "output_image_tokens"}


def added(one: int | None, other: int | None) -> int | None:
    """The sum of what was reported; None when neither was."""
    if one is None:
        return other
    return one if other is None else one + other


def by_modality(usage: Usage, report: Fields, breakdowns: Breakdowns, amount: str) -> Usage:
    """`usage` with what the breakdowns in a report say; `amount` is what they call a number of tokens."""
    listings = [*map(report.get, breakdowns)]
    if not any(listings):
        return usage
    figures: dict[str, int] = {}
    for listing, modalities in zip(listings, breakdowns.values(), strict=True):
        for detail in listed(listing):
            said = fields_of(detail).get
            figure, tokens = modalities.get((word(said("modality")) or "").upper()), whole(said(amount))
            if figure is not None and tokens is not None:
                figures[figure] = figures[figure] + tokens if figure in figures else tokens
    return usage._replace(**figures) if figures else usage
