"""What emitters write that are read as `strands`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "strands": Case(
        "strands",
        "strands.telemetry.tracer",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "strands-agents",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": "us.anthropic.claude-x-v1:0",
            "gen_ai.usage.prompt_tokens": 3504,
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.completion_tokens": 97,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.usage.total_tokens": 3601,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_read_input_tokens": 2000,
            "gen_ai.usage.cache_write_input_tokens": 1000,
        },
        Route("aws.bedrock", "us.anthropic.claude-x-v1:0"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
    ),
    "strands, when its input left cached tokens out": Case(
        "strands",
        "strands.telemetry.tracer",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "strands-agents",
            "gen_ai.request.model": "us.anthropic.claude-x-v1:0",
            "gen_ai.usage.input_tokens": 504,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.usage.total_tokens": 3601,
            "gen_ai.usage.cache_read_input_tokens": 2000,
            "gen_ai.usage.cache_write_input_tokens": 1000,
        },
        Route("aws.bedrock", "us.anthropic.claude-x-v1:0"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
    ),
}
