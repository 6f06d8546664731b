"""What emitters write that are read as `agentops`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "agentops": Case(
        "agentops",
        "anthropic",
        {
            "gen_ai.request.type": "chat",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.prompt_tokens": 504,
            "gen_ai.usage.cache_read_input_tokens": 2000,
            "gen_ai.usage.cache_creation_input_tokens": 1000,
            "gen_ai.usage.completion_tokens": 97,
            "gen_ai.usage.total_cost": 0,
        },
        Route("anthropic", "claude-x"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
    ),
}
