"""What emitters write that are read as `mlflow`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution, Reported
from spancost_pricing import Route, Usage

CASES = {
    "mlflow": Case(
        "mlflow",
        "mlflow.openai.autolog",
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.llm.model": '"claude-x"',
            "mlflow.llm.provider": '"anthropic"',
            "mlflow.chat.tokenUsage": (
                '{"input_tokens": 3504, "output_tokens": 97, "total_tokens": 3601, "cache_read_input_tokens": 2000,'
                ' "cache_creation_input_tokens": 1000, "cache_creation_input_tokens_above_1hr": 400}'
            ),
            "mlflow.llm.cost": '{"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75}',
            "mlflow.trace.user": '"u1"',
            "mlflow.trace.session": '"s1"',
        },
        Route("anthropic", "claude-x"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
        ),
        attribution=Attribution(user="u1", session="s1"),
        quoted=Reported(750_000_000_000, "mlflow"),
    ),
    "mlflow with the provider's answer": Case(
        "mlflow",
        "mlflow.tracing.provider",
        {
            "mlflow.spanType": '"LLM"',
            "mlflow.llm.model": '"gemini-x"',
            "mlflow.llm.provider": '"gemini"',
            "mlflow.chat.tokenUsage": '{"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1450, '
            '"cache_read_input_tokens": 600}',
            "mlflow.spanOutputs": '{"response_id": "r1", "usage_metadata": {"prompt_token_count": 1000, '
            '"cached_content_token_count": 600, "tool_use_prompt_token_count": 50, "candidates_token_count": 100, '
            '"thoughts_token_count": 300, "total_token_count": 1450}}',
        },
        Route("gemini", "gemini-x"),
        Usage(input_tokens=1050, cache_read_tokens=600, output_tokens=400, reasoning_tokens=300),
    ),
    "mlflow's embeddings": Case(
        "mlflow",
        "mlflow.tracing.provider",
        {
            "mlflow.spanType": '"EMBEDDING"',
            "mlflow.llm.model": '"text-embedding-x"',
            "mlflow.llm.provider": '"openai"',
            "mlflow.spanOutputs": '{"data": [{"embedding": [0.25], "index": 0, "object": "embedding"}], '
            '"model": "text-embedding-x", "object": "list", "usage": {"prompt_tokens": 1000, "total_tokens": 1000}}',
        },
        Route("openai", "text-embedding-x"),
        Usage(input_tokens=1000),
        operation="embeddings",
    ),
    "mlflow on bedrock": Case(
        "mlflow",
        "mlflow.tracing.provider",
        {
            "mlflow.spanType": '"LLM"',
            "mlflow.llm.model": '"us.anthropic.claude-x-v1:0"',
            "mlflow.llm.provider": '"us"',
            "mlflow.chat.tokenUsage": '{"input_tokens": 3504, "output_tokens": 97, "cache_read_input_tokens": 2000, '
            '"cache_creation_input_tokens": 1000}',
            "mlflow.spanOutputs": '"<botocore.response.StreamingBody>"',
        },
        Route("aws.bedrock", "us.anthropic.claude-x-v1:0"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
    ),
}
