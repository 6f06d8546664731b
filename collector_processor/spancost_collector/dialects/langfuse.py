"""Langfuse's SDK: observations of type generation and embedding, usage as one JSON document.

In Langfuse's own words the buckets stand side by side (`input` is the uncached rest) and sum to the total; where an
integration passes the provider's usage object on, the provider's rules hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.everywhere import EVERYWHERE
from spancost_collector.reading.dialect import Dialect
from spancost_collector.reading.embedded import amount, count, load_json, provider_usage, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts

_OWN_BUCKETS: Final = frozenset({"input", "output"})


def _refine(facts: Mapping[str, Any]) -> Facts:
    usage: Mapping[str, Any] = facts.get("usage_details", {})
    changes = _buckets(usage) if usage.keys() & _OWN_BUCKETS else provider_usage(usage) if usage else {}
    cost: Mapping[str, Any] = facts.get("cost_details", {})
    if set(cost) == {"total"} and usage and not usage.keys() & _OWN_BUCKETS:
        # The integration passes on what the answer says, and only OpenRouter's says what it cost.
        changes |= {"reported_usd": amount(cost, "total"), "reported_by": "openrouter", "provider": "openrouter"}
        cost = {}
    changes["quoted_usd"] = amount(cost, "total")
    if changes["quoted_usd"] is None and cost:
        parts = [part for name in cost if (part := amount(cost, name)) is not None]
        changes["quoted_usd"] = sum(parts) if parts else None
    tier = _inner_text(facts.get("service_tier_json"))
    return {
        column: value
        for column, value in {**changes, "service_tier": changes.get("service_tier") or tier}.items()
        if value is not None and facts.get(column) is None
    }


def _buckets(usage: Mapping[str, Any]) -> Facts:
    """Disjoint buckets: all whose name begins with input or cache belong to the input, and so for the output."""
    read = total(
        count(usage, "input_cached_tokens", "input_cache_read"),
        count(usage, "cache_read_input_tokens"),
    )
    short = count(usage, "input_cache_creation_5m", "cache_creation_input_tokens_5m")
    long = count(usage, "input_cache_creation_1h", "cache_creation_input_tokens_1h")
    written = count(usage, "input_cache_creation", "cache_creation_input_tokens")
    written = written if written is not None else total(short, long)
    heard = count(usage, "input_audio_tokens", "input_audio", "input_modality_AUDIO")
    seen = count(usage, "input_image_tokens", "input_image", "input_modality_IMAGE")
    reasoning = count(usage, "output_reasoning_tokens", "output_reasoning", "output_thoughts")
    spoken = count(usage, "output_audio_tokens", "output_audio", "output_modality_AUDIO")
    drawn = count(usage, "output_image_tokens", "output_image", "output_modality_IMAGE")
    return {
        "input_tokens": total(count(usage, "input"), read, written, heard, seen),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "cache_write_1h_tokens": long,
        "input_audio_tokens": heard,
        "input_image_tokens": seen,
        "output_tokens": total(count(usage, "output"), reasoning, spoken, drawn),
        "reasoning_tokens": reasoning,
        "output_audio_tokens": spoken,
        "output_image_tokens": drawn,
        "total_tokens": count(usage, "total"),
    }


def _inner_text(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        found = load_json(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, str) else None


LANGFUSE: Final = Dialect(
    name="langfuse",
    scopes=("langfuse*",),
    markers=(b"langfuse.observation.",),
    evidence=("langfuse.observation.type",),
    operation=("langfuse.observation.type",),
    leaves={"generation": "chat", "embedding": "embeddings"},
    aggregates=frozenset({"agent", "chain", "span"}),
    others=frozenset({"event", "tool", "retriever", "guardrail", "evaluator"}),
    names={
        **EVERYWHERE,
        "operation": ("langfuse.observation.type",),
        "response_model": ("langfuse.observation.model.name",),
        "provider": ("gen_ai.provider.name", "gen_ai.system"),
        "feature": ("spancost.feature", "langfuse.trace.name"),
        "user": (*EVERYWHERE["user"], "langfuse.user.id"),
        "session": (*EVERYWHERE["session"], "langfuse.session.id"),
        "prompt": ("langfuse.observation.prompt.name",),
        "prompt_version": ("langfuse.observation.prompt.version",),
        "tags": ("langfuse.trace.tags",),
        "environment": ("langfuse.environment", *EVERYWHERE["environment"]),
        "release": ("langfuse.release", "langfuse.version"),
    },
    metadata=("langfuse.trace.metadata",),
    metadata_prefixes=("langfuse.trace.metadata.",),
    notes={
        "usage_details": ("document", ("langfuse.observation.usage_details",)),
        "cost_details": ("document", ("langfuse.observation.cost_details",)),
        "service_tier_json": ("text", ("langfuse.observation.metadata.service_tier",)),
    },
    refine=_refine,
)
