"""What emitters write that are read as `envoy_ai_gateway`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "envoy": Case(
        "envoy_ai_gateway",
        "envoyproxy/ai-gateway",
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.model_name": "claude-x",
            "llm.token_count.prompt": 12,
            "llm.token_count.completion": 100,
        },
        Route("anthropic", "claude-x"),
        Usage(input_tokens=12, output_tokens=100),
    ),
}
