"""OpenInference (Arize): spans by kind, `llm.token_count.*`, totals that include their parts.

A span of kind AGENT or CHAIN may repeat the counts of the calls under it. The gateway of Envoy writes this dialect too.
No attribute has a response's id, the tier that served it or how long a cache write lives, but unless the app hides its
outputs the answer is there as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.everywhere import EVERYWHERE
from spancost_collector.reading.answers import read_answer
from spancost_collector.reading.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts


def _refine(facts: Mapping[str, Any]) -> Facts:
    """From the answer, what no attribute says; the totals are the emitter's own, which knows its providers."""
    if "answer" not in facts:
        return {}
    said = read_answer(facts["answer"])
    if any(said.get(total) != facts.get(total) for total in ("input_tokens", "output_tokens")):
        said = {column: said.get(column) for column in ("response_id", "service_tier")}
    return {column: value for column, value in said.items() if value is not None and facts.get(column) is None}


def _refine_litellm(facts: Mapping[str, Any]) -> Facts:
    """LiteLLM's names begin with the route: `bedrock/converse/x` is `x`, and `openrouter/openai/x` is `openai/x`."""
    changes = _refine(facts)
    route, _, name = str(facts.get("response_model", "")).partition("/")
    if name:
        changes["response_model"] = name.rpartition("/")[2] if route == "bedrock" else name
    return changes


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
    notes={"answer": ("answer", ("output.value",))},
    refine=_refine,
)

OPENINFERENCE_LITELLM: Final = OPENINFERENCE.derive(
    "openinference_litellm",
    scopes=("openinference.instrumentation.litellm",),
    refine=_refine_litellm,
)
"""Over LiteLLM, whose names of models begin with the route to them."""
