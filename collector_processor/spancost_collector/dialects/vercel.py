"""The Vercel AI SDK, up to version 6 with keys of its own and from 7 on in the conventions'.

Up to 6 the provider's call is a `….doGenerate` or `….doStream` span, and the operation around it repeats its usage.
Since 6 totals include their parts; before that Anthropic's and Bedrock's cached tokens stood beside the input. From 7
on the provider's own metadata, with lifetimes and tier, is there only where the app asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.everywhere import EVERYWHERE
from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.dialect import Dialect
from spancost_collector.reading.embedded import count, gemini_usage, inner, total, written_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts

_MILLISECONDS: Final = 1000


def _refine(facts: Mapping[str, Any]) -> Facts:
    """Cache writes and their lifetimes stand in the provider's metadata, and times are in milliseconds."""
    changes: Facts = {}
    if "first_chunk_ms" in facts:
        changes["first_chunk_s"] = facts["first_chunk_ms"] / _MILLISECONDS
    metadata: Mapping[str, Any] = facts.get("provider_metadata", {})
    changes |= _anthropic(facts, inner(metadata, "anthropic", "usage"), inner(metadata, "bedrock", "usage"))
    google = gemini_usage(inner(metadata, "google", "usageMetadata"))
    # What tools returned and what was heard or seen is nowhere else.
    changes |= {column: value for column, value in google.items() if value is not None}
    for provider in ("openai", "azure"):
        tier = inner(metadata, provider).get("serviceTier")
        if isinstance(tier, str):
            changes["service_tier"] = tier
    return changes


def _anthropic(facts: Mapping[str, Any], anthropic: Mapping[str, Any], bedrock: Mapping[str, Any]) -> Facts:
    long = count(inner(anthropic, "cache_creation"), "ephemeral_1h_input_tokens")
    changes: Facts = {"cache_write_1h_tokens": written_for(bedrock, "1h") if long is None else long}
    written = facts.get("cache_write_tokens")
    if written is None:
        written = count({**bedrock, **anthropic}, "cache_creation_input_tokens", "cacheWriteInputTokens")
        changes["cache_write_tokens"] = written
    whole = facts.get("input_tokens")
    if whole is not None and "total_of_version_6" not in facts and (anthropic or bedrock):
        changes["input_tokens"] = total(whole, facts.get("cache_read_tokens"), written)
    tier = anthropic.get("service_tier")
    if isinstance(tier, str):
        changes["service_tier"] = tier
    return changes


def _refine_7(facts: Mapping[str, Any]) -> Facts:
    """The provider's metadata is there where the app asks for it; totals include their parts."""
    changes = _refine({**facts, "total_of_version_6": 0}) if "provider_metadata" in facts else {}
    return {column: value for column, value in changes.items() if value is not None}


VERCEL: Final = Dialect(
    name="vercel_ai",
    scopes=("ai",),
    markers=(b"ai.operationId",),
    evidence=("ai.operationId",),
    operation=("ai.operationId",),
    leaves={
        "ai.generateText.doGenerate": "chat",
        "ai.streamText.doStream": "chat",
        "ai.generateObject.doGenerate": "chat",
        "ai.streamObject.doStream": "chat",
        "ai.embed.doEmbed": "embeddings",
        "ai.embedMany.doEmbed": "embeddings",
        "ai.rerank.doRerank": "rerank",
    },
    aggregates=frozenset(
        {
            "ai.generateText",
            "ai.streamText",
            "ai.generateObject",
            "ai.streamObject",
            "ai.embed",
            "ai.embedMany",
            "ai.rerank",
        }
    ),
    others=frozenset({"ai.toolCall"}),
    names={
        **EVERYWHERE,
        "operation": ("ai.operationId",),
        "provider": ("ai.model.provider", "gen_ai.system"),
        "request_model": ("ai.model.id", "gen_ai.request.model"),
        "response_model": ("ai.response.model", "gen_ai.response.model"),
        "response_id": ("ai.response.id", "gen_ai.response.id"),
        "input_tokens": (
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
            "ai.usage.tokens",
            "gen_ai.usage.input_tokens",
        ),
        "cache_read_tokens": ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
        "cache_write_tokens": ("ai.usage.inputTokenDetails.cacheWriteTokens", "ai.usage.cacheCreationInputTokens"),
        "output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens", "gen_ai.usage.output_tokens"),
        "reasoning_tokens": ("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
        "total_tokens": ("ai.usage.totalTokens",),
        "feature": ("spancost.feature", "ai.telemetry.functionId"),
    },
    metadata_prefixes=("ai.telemetry.metadata.",),
    notes={
        "provider_metadata": ("document", ("ai.response.providerMetadata",)),
        "first_chunk_ms": ("amount", ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")),
        "total_of_version_6": ("count", ("ai.usage.inputTokenDetails.noCacheTokens",)),
    },
    refine=_refine,
)
VERCEL_7: Final = OTEL.derive(
    "vercel_ai_7",
    scopes=("ai", "gen_ai", "@ai-sdk/*"),
    evidence=("ai.telemetry.*",),
    names={
        "reasoning_tokens": (*OTEL.names["reasoning_tokens"], "ai.usage.outputTokenDetails.reasoningTokens"),
        "feature": ("spancost.feature", "ai.telemetry.functionId", *OTEL.names["feature"][1:]),
    },
    metadata_prefixes=("ai.telemetry.metadata.",),
    notes={"provider_metadata": ("document", ("ai.response.providerMetadata",))},
    refine=_refine_7,
    apart=(),
)
