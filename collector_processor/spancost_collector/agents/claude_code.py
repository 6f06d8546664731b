"""Claude Code: `api_request` and `api_error` events, and its metrics `token.usage` and `cost.usage`.

Versions up to 2.0 write every number as a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.agents.agent import Agent

if TYPE_CHECKING:
    from spancost_collector.agents.values import Said
    from spancost_collector.call import Outcome


def _outcome(event: str, _said: Said) -> Outcome | None:
    match event:
        case "api_request":
            return "ok"
        case "api_error":
            return "error"
        case _:
            return None


CLAUDE_CODE: Final = Agent(
    name="claude_code",
    provider="anthropic",
    scopes=("com.anthropic.claude_code",),
    outcome=_outcome,
    counts=frozenset(
        {
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_creation_tokens",
            "cache_creation_1h_tokens",
            "cost_usd",
            "duration_ms",
            "ttft_ms",
        }
    ),
    tokens={
        "input": "input_tokens",
        "output": "output_tokens",
        "cacheRead": "cache_read_tokens",
        "cacheCreation": "cache_creation_tokens",
    },
    cost="cost_usd",
)
