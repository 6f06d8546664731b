"""Gemini CLI: its `llm_call` spans, and what `agents` makes of its events and metrics.

Input includes cached tokens and leaves out what tools' results added; output leaves out the thoughts, which its spans
do not tell at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.coding_agents import BY_SUBSCRIPTION, PURPOSE, tags
from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.dialect import Apart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts

_ON_VERTEX: Final = frozenset({"vertex-ai", "compute-default-credentials"})
_BY_LOGIN: Final = frozenset({"oauth-personal", "cloud-shell"})
"""Logged in with a Google account, whose Code Assist licence covers the calls."""


def _refine(facts: Mapping[str, Any]) -> Facts:
    changes: Facts = tags(facts)
    login = facts.get("login")
    if login in _BY_LOGIN:
        changes |= BY_SUBSCRIPTION
    if login in _ON_VERTEX:
        changes["provider"] = "gcp.vertex_ai"
    elif "provider" not in facts:
        changes["provider"] = "gcp.gemini"
    if facts.get("tool_tokens") and "input_tokens" in facts:
        changes["input_tokens"] = facts["input_tokens"] + facts["tool_tokens"]
    return changes


GEMINI_CLI: Final = OTEL.derive(
    "gemini_cli",
    scopes=("gemini-cli*", "gemini_cli.*"),
    leaves={"chat": "chat", "llm_call": "generate_content"},
    others=frozenset({"tool_call", "user_prompt", "system_prompt", "agent_call", "schedule_tool_calls"}),
    names={
        "request_model": (*OTEL.names["request_model"], "model"),
        "input_tokens": (*OTEL.names["input_tokens"], "input_token_count"),
        "output_tokens": (*OTEL.names["output_tokens"], "output_token_count"),
        "cache_read_tokens": (*OTEL.names["cache_read_tokens"], "cached_content_token_count"),
        "reasoning_tokens": (*OTEL.names["reasoning_tokens"], "thoughts_token_count"),
        "user": ("user.email", *(name for name in OTEL.names["user"] if name != "user.email"), "installation.id"),
        "feature": ("spancost.feature",),
        # A name that the program gives to what a user typed: no managed prompt.
        "prompt": (),
    },
    notes={
        **PURPOSE,
        "login": ("text", ("auth_type",)),
        "tool_tokens": ("count", ("tool_token_count",)),
    },
    refine=_refine,
    apart=(Apart("reasoning"),),
)
