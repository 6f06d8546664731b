"""Logfire's own instrumentations, and pydantic-ai.

Totals include their parts. Logfire's spans tell the parts only in the provider's usage object (`gen_ai.usage.raw`), and
a streamed call is described by a log when it has ended: the span that opened the stream knows nothing of its usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.embedded import provider_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts

_AGGREGATED: Final = "gen_ai.aggregated_usage."


def _refine(facts: Mapping[str, Any]) -> Facts:
    answered = {"response_id", "input_tokens", "output_tokens"} & facts.keys()
    if facts.get("span_type") == "span" and not answered and not facts["failed"]:
        return {"operation": "fetch_response"}  # opened a stream; the log at its end describes the call
    usage = provider_usage(facts["usage"]) if "usage" in facts else {}
    # Totals are the emitter's own, which knows its providers; the document adds the parts.
    found = {column: value for column, value in usage.items() if value is not None and facts.get(column) is None}
    if facts.get("span_type") == "log" and "took" in facts:
        found["took_s"] = facts["took"]
    return found


LOGFIRE: Final = OTEL.derive(
    "logfire",
    scopes=("logfire*",),
    evidence=("logfire.*",),
    names={"quoted_usd": ("operation.cost",), "tags": (*OTEL.names["tags"], "logfire.tags")},
    notes={
        "usage": ("document", ("gen_ai.usage.raw",)),
        "span_type": ("text", ("logfire.span_type",)),
        "took": ("amount", ("duration",)),
    },
    refine=_refine,
    apart=(),
)

PYDANTIC_AI: Final = OTEL.derive(
    "pydantic_ai",
    scopes=("pydantic-ai*", "pydantic_ai*"),
    evidence=("gen_ai.aggregated_usage.*", "gen_ai.usage.details.*"),
    names={
        "quoted_usd": ("operation.cost",),
        "input_tokens": (*OTEL.names["input_tokens"], _AGGREGATED + "input_tokens"),
        "output_tokens": (*OTEL.names["output_tokens"], _AGGREGATED + "output_tokens"),
        "cache_read_tokens": (
            *OTEL.names["cache_read_tokens"],
            "gen_ai.usage.details.cache_read_tokens",
            _AGGREGATED + "cache_read.input_tokens",
        ),
        "cache_write_tokens": (
            *OTEL.names["cache_write_tokens"],
            "gen_ai.usage.details.cache_write_tokens",
            _AGGREGATED + "cache_write.input_tokens",
        ),
        "cache_write_1h_tokens": (
            *OTEL.names["cache_write_1h_tokens"],
            "gen_ai.usage.details.ephemeral_1h_input_tokens",
        ),
        "reasoning_tokens": (
            *OTEL.names["reasoning_tokens"],
            "gen_ai.usage.details.reasoning_tokens",
            "gen_ai.usage.details.thoughts_tokens",
            "gen_ai.usage.details.thinking_tokens",
        ),
        "input_audio_tokens": (
            *OTEL.names["input_audio_tokens"],
            "gen_ai.usage.details.input_audio_tokens",
            "gen_ai.usage.details.audio_prompt_tokens",
        ),
        "input_image_tokens": (*OTEL.names["input_image_tokens"], "gen_ai.usage.details.image_prompt_tokens"),
        "output_audio_tokens": (*OTEL.names["output_audio_tokens"], "gen_ai.usage.details.output_audio_tokens"),
        "web_search": (*OTEL.names["web_search"], "gen_ai.usage.details.web_search_requests"),
        "tags": (*OTEL.names["tags"], "logfire.tags"),
    },
    apart=(),
)
