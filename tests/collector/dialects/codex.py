"""What emitters write that are read as `codex`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution, Reported
from spancost_pricing import Route, Usage

CASES = {
    "codex": Case(
        "codex",
        "codex.logs",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "model": "gpt-x",
            "conversation.id": "conversation-1",
            "auth_mode": "Chatgpt",
            "input_token_count": 1000,
            "cached_token_count": 400,
            "output_token_count": 100,
            "reasoning_token_count": 40,
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=1000, cache_read_tokens=400, output_tokens=100, reasoning_tokens=40),
        attribution=Attribution(session="conversation-1"),
        reported=Reported(0, "subscription"),
    ),
}
