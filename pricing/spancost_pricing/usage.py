"""What one call consumed, as totals that include their parts.

Every provider and every telemetry emitter counts differently; `Usage` is the one meaning they are all turned
into before anything is priced. It follows the OpenTelemetry GenAI conventions: `input_tokens` includes cached,
audio and image tokens, `output_tokens` includes reasoning. `None` means that nobody reported the figure and `0`
that somebody reported zero; the two never meet. This module knows no provider, no price and no span.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

TokenClass = Literal[
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "input_image",
    "output",
    "reasoning",
    "output_audio",
    "output_image",
]
"""A disjoint share of a call's tokens; the classes of a call sum to its total."""

TOKEN_CLASSES: Final[tuple[TokenClass, ...]] = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "input_image",
    "output",
    "reasoning",
    "output_audio",
    "output_image",
)

Unit = Literal["web_search", "web_fetch", "image", "second", "character", "request"]
"""Something billed that is not a token."""

_NO_UNITS: Final[Mapping[Unit, Decimal | int]] = MappingProxyType({})


class Usage(NamedTuple):
    """The billed quantities of one call, always given by name. Totals include their parts.

    A tuple, because one is made for every call and a frozen dataclass takes five times as long.
    """

    input_tokens: int | None = None
    """All tokens that went in, whatever their rate."""
    cache_read_tokens: int | None = None
    """Part of `input_tokens`: served from the provider's prompt cache."""
    cache_write_tokens: int | None = None
    """Part of `input_tokens`: written to the prompt cache, all lifetimes together."""
    cache_write_1h_tokens: int | None = None
    """Part of `cache_write_tokens`: kept for the longer lifetime that is sold, an hour or (OpenAI) twelve; the rest is
    kept for the provider's default lifetime."""
    input_audio_tokens: int | None = None
    """Part of `input_tokens`: audio, cached audio included."""
    input_image_tokens: int | None = None
    """Part of `input_tokens`: images, cached images included."""
    cache_read_audio_tokens: int | None = None
    """Part of both `cache_read_tokens` and `input_audio_tokens`."""
    cache_read_image_tokens: int | None = None
    """Part of both `cache_read_tokens` and `input_image_tokens`."""
    output_tokens: int | None = None
    """All tokens that came out, reasoning included."""
    reasoning_tokens: int | None = None
    """Part of `output_tokens`: thought, not shown."""
    output_audio_tokens: int | None = None
    """Part of `output_tokens`."""
    output_image_tokens: int | None = None
    """Part of `output_tokens`."""
    batched_requests: int | None = None
    """How many requests the figures add up, where a provider reports a batch as one; their size is the average."""
    units: Mapping[Unit, Decimal | int] = _NO_UNITS
    """Billed quantities that are not tokens; a tool fee only where the tool ran."""
    estimated: bool = False
    """The provider reported no usage (an interrupted stream) and the figures were counted on our side."""


USAGE_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "input_tokens": "gen_ai.usage.input_tokens",
        "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
        "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
        "cache_write_1h_tokens": "spancost.usage.cache_write_1h.input_tokens",
        "input_audio_tokens": "gen_ai.usage.audio.input_tokens",
        "input_image_tokens": "gen_ai.usage.image.input_tokens",
        "cache_read_audio_tokens": "gen_ai.usage.audio.cache_read.input_tokens",
        "cache_read_image_tokens": "gen_ai.usage.image.cache_read.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
        "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
        "output_audio_tokens": "gen_ai.usage.audio.output_tokens",
        "output_image_tokens": "gen_ai.usage.image.output_tokens",
        "batched_requests": "spancost.batch.requests",
    }
)
"""`Usage` field -> span attribute, in the newest GenAI conventions; what they lack is under `spancost.usage.`."""

UNIT_ATTRIBUTES: Final[Mapping[Unit, str]] = MappingProxyType(
    {
        "web_search": "spancost.usage.web_searches",
        "web_fetch": "spancost.usage.web_fetches",
        "image": "spancost.usage.images",
        "second": "spancost.usage.seconds",
        "character": "spancost.usage.characters",
        "request": "spancost.usage.requests",
    }
)
"""Non-token unit -> span attribute."""
