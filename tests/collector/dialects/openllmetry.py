"""What emitters write that are read as `openllmetry`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution
from spancost_pricing import Route, Usage

CASES = {
    "openllmetry on bedrock": Case(
        "openllmetry",
        "opentelemetry.instrumentation.bedrock",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.request.model": "claude-x-v1:0",
            "gen_ai.usage.input_tokens": 504,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.usage.total_tokens": 601,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "traceloop.workflow.name": "answer",
            "traceloop.association.properties.customer_id": "acme",
            "traceloop.association.properties.plan": "gold",
            "traceloop.prompt.key": "greeting",
            "traceloop.prompt.version": 3,
        },
        Route("aws.bedrock", "claude-x-v1:0"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
        attribution=Attribution("answer", tenant="acme", prompt="greeting", prompt_version="3", tags=("plan:gold",)),
    ),
    "openllmetry on gemini": Case(
        "openllmetry",
        "opentelemetry.instrumentation.google_generativeai",
        {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": "gcp.gen_ai",
            "gen_ai.request.model": "gemini-x",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 100,
            "gen_ai.usage.total_tokens": 1400,
        },
        Route("gcp.gen_ai", "gemini-x"),
        Usage(input_tokens=1000, output_tokens=400, reasoning_tokens=300),
        operation="generate_content",
    ),
    "openllmetry before the conventions": Case(
        "openllmetry",
        "opentelemetry.instrumentation.openai.v1",
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.prompt_tokens": 40,
            "gen_ai.usage.completion_tokens": 2,
            "llm.usage.total_tokens": 42,
            "gen_ai.usage.cache_read_input_tokens": 30,
        },
        Route("OpenAI", "gpt-x"),
        Usage(input_tokens=40, cache_read_tokens=30, output_tokens=2),
    ),
}
