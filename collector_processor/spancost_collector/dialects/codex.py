"""Codex, as `agents` reads its events: input includes cached tokens, output the reasoning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.coding_agents import BY_SUBSCRIPTION, PURPOSE, tags
from spancost_collector.dialects.otel import OTEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts


def _refine(facts: Mapping[str, Any]) -> Facts:
    changes: Facts = tags(facts)
    if facts.get("login", "").lower().startswith("chatgpt"):
        changes |= BY_SUBSCRIPTION
    if "first_chunk_ms" in facts:
        changes["first_chunk_s"] = facts["first_chunk_ms"] / 1000
    return changes


CODEX: Final = OTEL.derive(
    "codex",
    scopes=("codex.*",),
    names={
        "request_model": (*OTEL.names["request_model"], "model"),
        "input_tokens": (*OTEL.names["input_tokens"], "input_token_count"),
        "output_tokens": (*OTEL.names["output_tokens"], "output_token_count"),
        "cache_read_tokens": (*OTEL.names["cache_read_tokens"], "cached_token_count"),
        "cache_write_tokens": (*OTEL.names["cache_write_tokens"], "cache_write_token_count"),
        "reasoning_tokens": (*OTEL.names["reasoning_tokens"], "reasoning_token_count"),
        "user": ("user.email", *(name for name in OTEL.names["user"] if name != "user.email"), "user.account_id"),
        "session": (*OTEL.names["session"], "conversation.id"),
    },
    notes={
        **PURPOSE,
        "login": ("text", ("auth_mode",)),
        "first_chunk_ms": ("quantity", ("ttft_ms",)),
    },
    refine=_refine,
    apart=(),
)
