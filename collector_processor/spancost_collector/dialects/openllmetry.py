"""OpenLLMetry (Traceloop): an instrumentation for each SDK, Python and JavaScript, since before the conventions.

Scopes are the official ones' siblings (`opentelemetry.instrumentation.openai.v1`), so each is named. Bedrock's counts
are passed on as they came, Gemini's thoughts show in the grand total only, and names of models lose their makers.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.dialect import Apart
from spancost_collector.reading.origins import provider_of_model

_SCOPE: Final = "opentelemetry.instrumentation."
_INSTRUMENTED: Final = (
    "agno",
    "alephalpha",
    "anthropic",
    "bedrock",
    "cohere",
    "crewai",
    "google_generativeai",
    "groq",
    "haystack",
    "langchain",
    "llamaindex",
    "mistralai",
    "ollama",
    "openai",
    "openai.v0",
    "openai.v1",
    "replicate",
    "sagemaker",
    "together",
    "transformers",
    "vertexai",
    "voyageai",
    "watsonx",
    "writer",
)

_AMAZONS: Final = ("nova-", "titan-")
_MAKERS: Final = {
    "anthropic": "anthropic/",
    "cohere": "cohere/",
    "deepseek": "deepseek/",
    "gcp.gemini": "google/",
    "mistral_ai": "mistralai/",
    "openai": "openai/",
    "x_ai": "x-ai/",
}
"""Provider that serves a model itself -> what OpenRouter puts in front of its name."""


def _full_name(provider: str, model: str) -> str:
    """Bedrock's and OpenRouter's names, of which only what follows the maker is kept."""
    if provider == "openrouter" and "/" not in model:
        return _MAKERS.get(provider_of_model(model) or "", "") + model
    return f"amazon.{model}" if provider == "aws.bedrock" and model.startswith(_AMAZONS) else model


OPENLLMETRY: Final = OTEL.derive(
    "openllmetry",
    scopes=(*(_SCOPE + name for name in _INSTRUMENTED), "@traceloop/*", "traceloop.*"),
    evidence=("traceloop.*", "llm.request.type", "llm.usage.*"),
    operation=("gen_ai.operation.name", "llm.request.type"),
    leaves={
        **OTEL.leaves,
        "completion": "text_completion",
        "embedding": "embeddings",
        "rerank": "rerank",
        "unknown": "chat",
    },
    aggregates=OTEL.aggregates | {"workflow", "task", "agent"},
    others=OTEL.others | {"tool"},
    names={
        "operation": ("gen_ai.operation.name", "llm.request.type", "traceloop.span.kind"),
        "cache_read_tokens": (*OTEL.names["cache_read_tokens"], "llm.usage.cache_read_input_tokens"),
        "cache_write_tokens": (*OTEL.names["cache_write_tokens"], "llm.usage.cache_creation_input_tokens"),
        "reasoning_tokens": (*OTEL.names["reasoning_tokens"], "llm.usage.reasoning_tokens"),
        "total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        "feature": ("spancost.feature", "traceloop.workflow.name", *OTEL.names["feature"][1:]),
        "task": ("spancost.task", "traceloop.entity.name"),
        "user": (*OTEL.names["user"], "llm.user"),
        "prompt": ("gen_ai.prompt.name", "traceloop.prompt.key"),
        "prompt_version": ("gen_ai.prompt.version", "traceloop.prompt.version", "traceloop.prompt.version_hash"),
    },
    metadata_prefixes=("traceloop.association.properties.",),
    full_name=_full_name,
    apart=(
        Apart("cache", _SCOPE + "bedrock"),
        Apart("thoughts_in_total", _SCOPE + "google_generativeai"),
        Apart("thoughts_in_total", _SCOPE + "vertexai"),
        *(rule for rule in OTEL.apart if rule.part == "reasoning"),
    ),
)
