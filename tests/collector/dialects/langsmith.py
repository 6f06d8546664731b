"""What emitters write that are read as `langsmith`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution
from spancost_pricing import Route, Usage

CASES = {
    "langsmith": Case(
        "langsmith",
        "langsmith",
        {
            "langsmith.span.kind": "llm",
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.input_token_details": (
                "{'cache_read': 2000, 'cache_creation': 0, 'ephemeral_5m_input_tokens': 600,"
                " 'ephemeral_1h_input_tokens': 400}"
            ),
            "gen_ai.usage.output_tokens": 97,
            "langsmith.metadata.ls_provider": "amazon_bedrock",
            "langsmith.metadata.thread_id": "s1",
            "langsmith.metadata.plan": "gold",
            "langsmith.span.tags": "beta, eu",
        },
        Route("amazon_bedrock", "claude-x"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
        ),
        attribution=Attribution(session="s1", tags=("plan:gold", "beta", "eu")),
    ),
    "langsmith, served as flex": Case(
        "langsmith",
        "langsmith",
        {
            "langsmith.span.kind": "llm",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.input_token_details": "{'flex_cache_read': 400, 'flex': 600}",
            "gen_ai.usage.output_tokens": 500,
            "gen_ai.usage.output_token_details": "{'flex_reasoning': 300, 'flex': 200}",
        },
        Route("openai", "gpt-x", "flex"),
        Usage(input_tokens=1000, cache_read_tokens=400, output_tokens=500, reasoning_tokens=300),
    ),
}
