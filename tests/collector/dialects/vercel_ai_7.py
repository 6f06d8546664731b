"""What emitters write that are read as `vercel_ai_7`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution
from spancost_pricing import Route, Usage

CASES = {
    "vercel 7 with the provider's metadata": Case(
        "vercel_ai_7",
        "gen_ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 97,
            "ai.usage.outputTokenDetails.reasoningTokens": 40,
            "ai.response.providerMetadata": '{"anthropic": {"usage": {"input_tokens": 504, "cache_creation": '
            '{"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 400}, "service_tier": "priority"}}}',
        },
        Route("anthropic", "claude-x", "priority"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            reasoning_tokens=40,
        ),
    ),
    "vercel 7": Case(
        "vercel_ai_7",
        "ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 97,
            "ai.telemetry.functionId": "answer",
        },
        Route("anthropic", "claude-x"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
        attribution=Attribution("answer"),
    ),
}
