"""What emitters write that are read as `agent_framework`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "agent framework": Case(
        "agent_framework",
        "agent_framework",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.output_tokens": 2,
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, cache_read_tokens=4, output_tokens=2),
    ),
}
