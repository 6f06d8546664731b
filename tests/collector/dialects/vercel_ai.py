"""What emitters write that are read as `vercel_ai`."""

from __future__ import annotations

from tests.collector.dialects.case import Case

from spancost_collector.call import Attribution
from spancost_pricing import Route, Usage

CASES = {
    "vercel 6": Case(
        "vercel_ai",
        "ai",
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.provider": "anthropic.messages",
            "ai.model.id": "claude-x",
            "ai.response.model": "claude-x-2026",
            "ai.response.id": "msg_1",
            "ai.usage.inputTokens": 3504,
            "ai.usage.inputTokenDetails.noCacheTokens": 504,
            "ai.usage.inputTokenDetails.cacheReadTokens": 2000,
            "ai.usage.inputTokenDetails.cacheWriteTokens": 1000,
            "ai.usage.cachedInputTokens": 2000,
            "ai.usage.outputTokens": 97,
            "ai.usage.totalTokens": 3601,
            "gen_ai.usage.input_tokens": 3504,
            "ai.response.msToFirstChunk": 250.5,
            "ai.response.providerMetadata": (
                '{"anthropic": {"usage": {"input_tokens": 504, "cache_creation_input_tokens": 1000,'
                ' "cache_creation": {"ephemeral_1h_input_tokens": 400}, "service_tier": "batch"}}}'
            ),
            "ai.telemetry.functionId": "answer",
            "ai.telemetry.metadata.userId": "u1",
            "ai.telemetry.metadata.plan": "gold",
        },
        Route("anthropic.messages", "claude-x-2026", "batch"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
        ),
        attribution=Attribution("answer", user="u1", tags=("plan:gold",)),
    ),
    "vercel 5": Case(
        "vercel_ai",
        "ai",
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.model.provider": "anthropic.messages",
            "ai.model.id": "claude-x",
            "ai.usage.inputTokens": 504,
            "ai.usage.cachedInputTokens": 2000,
            "ai.usage.outputTokens": 97,
            "ai.response.providerMetadata": '{"anthropic": {"usage": {"cache_creation_input_tokens": 1000}}}',
        },
        Route("anthropic.messages", "claude-x"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
    ),
    "vercel 6 on gemini": Case(
        "vercel_ai",
        "ai",
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.provider": "google.generative-ai",
            "ai.model.id": "gemini-x",
            "ai.usage.inputTokens": 1000,
            "ai.usage.inputTokenDetails.noCacheTokens": 400,
            "ai.usage.outputTokens": 400,
            "ai.usage.reasoningTokens": 300,
            "ai.response.providerMetadata": (
                '{"google": {"usageMetadata": {"promptTokenCount": 1000, "toolUsePromptTokenCount": 50,'
                ' "cachedContentTokenCount": 600, "candidatesTokenCount": 100, "thoughtsTokenCount": 300,'
                ' "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 90}]}}}'
            ),
        },
        Route("google.generative-ai", "gemini-x"),
        Usage(input_tokens=1050, cache_read_tokens=600, input_audio_tokens=90, output_tokens=400, reasoning_tokens=300),
    ),
    "vercel 6 on bedrock": Case(
        "vercel_ai",
        "ai",
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.provider": "amazon-bedrock",
            "ai.model.id": "us.anthropic.claude-x-v1:0",
            "ai.usage.inputTokens": 3504,
            "ai.usage.inputTokenDetails.noCacheTokens": 504,
            "ai.usage.inputTokenDetails.cacheReadTokens": 2000,
            "ai.usage.inputTokenDetails.cacheWriteTokens": 1000,
            "ai.usage.outputTokens": 97,
            "ai.response.providerMetadata": '{"bedrock": {"usage": {"cacheWriteInputTokens": 1000, "cacheDetails": '
            '[{"inputTokens": 600, "ttl": "5m"}, {"inputTokens": 400, "ttl": "1h"}]}}}',
        },
        Route("amazon-bedrock", "us.anthropic.claude-x-v1:0"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
        ),
    ),
}
