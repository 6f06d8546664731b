"""Claude Code: `llm_request` spans, and what `agents` makes of its events and metrics, in which the same names stand.

Counts are the provider's own: cached tokens stand beside the input. Spans of older versions name neither provider nor
operation; a model's name then tells through whom it was called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.coding_agents import BY_SUBSCRIPTION, PURPOSE, tags
from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.dialect import Apart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts

_OF_BEDROCK: Final = re.compile(r"(?:arn:aws|(?:[a-z]+(?:-[a-z]+)?\.)?anthropic\.)")
_CONTEXT: Final = re.compile(r"\[[^\]]*\]$")
"""How a long context is asked for, behind the model's name."""


def _refine(facts: Mapping[str, Any]) -> Facts:
    changes: Facts = tags(facts)
    model = facts.get("request_model")
    if model is not None:
        changes["request_model"] = _CONTEXT.sub("", model)
        if facts.get("provider") in {None, "anthropic"}:
            changes["provider"] = _provider(model)
    if facts.get("speed") != "fast":
        changes["speed"] = None
    if "first_chunk_ms" in facts:
        changes["first_chunk_s"] = facts["first_chunk_ms"] / 1000
    if facts.get("customer") == "claude_ai" or "plan" in facts:
        changes |= BY_SUBSCRIPTION
    return changes


def _provider(model: str) -> str:
    if _OF_BEDROCK.match(model):
        return "aws.bedrock"
    return "gcp.vertex_ai" if "@" in model else "anthropic"


CLAUDE_CODE: Final = OTEL.derive(
    "claude_code",
    scopes=("com.anthropic.claude_code*", "claude_code.*"),
    markers=(b"gen_ai.", b"claude_code.llm_request"),
    operation=("gen_ai.operation.name", "span.type"),
    leaves={"chat": "chat", "llm_request": "chat"},
    others=frozenset({"execute_tool", "interaction", "tool", "tool.execution", "tool.blocked_on_user", "hook"}),
    names={
        "operation": ("gen_ai.operation.name", "span.type"),
        "request_model": (*OTEL.names["request_model"], "model"),
        "response_id": (*OTEL.names["response_id"], "request_id"),
        "input_tokens": (*OTEL.names["input_tokens"], "input_tokens"),
        "output_tokens": (*OTEL.names["output_tokens"], "output_tokens"),
        "cache_read_tokens": (*OTEL.names["cache_read_tokens"], "cache_read_tokens"),
        "cache_write_tokens": (*OTEL.names["cache_write_tokens"], "cache_creation_tokens"),
        "cache_write_1h_tokens": (*OTEL.names["cache_write_1h_tokens"], "cache_creation_1h_tokens"),
        "quoted_usd": ("cost_usd",),
        "speed": (*OTEL.names["speed"], "speed"),
        "user": ("user.email", *(name for name in OTEL.names["user"] if name != "user.email"), "user.account_uuid"),
        "feature": ("spancost.feature",),
    },
    notes={
        **PURPOSE,
        "first_chunk_ms": ("quantity", ("ttft_ms",)),
        "customer": ("text", ("user.customer_type",)),
        "plan": ("text", ("user.subscription_type",)),
    },
    refine=_refine,
    apart=(Apart("cache"),),
    zero_is_unknown=True,
)
