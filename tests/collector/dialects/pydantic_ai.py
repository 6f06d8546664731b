"""What emitters write that are read as `pydantic_ai`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution, Reported
from spancost_pricing import Route, Usage

CASES = {
    "pydantic-ai": Case(
        "pydantic_ai",
        "pydantic-ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.details.cache_read_tokens": 2000,
            "gen_ai.usage.details.cache_write_tokens": 1000,
            "gen_ai.usage.details.ephemeral_1h_input_tokens": 400,
            "gen_ai.usage.details.web_search_requests": 1,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.usage.details.thinking_tokens": 60,
            "operation.cost": 0.0029,
            "gen_ai.agent.name": "helper",
        },
        Route("anthropic", "claude-x"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            reasoning_tokens=60,
            units={"web_search": 1},
        ),
        attribution=Attribution("helper"),
        quoted=Reported(2_900_000_000, "pydantic_ai"),
    ),
}
