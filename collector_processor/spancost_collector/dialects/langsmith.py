"""LangSmith's OpenTelemetry export: runs by kind, totals that include their parts, the parts as Python prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.embedded import inner, langchain_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts


def _refine(facts: Mapping[str, Any]) -> Facts:
    metadata: Mapping[str, Any] = facts.get("usage_metadata", {})
    parts = {
        "input_token_details": facts.get("input_details") or inner(metadata, "input_token_details"),
        "output_token_details": facts.get("output_details") or inner(metadata, "output_token_details"),
    }
    changes = langchain_usage({**metadata, **parts})
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
