"""The OpenTelemetry GenAI conventions, every generation from the first (`gen_ai.system`, `prompt_tokens`) to today's.

Newest names come first. The conventions say that totals include their parts (cached tokens in input, reasoning in
output): https://github.com/open-telemetry/semantic-conventions-genai. The Bedrock instrumentations pass the
provider's own counts on instead, in which cached tokens stand beside the input.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialect import Dialect
from spancost_pricing import UNIT_ATTRIBUTES, USAGE_ATTRIBUTES

_OLDER_NAMES: Final = {
    "input_tokens": ("gen_ai.usage.prompt_tokens",),
    "output_tokens": ("gen_ai.usage.completion_tokens",),
    "cache_write_tokens": ("gen_ai.usage.cache_creation.input_tokens",),
    "cache_write_1h_tokens": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
}

OTEL: Final = Dialect(
    name="otel",
    marker=b"gen_ai.",
    operation=("gen_ai.operation.name",),
    model_operations=frozenset(
        {
            "chat",
            "text_completion",
            "generate_content",
            "embeddings",
            "embedding",
            "rerank",
            "image_generation",
            "image_edit",
            "image_variation",
            "video_generation",
            "speech",
            "text_to_speech",
            "transcription",
            "speech_to_text",
            "translation",
            "moderation",
        }
    ),
    other_operations=frozenset(
        {
            "create_agent",
            "invoke_agent",
            "invoke_workflow",
            "execute_tool",
            "fetch_response",
            "retrieval",
            "plan",
            "create_memory",
            "create_memory_store",
            "delete_memory",
            "delete_memory_store",
            "search_memory",
            "update_memory",
            "upsert_memory",
        }
    ),
    # Operation names came with v1.27; before that only model calls had a `gen_ai.system` and these counts.
    unnamed_operation="chat",
    unnamed_evidence=("gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens"),
    provider=("gen_ai.provider.name", "gen_ai.system"),
    address=("server.address",),
    request_model=("gen_ai.request.model",),
    response_model=("gen_ai.response.model",),
    response_id=("gen_ai.response.id",),
    service_tier=(
        "spancost.service_tier",
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "anthropic.response.service_tier",
        "gen_ai.response.service_tier",
    ),
    region=("spancost.region",),
    deployment=("spancost.deployment",),
    speed=("spancost.speed",),
    error=("error.type",),
    usage={field: (name, *_OLDER_NAMES.get(field, ())) for field, name in USAGE_ATTRIBUTES.items()},
    units={unit: (name,) for unit, name in UNIT_ATTRIBUTES.items()},
    estimated=("spancost.usage.estimated",),
    reported_usd=("spancost.cost.reported_usd",),
    reported_by=("spancost.cost.reported_by",),
    cache_apart=frozenset(
        {
            "opentelemetry.instrumentation.genai.bedrock",
            "opentelemetry.instrumentation.botocore.bedrock-runtime",
        }
    ),
    feature=("spancost.feature",),
    task=("spancost.task",),
    tenant=("spancost.tenant",),
    user=("user.id", "enduser.id"),
    session=("session.id", "gen_ai.conversation.id"),
)
"""Read by attribute names alone, whatever SDK or provider is behind them."""
