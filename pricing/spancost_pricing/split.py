"""Totals that include their parts, taken apart into shares that are each charged once.

A provider bills a token at exactly one rate, while its report nests: cached tokens inside input, cached audio
inside both cached and audio, reasoning inside output. Here and nowhere else that nesting is resolved. A part
larger than its whole is refused, never clamped: somebody counted wrongly, and a guess would hide it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from spancost_pricing.errors import SpancostError
from spancost_pricing.usage import TokenClass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from spancost_pricing.charge import Reason
    from spancost_pricing.usage import Usage

Share = Literal[TokenClass, "cache_read_audio", "cache_read_image"]
"""A token class, with cached tokens told apart by modality where they are priced apart."""

SHARE_CLASS: Final[Mapping[Share, TokenClass]] = {
    "input": "input",
    "cache_read": "cache_read",
    "cache_read_audio": "cache_read",
    "cache_read_image": "cache_read",
    "cache_write_5m": "cache_write_5m",
    "cache_write_1h": "cache_write_1h",
    "input_audio": "input_audio",
    "input_image": "input_image",
    "output": "output",
    "reasoning": "reasoning",
    "output_audio": "output_audio",
    "output_image": "output_image",
}
"""Which token class a share is reported under."""


class UsageError(SpancostError, ValueError):
    """A usage report that contradicts itself; `reason` is the one the charge carries."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


def split(usage: Usage) -> dict[TokenClass, int]:
    """The disjoint token classes of a call; they sum to its total. Classes without tokens are left out.

    Raises:
        UsageError: a part exceeds its whole, or a quantity is negative.
    """
    classes: dict[TokenClass, int] = {}
    for share, tokens in shares(usage):
        name = SHARE_CLASS[share]
        classes[name] = classes.get(name, 0) + tokens
    return classes


def shares(usage: Usage) -> list[tuple[Share, int]]:
    """As `split`, with cached audio and cached images told apart; in the order in which they are explained."""
    return [*_input_shares(usage), *_output_shares(usage)]


def _input_shares(usage: Usage) -> list[tuple[Share, int]]:
    total, read, write, hour, audio, image, read_audio, read_image = usage[:8]
    if not (write or hour or audio or image or read_audio or read_image):
        if not read:
            if total is not None and total < 0:
                raise _negative("input_tokens", total)
            return [("input", total)] if total else []
        if total is not None and 0 < read < total:
            return [("input", total - read), ("cache_read", read)]
    # Nobody reported a part: there was none of it.
    whole = 0 if total is None else total
    cached = 0 if read is None else read
    written = 0 if write is None else write
    long = 0 if hour is None else hour
    heard = 0 if audio is None else audio
    seen = 0 if image is None else image
    cached_audio = 0 if read_audio is None else read_audio
    cached_image = 0 if read_image is None else read_image
    rest = whole - cached - written - heard - seen + cached_audio + cached_image
    if rest < 0 and (heard or seen):
        # Cached tokens and modalities overlap, and nobody said by how much: take the least that fits the total.
        if read_audio is None:
            cached_audio = max(0, min(-rest, heard, cached))
            rest += cached_audio
        if read_image is None:
            cached_image = max(0, min(-rest, seen, cached - cached_audio))
            rest += cached_image
    parts: tuple[tuple[Share, int], ...] = (
        ("input", rest),
        ("cache_read", cached - cached_audio - cached_image),
        ("cache_read_audio", cached_audio),
        ("cache_read_image", cached_image),
        ("cache_write_5m", written - long),
        ("cache_write_1h", long),
        ("input_audio", heard - cached_audio),
        ("input_image", seen - cached_image),
    )
    found: list[tuple[Share, int]] = [part for part in parts if part[1]]
    for _, tokens in found:
        if tokens < 0:
            raise _contradiction(
                ("cache_read_tokens", cached, "input_tokens", whole),
                ("cache_write_tokens", written, "input_tokens", whole),
                ("input_audio_tokens", heard, "input_tokens", whole),
                ("input_image_tokens", seen, "input_tokens", whole),
                ("cache_write_1h_tokens", long, "cache_write_tokens", written),
                ("cache_read_audio_tokens", cached_audio, "cache_read_tokens", cached),
                ("cache_read_audio_tokens", cached_audio, "input_audio_tokens", heard),
                ("cache_read_image_tokens", cached_image, "cache_read_tokens", cached),
                ("cache_read_image_tokens", cached_image, "input_image_tokens", seen),
                ("cached audio and image tokens together", cached_audio + cached_image, "cache_read_tokens", cached),
                ("cached, written, audio and image tokens together", whole - rest, "input_tokens", whole),
            )
    return found


def _output_shares(usage: Usage) -> list[tuple[Share, int]]:
    total, reasoning = usage.output_tokens, usage.reasoning_tokens
    audio, image = usage.output_audio_tokens, usage.output_image_tokens
    if not (audio or image):
        if not reasoning:
            if total is not None and total < 0:
                raise _negative("output_tokens", total)
            return [("output", total)] if total else []
        if total is not None and 0 < reasoning < total:
            return [("output", total - reasoning), ("reasoning", reasoning)]
    whole = 0 if total is None else total
    thought = 0 if reasoning is None else reasoning
    spoken = 0 if audio is None else audio
    drawn = 0 if image is None else image
    parts: tuple[tuple[Share, int], ...] = (
        ("output", whole - thought - spoken - drawn),
        ("reasoning", thought),
        ("output_audio", spoken),
        ("output_image", drawn),
    )
    found: list[tuple[Share, int]] = [part for part in parts if part[1]]
    for _, tokens in found:
        if tokens < 0:
            raise _contradiction(
                ("reasoning_tokens", thought, "output_tokens", whole),
                ("output_audio_tokens", spoken, "output_tokens", whole),
                ("output_image_tokens", drawn, "output_tokens", whole),
                ("reasoning, audio and image tokens together", thought + spoken + drawn, "output_tokens", whole),
            )
    return found


def shown(quantity: int | Decimal) -> str:
    """A quantity for people, however long: Python refuses to write integers of more than 4300 digits."""
    try:
        return str(quantity)
    except ValueError:
        return f"about {'-' if quantity < 0 else ''}2**{int(quantity).bit_length()}"


def _negative(name: str, value: int) -> UsageError:
    return UsageError("negative_quantity", f"{name} is {shown(value)}; a quantity cannot be negative")


def _contradiction(*relations: tuple[str, int, str, int]) -> UsageError:
    """What is wrong with parts and wholes of which one share came out negative."""
    for name, part, whole_name, whole in relations:
        for said, value in ((name, part), (whole_name, whole)):
            if value < 0:
                return _negative(said, value)
    name, part, whole_name, whole = next(relation for relation in relations if relation[1] > relation[3])
    text = f"{name} is {shown(part)}, more than the {shown(whole)} {whole_name} it is part of"
    return UsageError("part_exceeds_whole", text)
