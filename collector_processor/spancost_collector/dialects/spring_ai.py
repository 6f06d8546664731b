"""Spring AI: observations of Micrometer, whose values are all texts, numbers too.

What its totals include depends on the client it wraps, so arithmetic has to tell. A chat client's span is the framework
around the model's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.otel import OTEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts

_MAX_DIGITS: Final = 10
_TEXTS: Final = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "total_tokens": "gen_ai.usage.total_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
}


def _refine(facts: Mapping[str, Any]) -> Facts:
    return {
        column: int(text)
        for column in _TEXTS
        if (text := facts.get(f"{column}_text", "")).isdecimal() and len(text) <= _MAX_DIGITS
    }


SPRING_AI: Final = OTEL.derive(
    "spring_ai",
    scopes=("org.springframework.ai*",),
    evidence=("spring.ai.*",),
    others=OTEL.others | {"framework"},
    unnamed_operation=None,
    names=dict.fromkeys(_TEXTS, ()),
    notes={f"{column}_text": ("text", (name,)) for column, name in _TEXTS.items()},
    refine=_refine,
    judged=True,
    apart=(),
)
