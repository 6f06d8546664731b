"""Gemini CLI: `api_response` and `api_error` events, and its metric `token.usage`.

Every answer is logged twice, the second time by the GenAI conventions, which leave out the thoughts; only the first one
is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.agents.agent import Agent

if TYPE_CHECKING:
    from spancost_collector.agents.values import Said
    from spancost_collector.call import Outcome


def _outcome(event: str, _said: Said) -> Outcome | None:
    match event:
        case "api_response":
            return "ok"
        case "api_error":
            return "error"
        case _:
            return None


GEMINI_CLI: Final = Agent(
    name="gemini_cli",
    provider="gcp.gemini",
    scopes=("gemini-cli",),
    outcome=_outcome,
    counts=frozenset(
        {
            "input_token_count",
            "output_token_count",
            "cached_content_token_count",
            "thoughts_token_count",
            "tool_token_count",
            "duration_ms",
        }
    ),
    tokens={
        "input": "input_token_count",
        "output": "output_token_count",
        "cache": "cached_content_token_count",
        "thought": "thoughts_token_count",
        "tool": "tool_token_count",
    },
    cost=None,
)
