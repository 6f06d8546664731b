"""MLflow tracing: spans by type, every value written as JSON, usage and cost as one document each.

Parents repeat the usage of the calls under them only where an integration sums them; totals include their parts.
MLflow's own counts leave thoughts, lifetimes and tiers out and are missing from embeddings, so a provider's whole
answer, where the output is one, goes before them. For the provider of a model on Bedrock it takes what its name begins
with: a maker, or a geography.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.everywhere import EVERYWHERE
from spancost_collector.reading.answers import read_answer
from spancost_collector.reading.dialect import Dialect
from spancost_collector.reading.embedded import amount, count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts


_TOTALS: Final = frozenset({"input_tokens", "output_tokens"})


def _refine(facts: Mapping[str, Any]) -> Facts:
    usage: Mapping[str, Any] = facts.get("token_usage", {})
    said = read_answer(facts["answer"]) if "answer" in facts else {}
    found = {column: value for column, value in said.items() if value is not None}
    if str(facts.get("response_model", "")).startswith(f"{facts.get('provider')}."):
        found["provider"] = "aws.bedrock"
    quoted = {"quoted_usd": amount(facts.get("llm_cost", {}), "total_cost")}
    if not usage or found.keys() >= _TOTALS:
        return {**_counted(usage), **quoted, **found}
    return {**found, **_counted(usage), **quoted}


def _counted(usage: Mapping[str, Any]) -> Facts:
    return {
        "input_tokens": count(usage, "input_tokens"),
        "output_tokens": count(usage, "output_tokens"),
        "total_tokens": count(usage, "total_tokens"),
        "cache_read_tokens": count(usage, "cache_read_input_tokens"),
        "cache_write_tokens": count(usage, "cache_creation_input_tokens"),
        "cache_write_1h_tokens": count(usage, "cache_creation_input_tokens_above_1hr"),
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
        "answer": ("answer", ("mlflow.spanOutputs",)),
    },
    refine=_refine,
    json_values=True,
)
