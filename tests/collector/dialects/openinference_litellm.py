"""What emitters write that are read as `openinference_litellm`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_pricing import Route, Usage

CASES = {
    "openinference over litellm": Case(
        "openinference_litellm",
        "openinference.instrumentation.litellm",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "openai/gpt-x",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2,
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, output_tokens=2),
    ),
    "openinference over litellm on bedrock": Case(
        "openinference_litellm",
        "openinference.instrumentation.litellm",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "aws",
            "llm.model_name": "bedrock/converse/us.anthropic.claude-x-v1:0",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2,
        },
        Route("aws", "us.anthropic.claude-x-v1:0"),
        Usage(input_tokens=10, output_tokens=2),
    ),
}
