"""What emitters write that are read as `otel`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "anthropic sdk": Case(
        "otel",
        "com.anthropic.sdk.python",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "server.address": "api.anthropic.com",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_write.input_tokens": 1000,
            "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 600,
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 400,
            "anthropic.response.service_tier": "priority",
            "gen_ai.usage.output_tokens": 97,
        },
        Route("anthropic", "claude-x", "priority"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
        ),
    ),
    "botocore": Case(
        "otel",
        "opentelemetry.instrumentation.botocore.bedrock-runtime",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "aws.bedrock",
            "gen_ai.request.model": "us.anthropic.claude-x-v1:0",
            "gen_ai.usage.input_tokens": 504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 97,
        },
        Route("aws.bedrock", "us.anthropic.claude-x-v1:0"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
    ),
}
