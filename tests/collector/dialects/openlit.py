"""What emitters write that are read as `openlit`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Reported
from spancost_pricing import Route, Usage

CASES = {
    "openlit on anthropic": Case(
        "openlit",
        "openlit.instrumentation.anthropic",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.client.token.usage": 601,
            "gen_ai.usage.cost": 0.0123,
        },
        Route("anthropic", "claude-x"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
        quoted=Reported(12_300_000_000, "openlit"),
    ),
    "openlit on gemini, without a price": Case(
        "openlit",
        "openlit.instrumentation.google_ai_studio",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "gemini",
            "gen_ai.request.model": "gemini-x",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 100,
            "gen_ai.usage.reasoning_tokens": 300,
            "gen_ai.usage.cost": 0,
        },
        Route("gemini", "gemini-x"),
        Usage(input_tokens=1000, output_tokens=400, reasoning_tokens=300),
    ),
    "openlit on cohere": Case(
        "openlit",
        "openlit.instrumentation.cohere",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "cohere",
            "gen_ai.request.model": "command-x",
            "gen_ai.usage.input_tokens": 377.0,
            "gen_ai.usage.output_tokens": 102.0,
            "gen_ai.usage.cache_read.input_tokens": 576.0,
        },
        Route("cohere", "command-x"),
        Usage(input_tokens=377, output_tokens=102),
    ),
}
