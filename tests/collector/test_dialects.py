"""Each emitter's words, as it writes them, become one call with the tokens that were used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from spancost_collector.call import Attribution, Reported
from spancost_collector.dialects import DIALECTS
from spancost_collector.reading.decode import Export
from spancost_collector.reading.normalise import Normaliser, Reading
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.collector.conftest import Otlp, Scalar


@dataclass(frozen=True)
class Case:
    """What an emitter writes, and what it means."""

    dialect: str
    scope: str
    values: Mapping[str, Scalar]
    route: Route
    usage: Usage | None
    operation: str = "chat"
    attribution: Attribution = field(default_factory=Attribution)
    quoted: Reported | None = None
    reported: Reported | None = None
    version: str = ""


def read(otlp: Otlp, values: Mapping[str, Scalar], *, scope: str = "", version: str = "") -> Reading:
    request = otlp.request(otlp.span(values), scope=scope)
    request.resource_spans[0].scope_spans[0].scope.version = version
    normaliser = Normaliser(DIALECTS)
    found = list(Export(request.SerializeToString()).candidates(normaliser.markers))
    if not found:
        return Reading(None, 0, enriched=False, unknown_operation=False)
    return normaliser.read(found[0].span, found[0].envelope)


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
    "claude code": Case(
        "claude_code",
        "com.anthropic.claude_code.tracing",
        {
            "span.type": "llm_request",
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.response.id": "req_1",
            "model": "claude-x",
            "session.id": "run-1",
            "user.id": "device-1",
            "user.email": "dev@example.com",
            "organization.id": "org-1",
            "speed": "fast",
            "query_source": "compact",
            "input_tokens": 504,
            "cache_read_tokens": 2000,
            "cache_creation_tokens": 1000,
            "output_tokens": 97,
        },
        Route("anthropic", "claude-x", speed="fast"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
        attribution=Attribution(
            tenant="org-1", user="dev@example.com", session="run-1", tags=("query_source:compact",)
        ),
    ),
    "codex": Case(
        "codex",
        "codex.logs",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "model": "gpt-x",
            "conversation.id": "conversation-1",
            "auth_mode": "Chatgpt",
            "input_token_count": 1000,
            "cached_token_count": 400,
            "output_token_count": 100,
            "reasoning_token_count": 40,
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=1000, cache_read_tokens=400, output_tokens=100, reasoning_tokens=40),
        attribution=Attribution(session="conversation-1"),
        reported=Reported(0, "subscription"),
    ),
    "gemini cli": Case(
        "gemini_cli",
        "gemini-cli",
        {
            "gen_ai.operation.name": "llm_call",
            "gen_ai.agent.name": "gemini-cli",
            "gen_ai.conversation.id": "run-1",
            "gen_ai.request.model": "gemini-x",
            "gen_ai.prompt.name": "run-1########3",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 60,
        },
        Route("gcp.gemini", "gemini-x"),
        Usage(input_tokens=1000, output_tokens=60),
        "generate_content",
        Attribution(session="run-1"),
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
    "openlit on anthropic": Case(
        "openlit",
        "openlit.instrumentation.anthropic",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.client.token.usage": 601,
            "gen_ai.usage.cost": 0.0123,
        },
        Route("anthropic", "claude-x"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
        quoted=Reported(12_300_000_000, "openlit"),
    ),
    "openlit on gemini, without a price": Case(
        "openlit",
        "openlit.instrumentation.google_ai_studio",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "gemini",
            "gen_ai.request.model": "gemini-x",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 100,
            "gen_ai.usage.reasoning_tokens": 300,
            "gen_ai.usage.cost": 0,
        },
        Route("gemini", "gemini-x"),
        Usage(input_tokens=1000, output_tokens=400, reasoning_tokens=300),
    ),
    "openlit on cohere": Case(
        "openlit",
        "openlit.instrumentation.cohere",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "cohere",
            "gen_ai.request.model": "command-x",
            "gen_ai.usage.input_tokens": 377.0,
            "gen_ai.usage.output_tokens": 102.0,
            "gen_ai.usage.cache_read.input_tokens": 576.0,
        },
        Route("cohere", "command-x"),
        Usage(input_tokens=377, output_tokens=102),
    ),
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
    "vercel 7 with the provider's metadata": Case(
        "vercel_ai_7",
        "gen_ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 97,
            "ai.usage.outputTokenDetails.reasoningTokens": 40,
            "ai.response.providerMetadata": '{"anthropic": {"usage": {"input_tokens": 504, "cache_creation": '
            '{"ephemeral_5m_input_tokens": 600, "ephemeral_1h_input_tokens": 400}, "service_tier": "priority"}}}',
        },
        Route("anthropic", "claude-x", "priority"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            reasoning_tokens=40,
        ),
    ),
    "vercel 7": Case(
        "vercel_ai_7",
        "ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.cache_read.input_tokens": 2000,
            "gen_ai.usage.cache_creation.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 97,
            "ai.telemetry.functionId": "answer",
        },
        Route("anthropic", "claude-x"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
        attribution=Attribution("answer"),
    ),
    "litellm, first callback": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "chat",
            "llm.request.type": "completion",
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.usage.total_tokens": 3601,
            "gen_ai.cost.total_cost": 0.5,
            "metadata.usage_object": (
                "{'completion_tokens': 97, 'prompt_tokens': 3504, 'total_tokens': 3601, 'prompt_tokens_details':"
                " {'audio_tokens': None, 'cache_write_tokens': 0, 'cached_tokens': 2000, 'cache_creation_tokens': 1000,"
                " 'cache_creation_token_details': {'ephemeral_1h_input_tokens': 400}},"
                " 'cache_creation_input_tokens': 1000, 'cache_read_input_tokens': 2000}"
            ),
            "metadata.user_api_key_team_alias": "acme",
            "metadata.user_api_key_end_user_id": "u1",
            "metadata.user_api_key_user_email": "",
        },
        Route("anthropic", "claude-x"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
        ),
        attribution=Attribution(tenant="acme", user="u1"),
        quoted=Reported(500_000_000_000, "litellm"),
    ),
    "litellm over openrouter": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openrouter",
            "gen_ai.request.model": "vendor/model",
            "gen_ai.usage.input_tokens": 74,
            "gen_ai.usage.output_tokens": 21,
            "gen_ai.cost.total_cost": 0.0,
            "metadata.usage_object": (
                "{'completion_tokens': 21, 'prompt_tokens': 74, 'cost': 5.37e-06, 'is_byok': True,"
                " 'cost_details': {'upstream_inference_cost': 1e-06}}"
            ),
        },
        Route("openrouter", "vendor/model"),
        Usage(input_tokens=74, output_tokens=21),
        reported=Reported(6_370_000, "openrouter"),
    ),
    "litellm, embeddings of a model without a provider": Case(
        "litellm",
        "litellm",
        {
            "llm.request.type": "embedding",
            "gen_ai.system": "",
            "litellm.provider.model": "openai/text-embedding-x",
            "gen_ai.request.model": "text-embedding-x",
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.output_tokens": 0,
        },
        Route("openai", "text-embedding-x"),
        Usage(input_tokens=7, output_tokens=0),
        operation="embeddings",
    ),
    "litellm, second callback": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-x",
            "litellm.call_id": "c1",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.output_tokens": 2,
            "litellm.cost.total": 0.001,
            "litellm.team.id": "t1",
            "litellm.team.alias": "acme",
            "litellm.end_user.id": "u1",
            "litellm.metadata.feature": "search",
            "litellm.metadata.plan": "gold",
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, cache_read_tokens=4, output_tokens=2),
        attribution=Attribution("search", tenant="acme", user="u1", tags=("plan:gold",)),
        quoted=Reported(1_000_000_000, "litellm"),
    ),
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
    "logfire": Case(
        "logfire",
        "logfire.anthropic",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.response.id": "msg_1",
            "logfire.span_type": "span",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.output_tokens": 97,
            "operation.cost": 0.0058,
            "gen_ai.usage.raw": (
                '{"input_tokens": 504, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 1000,'
                ' "cache_creation": {"ephemeral_1h_input_tokens": 400, "ephemeral_5m_input_tokens": 600},'
                ' "output_tokens": 97, "service_tier": "standard", "server_tool_use": {"web_search_requests": 2}}'
            ),
        },
        Route("anthropic", "claude-x", "standard"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            units={"web_search": 2},
        ),
        quoted=Reported(5_800_000_000, "logfire"),
    ),
    "pydantic-ai": Case(
        "pydantic_ai",
        "pydantic-ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.input_tokens": 3504,
            "gen_ai.usage.details.cache_read_tokens": 2000,
            "gen_ai.usage.details.cache_write_tokens": 1000,
            "gen_ai.usage.details.ephemeral_1h_input_tokens": 400,
            "gen_ai.usage.details.web_search_requests": 1,
            "gen_ai.usage.output_tokens": 97,
            "gen_ai.usage.details.thinking_tokens": 60,
            "operation.cost": 0.0029,
            "gen_ai.agent.name": "helper",
        },
        Route("anthropic", "claude-x"),
        Usage(
            input_tokens=3504,
            cache_read_tokens=2000,
            cache_write_tokens=1000,
            cache_write_1h_tokens=400,
            output_tokens=97,
            reasoning_tokens=60,
            units={"web_search": 1},
        ),
        attribution=Attribution("helper"),
        quoted=Reported(2_900_000_000, "pydantic_ai"),
    ),
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
    "google adk, first schema": Case(
        "google_adk",
        "gcp.vertex.agent",
        {
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": "gemini-x",
            "gcp.vertex.agent.invocation_id": "i1",
            "gcp.vertex.agent.session_id": "s1",
            "gen_ai.usage.input_tokens": 1050,
            "gen_ai.usage.cache_read.input_tokens": 600,
            "gen_ai.usage.output_tokens": 400,
            "gen_ai.usage.reasoning.output_tokens": 300,
        },
        Route("gcp.gemini", "gemini-x"),
        Usage(input_tokens=1050, cache_read_tokens=600, output_tokens=400, reasoning_tokens=300),
        operation="generate_content",
        attribution=Attribution(session="s1"),
    ),
    "google adk, second schema": Case(
        "google_adk",
        "gcp.vertex.agent",
        {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": "gcp.vertex_ai",
            "gen_ai.request.model": "gemini-x",
            "gen_ai.usage.input_tokens": 1050,
            "gen_ai.usage.output_tokens": 400,
            "gen_ai.usage.reasoning.output_tokens": 300,
        },
        Route("gcp.vertex_ai", "gemini-x"),
        Usage(input_tokens=1050, output_tokens=400, reasoning_tokens=300),
        operation="generate_content",
    ),
    "semantic kernel": Case(
        "semantic_kernel",
        "semantic_kernel.utils.telemetry.model_diagnostics.decorators",
        {
            "gen_ai.operation.name": "chat.completions",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, output_tokens=2),
    ),
    "agent framework": Case(
        "agent_framework",
        "agent_framework",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.output_tokens": 2,
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, cache_read_tokens=4, output_tokens=2),
    ),
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
    "agentops": Case(
        "agentops",
        "anthropic",
        {
            "gen_ai.request.type": "chat",
            "gen_ai.request.model": "claude-x",
            "gen_ai.usage.prompt_tokens": 504,
            "gen_ai.usage.cache_read_input_tokens": 2000,
            "gen_ai.usage.cache_creation_input_tokens": 1000,
            "gen_ai.usage.completion_tokens": 97,
            "gen_ai.usage.total_cost": 0,
        },
        Route("anthropic", "claude-x"),
        Usage(input_tokens=3504, cache_read_tokens=2000, cache_write_tokens=1000, output_tokens=97),
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
    "litellm, responses": Case(
        "litellm",
        "litellm",
        {
            "gen_ai.operation.name": "responses",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.system": "",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 2,
            "metadata.usage_object": "{'prompt_tokens': 10, 'completion_tokens': 2, "
            "'prompt_tokens_details': {'audio_tokens': None, 'cached_tokens': 5}}",
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, cache_read_tokens=5, output_tokens=2),
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
    "spring ai": Case(
        "spring_ai",
        "org.springframework.ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-x",
            "gen_ai.usage.input_tokens": "10",
            "gen_ai.usage.output_tokens": "2",
            "gen_ai.usage.total_tokens": "12",
        },
        Route("openai", "gpt-x"),
        Usage(input_tokens=10, output_tokens=2),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_an_emitter_writes_is_one_call_with_the_tokens_that_were_used(otlp: Otlp, case: Case) -> None:
    reading = read(otlp, case.values, scope=case.scope, version=case.version)
    call = reading.call

    assert call is not None
    assert (call.dialect, call.role, call.operation) == (case.dialect, "leaf", case.operation)
    assert (call.route, call.usage) == (case.route, case.usage)
    assert call.attribution == case.attribution
    assert (call.quoted, call.reported) == (case.quoted, case.reported)
    assert reading.unreadable_attributes == 0


@pytest.mark.parametrize(
    "name",
    [
        "litellm, second callback",
        "langfuse, its own buckets",
        "logfire",
        "pydantic-ai",
        "langsmith",
        "mlflow",
        "openinference",
        "vercel 6",
        "google adk, first schema",
        "openllmetry before the conventions",
    ],
)
def test_an_emitter_is_known_by_its_attributes_where_its_scope_is_not(otlp: Otlp, name: str) -> None:
    case = CASES[name]
    call = read(otlp, case.values, scope="somebody.else").call

    assert call is not None
    assert (call.dialect, call.route, call.usage) == (case.dialect, case.route, case.usage)


def test_every_dialect_is_shown_by_a_case() -> None:
    assert {dialect.name for dialect in DIALECTS} == {case.dialect for case in CASES.values()}


AGGREGATES: dict[str, tuple[str, dict[str, Scalar]]] = {
    "vercel 6": ("ai", {"ai.operationId": "ai.generateText", "ai.model.id": "m", "ai.usage.inputTokens": 9}),
    "vercel 7": ("ai", {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9}),
    "openinference": ("openinference.x", {"openinference.span.kind": "AGENT", "llm.token_count.prompt": 9}),
    "langfuse": (
        "langfuse-sdk",
        {"langfuse.observation.type": "span", "langfuse.observation.usage_details": '{"input": 9}'},
    ),
    "langsmith": ("langsmith", {"langsmith.span.kind": "chain", "gen_ai.usage.input_tokens": 9}),
    "langsmith, an agent's total": (
        "langsmith",
        {
            "langsmith.span.kind": "llm",
            "langsmith.metadata.usage_scope": "agent_total",
            "gen_ai.usage.input_tokens": 9,
        },
    ),
    "pydantic-ai": (
        "pydantic-ai",
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.aggregated_usage.input_tokens": 9},
    ),
    "strands": ("strands.telemetry.tracer", {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9}),
    "mlflow": ("mlflow", {"mlflow.spanType": '"AGENT"', "mlflow.chat.tokenUsage": '{"input_tokens": 9}'}),
    "agentops": ("agentops", {"agentops.span.kind": "agent", "gen_ai.usage.prompt_tokens": 9}),
}


@pytest.mark.parametrize(("scope", "values"), AGGREGATES.values(), ids=AGGREGATES)
def test_what_repeats_the_calls_under_it_is_told_from_a_call(otlp: Otlp, scope: str, values: dict[str, Scalar]) -> None:
    call = read(otlp, values, scope=scope).call

    assert call is not None
    assert call.role == "aggregate"
    assert call.usage is not None
    assert call.usage.input_tokens == 9


NO_CALLS: dict[str, tuple[str, dict[str, Scalar]]] = {
    "a turn of claude code": (
        "com.anthropic.claude_code.tracing",
        {"span.type": "interaction", "gen_ai.operation.name": "invoke_agent", "session.id": "run-1"},
    ),
    "a tool of claude code": ("com.anthropic.claude_code.tracing", {"span.type": "tool", "input_tokens": 9}),
    "a tool of gemini cli": ("gemini-cli", {"gen_ai.operation.name": "tool_call", "gen_ai.usage.input_tokens": 9}),
    "a tool": ("openinference.x", {"openinference.span.kind": "TOOL", "llm.token_count.prompt": 9}),
    "a chain without counts": ("openinference.x", {"openinference.span.kind": "CHAIN"}),
    "a raw request of litellm": ("litellm", {"llm.anthropic.usage": "{'input_tokens': 9}", "note": "gen_ai."}),
    "spring's chat client": (
        "org.springframework.ai",
        {"gen_ai.operation.name": "framework", "gen_ai.usage.input_tokens": "9"},
    ),
    "the start of a stream of logfire": (
        "logfire.openai",
        {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "logfire.span_type": "span"},
    ),
    "a tool of vercel": ("ai", {"ai.operationId": "ai.toolCall", "ai.usage.inputTokens": 9}),
    "a retriever of mlflow": ("mlflow", {"mlflow.spanType": '"RETRIEVER"'}),
}


@pytest.mark.parametrize(("scope", "values"), NO_CALLS.values(), ids=NO_CALLS)
def test_what_is_no_model_call_is_none(otlp: Otlp, scope: str, values: dict[str, Scalar]) -> None:
    assert read(otlp, values, scope=scope) == (None, 0, False, False)


def test_a_stream_of_logfire_that_failed_is_a_call(otlp: Otlp) -> None:
    values = {"gen_ai.operation.name": "chat", "logfire.span_type": "span", "error.type": "TimeoutError"}
    call = read(otlp, values, scope="logfire.openai").call

    assert call is not None
    assert (call.outcome, call.usage) == ("error", None)


@pytest.mark.parametrize(("duration", "began_ns"), [(0.25, 750_000_000), (-1.0, 1_000_000_000), (9e9, 1_000_000_000)])
def test_a_stream_that_logfire_notes_down_at_its_end_began_earlier(otlp: Otlp, duration: float, began_ns: int) -> None:
    values = {**CASES["logfire"].values, "logfire.span_type": "log", "duration": duration}
    call = read(otlp, values, scope="logfire.openai").call

    assert call is not None
    assert (call.start_ns - otlp.noon, call.end_ns - otlp.noon) == (began_ns, 1_000_000_000)


@pytest.mark.parametrize("hit", [True, "True", "true"])
def test_an_answer_from_a_gateways_cache_is_marked(otlp: Otlp, hit: Scalar) -> None:
    values = {**CASES["litellm, second callback"].values, "litellm.cache_hit": hit}
    call = read(otlp, values, scope="litellm").call

    assert call is not None
    assert call.cached


def test_the_id_that_litellm_wraps_is_the_providers_own(otlp: Otlp) -> None:
    def identified(response_id: str) -> str | None:
        call = read(
            otlp, {**CASES["litellm, responses"].values, "gen_ai.response.id": response_id}, scope="litellm"
        ).call
        assert call is not None
        return call.response_id

    # base64 of "litellm:custom_llm_provider:openai;model_id:None;response_id:resp_1"
    wrapped = "bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDpOb25lO3Jlc3BvbnNlX2lkOnJlc3BfMQ=="
    assert identified(f"resp_{wrapped}") == "resp_1"
    values = {**CASES["litellm, responses"].values, "gen_ai.response.id": f"resp_{wrapped}"}
    told = read(otlp, {**values, "gen_ai.operation.name": "chat"}, scope="spancost").call
    assert told is not None
    assert told.response_id == "resp_1"
    assert identified("resp_1") == "resp_1"
    assert identified("resp_bGl0ZWxsbTp\u00e9") == "resp_bGl0ZWxsbTp\u00e9"


def test_zeros_of_litellm_say_that_nobody_knows(otlp: Otlp) -> None:
    values = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "groq",
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 0,
    }
    call = read(otlp, values, scope="litellm").call

    assert call is not None
    assert call.usage is None


def test_a_document_that_is_none_is_counted_and_costs_nothing_else(otlp: Otlp) -> None:
    values = {**CASES["logfire"].values, "gen_ai.usage.raw": '{"input_tokens": ' + "[" * 5000}
    reading = read(otlp, values, scope="logfire.anthropic")

    assert reading.call is not None
    assert reading.call.usage == Usage(input_tokens=3504, output_tokens=97)
    assert reading.unreadable_attributes == 1


def test_the_time_to_the_first_chunk_is_in_seconds_whatever_the_emitters_unit(otlp: Otlp) -> None:
    vercel = read(otlp, CASES["vercel 6"].values, scope="ai").call
    openlit = read(
        otlp,
        {**CASES["openlit on anthropic"].values, "gen_ai.server.time_to_first_token": 0.25},
        scope="openlit.instrumentation.anthropic",
    ).call

    assert vercel is not None
    assert openlit is not None
    assert (vercel.first_chunk_s, openlit.first_chunk_s) == (0.2505, 0.25)
