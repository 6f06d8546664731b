"""What emitters write that are read as `langfuse`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution, Reported
from spancost_pricing import Route, Usage

CASES = {
    "langfuse, its own buckets": Case(
        "langfuse",
        "langfuse-sdk",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "claude-x",
            "langfuse.observation.usage_details": (
                '{"input": 504, "input_cached_tokens": 2000, "input_cache_creation_5m": 600,'
                ' "input_cache_creation_1h": 400, "output": 60, "output_reasoning": 37, "total": 3601}'
            ),
            "langfuse.observation.cost_details": '{"input": 0.25, "output": 0.5}',
            "langfuse.observation.prompt.name": "greeting",
            "langfuse.observation.prompt.version": 4,
            "langfuse.trace.name": "answer",
            "langfuse.trace.metadata.tenant": "acme",
            "langfuse.trace.metadata.plan": "gold",
            "user.id": "u1",
            "session.id": "s1",
        },
        Route("anthropic", "claude-x"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            reasoning_tokens=37,
        ),
        attribution=Attribution("answer", None, "acme", "u1", "s1", "greeting", "4", ("plan:gold",)),
        quoted=Reported(750_000_000_000, "langfuse"),
    ),
    "langfuse, the provider's usage": Case(
        "langfuse",
        "langfuse-sdk",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-x",
            "langfuse.observation.usage_details": (
                '{"input_tokens": 1515, "input_tokens_details": {"cached_tokens": 1390}, "output_tokens": 8,'
                ' "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 1523}'
            ),
            "langfuse.observation.metadata.service_tier": '"flex"',
        },
        Route("openai", "gpt-x", "flex"),
        Usage(input_tokens=1515, cache_read_tokens=1390, output_tokens=8, reasoning_tokens=0),
    ),
    "langfuse over openrouter": Case(
        "langfuse",
        "langfuse-sdk",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "vendor/model",
            "langfuse.observation.usage_details": '{"prompt_tokens": 37, "completion_tokens": 92, "total_tokens": 129}',
            "langfuse.observation.cost_details": '{"total": 0.00019325}',
        },
        Route("openrouter", "vendor/model"),
        Usage(input_tokens=37, output_tokens=92),
        reported=Reported(193_250_000, "openrouter"),
    ),
}
