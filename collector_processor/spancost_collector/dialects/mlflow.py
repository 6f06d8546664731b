"""MLflow tracing: spans by type, every value written as JSON, usage and cost as one document each.

Parents repeat the usage of the calls under them only where an integration sums them; totals include their parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialect import Dialect
from spancost_collector.dialects.everywhere import EVERYWHERE
from spancost_collector.embedded import amount, count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.dialect import Facts


def _refine(facts: Mapping[str, Any]) -> Facts:
    usage: Mapping[str, Any] = facts.get("token_usage", {})
    return {
        "input_tokens": count(usage, "input_tokens"),
        "output_tokens": count(usage, "output_tokens"),
        "total_tokens": count(usage, "total_tokens"),
        "cache_read_tokens": count(usage, "cache_read_input_tokens"),
        "cache_write_tokens": count(usage, "cache_creation_input_tokens"),
        "cache_write_1h_tokens": count(usage, "cache_creation_input_tokens_above_1hr"),
        "quoted_usd": amount(facts.get("llm_cost", {}), "total_cost"),
    }


MLFLOW: Final = Dialect(
    name="mlflow",
    scopes=("mlflow*",),
    markers=(b"mlflow.spanType",),
    evidence=("mlflow.spanType",),
    operation=("mlflow.spanType",),
    leaves={"LLM": "chat", "CHAT_MODEL": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank"},
    aggregates=frozenset({"AGENT", "CHAIN", "WORKFLOW", "TASK", "UNKNOWN"}),
    others=frozenset({"TOOL", "RETRIEVER", "PARSER", "MEMORY", "GUARDRAIL", "EVALUATOR"}),
    names={
        **EVERYWHERE,
        "operation": ("mlflow.spanType",),
        "provider": ("mlflow.llm.provider",),
        "response_model": ("mlflow.llm.model",),
        "feature": ("spancost.feature", "mlflow.traceName"),
        "user": (*EVERYWHERE["user"], "mlflow.trace.user"),
        "session": (*EVERYWHERE["session"], "mlflow.trace.session"),
    },
    metadata_prefixes=("mlflow.traceTag.",),
    notes={
        "token_usage": ("document", ("mlflow.chat.tokenUsage",)),
        "llm_cost": ("document", ("mlflow.llm.cost",)),
    },
    refine=_refine,
    json_values=True,
)
