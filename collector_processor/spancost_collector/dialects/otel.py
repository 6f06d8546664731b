"""The OpenTelemetry GenAI conventions, every generation from the first (`gen_ai.system`, `prompt_tokens`) to today's.

Newest names come first. The conventions say that totals include their parts (cached tokens in input, reasoning in
output): https://github.com/open-telemetry/semantic-conventions-genai. The Bedrock instrumentations pass the
provider's own counts on instead, in which cached tokens stand beside the input.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialects.everywhere import EVERYWHERE
from spancost_collector.reading.dialect import Apart, Dialect
from spancost_pricing import USAGE_ATTRIBUTES

_OLDER_NAMES: Final = {
    "input_tokens": ("gen_ai.usage.prompt_tokens",),
    "output_tokens": ("gen_ai.usage.completion_tokens",),
    "cache_read_tokens": ("gen_ai.usage.cache_read_input_tokens",),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
    ),
    "cache_write_1h_tokens": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning_tokens": ("gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning_output_tokens"),
}

OTEL: Final = Dialect(
    name="otel",
    scopes=(
        "com.anthropic.sdk.*",
        "io.opentelemetry.*",
        "opentelemetry.instrumentation.*",
        "opentelemetry.util.genai*",
        "spancost*",
        "@opentelemetry/*",
    ),
    operation=("gen_ai.operation.name",),
    leaves={
        "chat": "chat",
        "text_completion": "text_completion",
        "generate_content": "generate_content",
        "embeddings": "embeddings",
        "embedding": "embeddings",
        "rerank": "rerank",
        "image": "image_generation",
        "image_generation": "image_generation",
        "image_edit": "image_edit",
        "image_variation": "image_variation",
        "video_generation": "video_generation",
        "audio": "text_to_speech",
        "speech": "speech",
        "text_to_speech": "text_to_speech",
        "transcription": "transcription",
        "speech_to_text": "speech_to_text",
        "translation": "translation",
        "moderation": "moderation",
    },
    aggregates=frozenset({"create_agent", "invoke_agent", "invoke_workflow"}),
    others=frozenset(
        {
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
    # Operation names came with v1.27; before that only model calls had a `gen_ai.system` and counts.
    unnamed_operation="chat",
    names={
        **EVERYWHERE,
        "operation": ("gen_ai.operation.name",),
        "provider": ("gen_ai.provider.name", "gen_ai.system"),
        "request_model": ("gen_ai.request.model",),
        "response_model": ("gen_ai.response.model",),
        "response_id": ("gen_ai.response.id",),
        # The tier that served the call; never the one that was asked for.
        "service_tier": (
            "spancost.service_tier",
            "openai.response.service_tier",
            "gen_ai.openai.response.service_tier",
            "anthropic.response.service_tier",
            "gen_ai.response.service_tier",
        ),
        **{column: (name, *_OLDER_NAMES.get(column, ())) for column, name in USAGE_ATTRIBUTES.items()},
        "total_tokens": ("gen_ai.usage.total_tokens",),
        # https://github.com/open-telemetry/semantic-conventions-genai/pull/443, with the name in use before it
        "quoted_usd": ("gen_ai.usage.cost.amount", "gen_ai.usage.cost", "gen_ai.usage.total_cost"),
        "first_chunk_s": ("gen_ai.response.time_to_first_chunk",),
        "feature": ("spancost.feature", "gen_ai.workflow.name", "gen_ai.agent.name"),
        "user": (*EVERYWHERE["user"], "gen_ai.user", "gen_ai.user.id"),
        "session": (*EVERYWHERE["session"], "gen_ai.conversation.id", "gen_ai.session.id"),
        "prompt": ("gen_ai.prompt.name",),
        "prompt_version": ("gen_ai.prompt.version",),
    },
    apart=(
        Apart("cache", "opentelemetry.instrumentation.genai.bedrock"),
        Apart("cache", "opentelemetry.instrumentation.botocore"),
        # xAI's chat answers count reasoning beside the completion, its responses in the output.
        Apart("reasoning", providers=frozenset({"x_ai", "xai"}), if_shown=True),
    ),
)
"""Read by attribute names alone, whatever SDK or provider is behind them."""
