"""OpenInference (Arize): spans by kind, `llm.token_count.*`, totals that include their parts.

A span of kind AGENT or CHAIN may repeat the counts of the calls under it. The gateway of Envoy writes this dialect too.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialect import Dialect
from spancost_collector.dialects.everywhere import EVERYWHERE

OPENINFERENCE: Final = Dialect(
    name="openinference",
    scopes=("openinference.*", "@arizeai/openinference-*"),
    markers=(b"openinference.span.kind",),
    evidence=("openinference.span.kind",),
    operation=("openinference.span.kind",),
    leaves={"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank"},
    aggregates=frozenset({"AGENT", "CHAIN"}),
    others=frozenset({"TOOL", "RETRIEVER", "GUARDRAIL", "EVALUATOR", "PROMPT", "UNKNOWN"}),
    names={
        **EVERYWHERE,
        "operation": ("openinference.span.kind",),
        "provider": ("llm.provider", "llm.system"),
        "request_model": ("llm.request.model_name", "embedding.model_name", "reranker.model_name"),
        "response_model": ("llm.response.model_name", "llm.model_name"),
        "response_id": ("llm.response.id", "gen_ai.response.id"),
        "input_tokens": ("llm.token_count.prompt",),
        "cache_read_tokens": ("llm.token_count.prompt_details.cache_read",),
        "cache_write_tokens": (
            "llm.token_count.prompt_details.cache_write",
            "llm.token_count.prompt_details.cache_input",
        ),
        "input_audio_tokens": ("llm.token_count.prompt_details.audio",),
        "output_tokens": ("llm.token_count.completion",),
        "reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
        "output_audio_tokens": ("llm.token_count.completion_details.audio",),
        "total_tokens": ("llm.token_count.total",),
        "quoted_usd": ("llm.cost.total",),
        "feature": ("spancost.feature", "agent.name"),
        "prompt": ("prompt.id", "llm.prompt_template.id"),
        "prompt_version": ("llm.prompt_template.version",),
    },
    metadata=("metadata",),
)
