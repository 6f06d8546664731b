"""AgentOps: the names of the conventions' first generation, over the providers' own counts.

The scopes of its spans of SDKs are called after the SDK alone, and of Anthropic's calls it names no provider and counts
no cached tokens: the input is what was neither read from the cache nor written to it.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.dialect import Apart

AGENTOPS: Final = OTEL.derive(
    "agentops",
    scopes=("agentops*", "anthropic", "openai"),
    evidence=("agentops.*",),
    operation=("gen_ai.operation.name", "gen_ai.request.type", "agentops.span.kind"),
    leaves={**OTEL.leaves, "completion": "text_completion", "llm": "chat", "llm.call": "chat"},
    aggregates=OTEL.aggregates | {"agent", "chain", "operation", "session", "task", "workflow"},
    others=OTEL.others | {"tool", "guardrail", "http"},
    names={
        "operation": ("gen_ai.operation.name", "gen_ai.request.type", "agentops.span.kind"),
        "first_chunk_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.streaming.time_to_first_token"),
        "feature": (*OTEL.names["feature"], "agentops.entity.name"),
        "tags": (*OTEL.names["tags"], "agentops.tags"),
    },
    zero_is_unknown=True,
    apart=(
        Apart("cache", "anthropic"),
        *(rule for rule in OTEL.apart if rule.part == "reasoning"),
    ),
)
