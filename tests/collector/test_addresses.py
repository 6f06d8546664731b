"""Who bills is where the call went, not which library made it."""

from __future__ import annotations

import pytest

from spancost_collector.reading.addresses import billing_provider


@pytest.mark.parametrize(
    ("named", "address", "billing"),
    [
        ("openai", "api.openai.com", "openai"),
        ("openai", "openrouter.ai", "openrouter"),
        ("openai", "api.deepseek.com", "deepseek"),
        ("openai", "contoso.openai.azure.com", "azure.ai.openai"),
        ("openai", "mine.eastus.models.ai.azure.com", "azure.ai.inference"),
        ("openai", "https://API.Groq.com:443/openai/v1", "groq"),
        ("anthropic", "bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("openai", "bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
        ("openai", "runtime.sagemaker.us-east-1.amazonaws.com", "sagemaker"),
        ("anthropic", "us-east5-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("", "generativelanguage.googleapis.com", "gcp.gemini"),
    ],
)
def test_the_address_decides_where_the_library_speaks_to_many(named: str, address: str, billing: str) -> None:
    assert billing_provider(named, address) == billing


@pytest.mark.parametrize(
    ("named", "address"),
    [
        ("openai", None),
        ("openai", "llm-proxy.internal"),
        ("openai", "127.0.0.1"),
        ("openai", "llm-proxy-1.us-east-1.elb.amazonaws.com"),
        ("anthropic", "aws-external-anthropic.us-east-1.api.aws"),
        ("openai", "api.openai.com.evil.example"),
        ("openai", "notopenrouter.ai"),
        ("groq", "openrouter.ai"),
        ("gemini", "generativelanguage.googleapis.com"),
        ("openai", ""),
    ],
)
def test_otherwise_the_span_is_believed(named: str, address: str | None) -> None:
    assert billing_provider(named, address) == named
