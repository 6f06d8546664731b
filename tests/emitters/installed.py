"""What is installed where: emitters that go together share an environment, each switched on for its own lines only."""

from __future__ import annotations

from typing import Final

from .environments import Node, Python

_OFFICIAL: Final = (
    "opentelemetry-instrumentation-botocore==0.66b2",
    "opentelemetry-instrumentation-genai-anthropic==1.3b0",
    "opentelemetry-instrumentation-genai-bedrock==1.3b0",
    "opentelemetry-instrumentation-genai-openai==1.3b0",
    "opentelemetry-instrumentation-google-genai==1.3b0",
)
_OPENLLMETRY: Final = (
    "opentelemetry-instrumentation-anthropic==0.62.4",
    "opentelemetry-instrumentation-bedrock==0.62.4",
    "opentelemetry-instrumentation-google-generativeai==0.62.4",
    "opentelemetry-instrumentation-openai==0.62.4",
)
_OPENINFERENCE: Final = (
    "openinference-instrumentation-anthropic==3.1.0",
    "openinference-instrumentation-bedrock==0.1.61",
    "openinference-instrumentation-google-genai==1.4.14",
    "openinference-instrumentation-openai==0.1.66",
)
_PROVIDERS: Final = (
    "anthropic==2.12.0",
    "boto3==1.44.5",
    "google-genai==2.34.0",  # what the official instrumentation still takes
    "openai==3.54.0",
)


def _older(version: str) -> tuple[str, ...]:
    """An OpenTelemetry SDK that those take who pin one."""
    return (f"opentelemetry-sdk=={version}", f"opentelemetry-exporter-otlp-proto-http=={version}")


SDKS: Final = Python((*_PROVIDERS, *_OFFICIAL, *_OPENLLMETRY, *_OPENINFERENCE))
LANGCHAIN: Final = Python(
    (
        *_PROVIDERS,
        "langchain-anthropic==1.7.7",
        "langchain-aws==1.9.1",
        "langchain-google-genai==4.4.2",
        "langchain-openai==1.7.3",
        *_OPENLLMETRY,
        "opentelemetry-instrumentation-langchain==0.62.4",
        *_OPENINFERENCE,
        "openinference-instrumentation-langchain==0.1.80",
    )
)
LITELLM: Final = Python(
    (
        "boto3==1.44.5",
        "litellm==1.106.2",
        "mcp==2.3.0",
        "openinference-instrumentation-litellm==0.1.51",
    )
)
LITELLM_PROXY: Final = Python(("litellm[proxy]==1.106.2", "openinference-instrumentation-openai==0.1.66"))
PYDANTIC_AI: Final = Python((*_PROVIDERS, "pydantic-ai-slim[anthropic,bedrock,google,openai]==2.68.0", *_OFFICIAL))
LOGFIRE: Final = Python(("anthropic==2.12.0", "logfire==5.2.0", "openai==3.54.0"))
OPENLIT: Final = Python(
    ("anthropic==0.125.0", "boto3==1.44.5", "google-genai==3.4.0", "openai==2.54.0", "openlit==1.45.0"),
    _older("1.45.1"),
)
LANGFUSE: Final = Python(("langfuse==5.0.4", "openai==3.54.0"))
STRANDS: Final = Python(("strands-agents[anthropic,gemini,openai]==1.62.0",), _older("1.45.1"))
GOOGLE_ADK: Final = Python(("google-adk==2.13.0",), _older("1.44.0"))
SEMANTIC_KERNEL: Final = Python(("openai==3.54.0", "semantic-kernel==1.45.0"))
AGENT_FRAMEWORK: Final = Python(
    ("agent-framework-core==1.23.0", "agent-framework-openai==1.17.0", "openai==3.54.0"),
)
MLFLOW: Final = Python(
    ("anthropic==2.12.0", "boto3==1.44.5", "google-genai==3.4.0", "mlflow==3.17.2", "openai==3.54.0")
)
AGENTOPS: Final = Python(("agentops==0.4.21", "anthropic==0.59.0", "openai==1.109.1"), _older("1.39.1"))
VERCEL_6: Final = Node(
    (
        "ai@6.0.326",
        "@ai-sdk/amazon-bedrock@4.0.186",
        "@ai-sdk/anthropic@3.0.139",
        "@ai-sdk/google@3.0.141",
        "@ai-sdk/openai@3.0.141",
        "zod@4.6.7",
    )
)
VERCEL_7: Final = Node(
    (
        "ai@7.0.173",
        "@ai-sdk/amazon-bedrock@5.0.101",
        "@ai-sdk/anthropic@4.0.105",
        "@ai-sdk/google@4.0.121",
        "@ai-sdk/openai@4.0.118",
        "@ai-sdk/otel@1.0.173",
        "zod@4.6.7",
    )
)
