"""LangSmith's OpenTelemetry export: runs by kind, totals that include their parts, the parts as Python prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.embedded import count, inner, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.dialect import Facts

_TIERS: Final = ("flex", "priority")


def _refine(facts: Mapping[str, Any]) -> Facts:
    """LangChain's parts; the tier that served a call is in front of their names."""
    metadata: Mapping[str, Any] = facts.get("usage_metadata", {})
    parts_in: Mapping[str, Any] = facts.get("input_details") or inner(metadata, "input_token_details")
    parts_out: Mapping[str, Any] = facts.get("output_details") or inner(metadata, "output_token_details")
    tier = next((tier for tier in _TIERS if any(name.startswith(tier + "_") for name in (*parts_in, *parts_out))), None)
    short, long = (count(parts_in, f"ephemeral_{lifetime}_input_tokens") for lifetime in ("5m", "1h"))
    written = count(parts_in, "cache_creation", "cache_write")
    changes: Facts = {
        "input_tokens": count(metadata, "input_tokens"),
        "output_tokens": count(metadata, "output_tokens"),
        "cache_read_tokens": count(parts_in, "cache_read", *(f"{tier}_cache_read" for tier in _TIERS)),
        # LangChain moves what it knows the lifetime of out of the sum.
        "cache_write_tokens": total(short, long) if (short or long) and not written else written,
        "cache_write_1h_tokens": long,
        "input_audio_tokens": count(parts_in, "audio"),
        "reasoning_tokens": count(parts_out, "reasoning", *(f"{tier}_reasoning" for tier in _TIERS)),
        "output_audio_tokens": count(parts_out, "audio"),
        "service_tier": tier,
    }
    found = {column: value for column, value in changes.items() if value is not None and facts.get(column) is None}
    if facts.get("usage_scope") == "agent_total":
        found["operation"] = "chain"
    return found


LANGSMITH: Final = OTEL.derive(
    "langsmith",
    scopes=("langsmith*",),
    evidence=("langsmith.span.kind",),
    operation=("langsmith.span.kind",),
    leaves={"llm": "chat", "embedding": "embeddings"},
    aggregates=frozenset({"chain", "agent"}),
    others=frozenset({"tool", "retriever", "prompt", "parser"}),
    names={
        "operation": ("langsmith.span.kind",),
        "provider": ("langsmith.metadata.ls_provider", *OTEL.names["provider"]),
        "request_model": ("gen_ai.request.model", "langsmith.metadata.ls_model_name"),
        "tags": (*OTEL.names["tags"], "langsmith.span.tags"),
    },
    metadata_prefixes=("langsmith.metadata.",),
    notes={
        "usage_metadata": ("document", ("langsmith.usage_metadata",)),
        "input_details": ("document", ("gen_ai.usage.input_token_details",)),
        "output_details": ("document", ("gen_ai.usage.output_token_details",)),
        "usage_scope": ("text", ("langsmith.metadata.usage_scope",)),
    },
    refine=_refine,
    apart=(),
)
