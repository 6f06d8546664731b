"""The calls that both tables are asked to price, each of which turns on as few rates as it can.

The second table's side is arithmetic of its own, in `Decimal`, on its own keys: what it bills a share at, where the
context makes the whole request dearer, and what it falls back on when it states no rate for a share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .second_table import Listed

IN: Final = "input_cost_per_token"
OUT: Final = "output_cost_per_token"
READ: Final = "cache_read_input_token_cost"
WRITE: Final = "cache_creation_input_token_cost"
REASONING: Final = "output_cost_per_reasoning_token"
AUDIO_IN: Final = "input_cost_per_audio_token"
AUDIO_OUT: Final = "output_cost_per_audio_token"
SECOND: Final = "input_cost_per_second"
FEE: Final = "search_context_size_low"

_ABOVE: Final = re.compile(r"_above_(?P<thousands>\d+)k_tokens")
_PARENT: Final[Mapping[str, str]] = {READ: IN, WRITE: IN, AUDIO_IN: IN, REASONING: OUT, AUDIO_OUT: OUT}
"""What it bills a share at when it states no rate for it."""

_TALK: Final = frozenset({"chat", "completion", "responses", "realtime", "audio_transcription", "audio_speech"})


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of call."""

    name: str
    usage: Usage
    """For us."""
    quantities: Mapping[str, int]
    """For the second table: its key -> how many."""
    turns_on: tuple[str, ...] = ()
    """Our items of which one has to have a rate of its own on one side; empty asks every model of the mode."""
    long: bool = False
    """Asked only where a long context has prices of its own on one side."""
    modes: frozenset[str] = field(default=_TALK)
    """What the second table calls the models that it is asked of."""


SHAPES: Final = (
    Shape("plain", Usage(input_tokens=1000, output_tokens=1000), {IN: 1000, OUT: 1000}),
    Shape(
        "cached read",
        Usage(input_tokens=1000, cache_read_tokens=1000, output_tokens=0),
        {READ: 1000},
        ("cache_read",),
    ),
    Shape(
        "cache write",
        Usage(input_tokens=1000, cache_write_tokens=1000, cache_write_1h_tokens=0, output_tokens=0),
        {WRITE: 1000},
        ("cache_write_5m",),
    ),
    Shape("long", Usage(input_tokens=300_000, output_tokens=1000), {IN: 300_000, OUT: 1000}, long=True),
    Shape(
        "long cached",
        Usage(input_tokens=300_000, cache_read_tokens=300_000, output_tokens=0),
        {READ: 300_000},
        ("cache_read",),
        long=True,
    ),
    Shape(
        "reasoning",
        Usage(input_tokens=0, output_tokens=1000, reasoning_tokens=1000),
        {REASONING: 1000},
        ("reasoning",),
    ),
    Shape(
        "audio in",
        Usage(input_tokens=1000, input_audio_tokens=1000, output_tokens=0),
        {AUDIO_IN: 1000},
        ("input_audio",),
    ),
    Shape(
        "audio out",
        Usage(input_tokens=0, output_tokens=1000, output_audio_tokens=1000),
        {AUDIO_OUT: 1000},
        ("output_audio",),
    ),
    Shape("seconds", Usage(units={"second": 60}), {SECOND: 60}, ("second",)),
    Shape("embedding", Usage(input_tokens=1000), {IN: 1000}, modes=frozenset({"embedding"})),
)

KEYS: Final[Mapping[str, str]] = {
    "cache_read": READ,
    "cache_write_5m": WRITE,
    "input_audio": AUDIO_IN,
    "reasoning": REASONING,
    "output_audio": AUDIO_OUT,
    "second": SECOND,
}
"""Our item -> its key."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the second table makes of a call."""

    usd: Decimal
    lacks: tuple[str, ...]
    """Keys that the call needs and that it states no rate for, or states as nothing."""


def theirs(model: Listed, shape: Shape) -> Theirs:
    """What the call costs by the second table."""
    tokens = shape.usage.input_tokens or 0
    total = Decimal(0)
    lacks: list[str] = []
    for key, quantity in shape.quantities.items():
        rate = _rate(model, key, tokens)
        if not rate:
            lacks.append(key)
            # A rate that is stated as nothing is a rate to it; what is not stated is billed as the whole is.
            if rate is None and key in _PARENT:
                rate = _rate(model, _PARENT[key], tokens)
        total += quantity * (rate or Decimal(0))
    if model.route.provider == "perplexity" and FEE in model.rates and "deep-research" not in model.key:
        # Every request searches, in the smallest context unless it asks for more; deep research bills what it ran.
        total += model.rates[FEE]
    return Theirs(total, tuple(lacks))


def stepped(model: Listed) -> bool:
    """Whether a context of 300,000 tokens has prices of its own there."""
    return any((above := _ABOVE.search(key)) and int(above["thousands"]) < 300 for key in model.rates)


def _rate(model: Listed, key: str, tokens: int) -> Decimal | None:
    steps = {0: model.rates.get(key)}
    for name, rate in model.rates.items():
        above = _ABOVE.search(name)
        if above and name == f"{key}{above[0]}" and tokens > int(above["thousands"]) * 1000:
            steps[int(above["thousands"])] = rate
    return steps[max(steps)]
