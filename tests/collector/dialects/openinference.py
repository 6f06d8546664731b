"""What emitters write that are read as `openinference`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution, Reported
from spancost_pricing import Route, Usage

CASES = {
    "openinference": Case(
        "openinference",
        "openinference.instrumentation.openai",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.system": "openai",
            "llm.model_name": "gpt-x-2026",
            "llm.token_count.prompt": 1000,
            "llm.token_count.prompt_details.cache_read": 400,
            "llm.token_count.prompt_details.cache_write": 100,
            "llm.token_count.prompt_details.audio": 8,
            "llm.token_count.completion": 500,
            "llm.token_count.completion_details.reasoning": 300,
            "llm.token_count.completion_details.audio": 4,
            "llm.token_count.total": 1500,
            "llm.cost.total": 0.004,
            "session.id": "s1",
            "user.id": "u1",
            "metadata": '{"feature": "search", "customer_id": "acme", "experiment": "b", "retries": 2}',
        },
        Route("openai", "gpt-x-2026"),
        Usage(
            input_tokens=1000,
            cache_read_tokens=400,
            cache_write_tokens=100,
            input_audio_tokens=8,
            output_tokens=500,
            reasoning_tokens=300,
            output_audio_tokens=4,
        ),
        attribution=Attribution("search", None, "acme", "u1", "s1", tags=("experiment:b", "retries:2")),
        quoted=Reported(4_000_000_000, "openinference"),
    ),
    "openinference embeddings": Case(
        "openinference",
        "openinference.instrumentation.openai",
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "text-embedding-3-x",
            "llm.token_count.prompt": 7,
        },
        Route("openai", "text-embedding-3-x"),
        Usage(input_tokens=7),
        operation="embeddings",
    ),
    "openinference with the provider's answer": Case(
        "openinference",
        "openinference.instrumentation.anthropic",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "anthropic",
            "llm.model_name": "claude-x",
            "llm.token_count.prompt": 3504,
            "llm.token_count.prompt_details.cache_read": 2000,
            "llm.token_count.prompt_details.cache_write": 1000,
            "llm.token_count.completion": 97,
            "output.value": '{"id": "msg_1", "content": [{"type": "text", "text": "\\"service_tier\\": \\"batch\\""}], '
            '"usage": {"input_tokens": 504, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 1000, '
            '"cache_creation": {"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 400}, '
            '"output_tokens": 97, "service_tier": "priority"}}',
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
    "openinference with langchain's message": Case(
        "openinference",
        "openinference.instrumentation.langchain",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "gpt-x",
            "llm.token_count.prompt": 1000,
            "llm.token_count.completion": 500,
            "output.value": '{"generations": [[{"text": "Hi", "message": {"id": ["langchain"], "kwargs": {"content": '
            '"Hi", "response_metadata": {"id": "chatcmpl-1", "service_tier": "flex"}, "usage_metadata": '
            '{"input_tokens": 1000, "output_tokens": 500, "input_token_details": {"flex": 600, "flex_cache_read": 400, '
            '"flex_cache_creation": 100}, "output_token_details": {"flex": 200, "flex_reasoning": 300}}}}}]]}',
        },
        Route("openai", "gpt-x", "flex"),
        Usage(
            input_tokens=1000, cache_read_tokens=400, cache_write_tokens=100, output_tokens=500, reasoning_tokens=300
        ),
    ),
    "openinference with a batch of langchain's messages": Case(
        "openinference",
        "openinference.instrumentation.langchain",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "gpt-x",
            "llm.token_count.prompt": 20,
            "llm.token_count.completion": 4,
            "output.value": '{"generations": [[{"message": {"kwargs": {"usage_metadata": {"input_tokens": 20, '
            '"output_tokens": 4, "input_token_details": {"cache_read": 5}}}}}], [{"message": {}}]]}',
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=20, output_tokens=4),
    ),
    "openinference with an answer of other totals": Case(
        "openinference",
        "openinference.instrumentation.openai",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "gpt-x",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2,
            "output.value": '{"service_tier": "flex", "usage": {"prompt_tokens": 20, "completion_tokens": 2, '
            '"prompt_tokens_details": {"cached_tokens": 15}}}',
        },
        Route("openai", "gpt-x", "flex"),
        Usage(input_tokens=10, output_tokens=2),
    ),
    "openinference with an answer of an app": Case(
        "openinference",
        "openinference.instrumentation.openai",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "gpt-x",
            "llm.token_count.prompt": 10,
            "llm.token_count.completion": 2,
            "output.value": '{"usage: see the manual',
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, output_tokens=2),
    ),
}
