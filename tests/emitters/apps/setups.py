"""How each emitter is switched on, as its own documentation says."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

    Flush = Callable[[], Any]


def install_provider() -> TracerProvider:
    """What most apps set up: spans go to the collector in batches."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def _instrument(*instrumentors: str) -> None:
    for path in instrumentors:
        module, _, name = path.partition(":")
        getattr(import_module(module), name)().instrument()


def _spancost() -> None:
    import_module("spancost").instrument()


def _anthropic() -> None:
    """Anthropic's SDK traces itself unless it is told not to, as it is for everybody else here."""
    os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "true"


def _official() -> None:
    _instrument(
        "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
        "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
        "opentelemetry.instrumentation.genai.bedrock:BedrockInstrumentor",
        "opentelemetry.instrumentation.google_genai:GoogleGenAiSdkInstrumentor",
    )


def _botocore() -> None:
    _instrument("opentelemetry.instrumentation.botocore:BotocoreInstrumentor")


def _openllmetry() -> None:
    _instrument(
        "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
        "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
        "opentelemetry.instrumentation.bedrock:BedrockInstrumentor",
        "opentelemetry.instrumentation.google_generativeai:GoogleGenerativeAiInstrumentor",
    )


def _openinference() -> None:
    _instrument(
        "openinference.instrumentation.openai:OpenAIInstrumentor",
        "openinference.instrumentation.anthropic:AnthropicInstrumentor",
        "openinference.instrumentation.bedrock:BedrockInstrumentor",
        "openinference.instrumentation.google_genai:GoogleGenAIInstrumentor",
    )


def _langchain_of_openllmetry() -> None:
    _instrument("opentelemetry.instrumentation.langchain:LangchainInstrumentor")


def _langchain_of_openinference() -> None:
    _instrument("openinference.instrumentation.langchain:LangChainInstrumentor")


def _litellm() -> None:
    litellm: Any = import_module("litellm")
    litellm.callbacks = ["otel"]


def _litellm_of_openinference() -> None:
    _instrument("openinference.instrumentation.litellm:LiteLLMInstrumentor")


def _pydantic_ai() -> None:
    import_module("pydantic_ai").Agent.instrument_all()


def _logfire() -> None:
    logfire = import_module("logfire")
    logfire.configure(send_to_logfire=False, console=False)
    for instrument in ("instrument_openai", "instrument_anthropic"):
        getattr(logfire, instrument)()


def _openlit() -> None:
    import_module("openlit").init(
        otlp_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"], disable_metrics=True, pricing_json=os.devnull
    )


def _semantic_kernel() -> None:
    os.environ["SEMANTICKERNEL_EXPERIMENTAL_GENAI_ENABLE_OTEL_DIAGNOSTICS"] = "true"


def _agent_framework() -> None:
    import_module("agent_framework.observability").enable_instrumentation()


def _mlflow() -> Flush:
    for library in ("openai", "anthropic", "bedrock", "gemini"):
        import_module(f"mlflow.{library}").autolog()
    return import_module("mlflow.tracing.provider").get_bridged_tracer_provider().force_flush


def _langfuse() -> Flush:
    """Its own exporter speaks to its own server only, so spans also go to ours as any other's do."""
    client = import_module("langfuse").Langfuse(
        public_key="key", secret_key="key", base_url=os.environ["PROVIDER_URL"], tracer_provider=install_provider()
    )
    return client.flush


def _agentops() -> None:
    # It watches imports, and trips over those of an SDK that is not imported yet.
    for sdk in ("openai", "anthropic"):
        import_module(sdk)
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"
    provider = os.environ["PROVIDER_URL"]
    import_module("agentops").init(
        api_key="00000000-0000-0000-0000-000000000000", exporter_endpoint=endpoint, endpoint=provider
    )


def _openinference_of_openai() -> None:
    _instrument("openinference.instrumentation.openai:OpenAIInstrumentor")


SETUPS: dict[str, Callable[[], Flush | None]] = {
    "agent_framework": _agent_framework,
    "agentops": _agentops,
    "anthropic": _anthropic,
    "botocore": _botocore,
    "langfuse": _langfuse,
    "langchain of openinference": _langchain_of_openinference,
    "langchain of openllmetry": _langchain_of_openllmetry,
    "litellm": _litellm,
    "litellm of openinference": _litellm_of_openinference,
    "logfire": _logfire,
    "mlflow": _mlflow,
    "official": _official,
    "openinference": _openinference,
    "openinference openai": _openinference_of_openai,
    "openlit": _openlit,
    "openllmetry": _openllmetry,
    "pydantic_ai": _pydantic_ai,
    "semantic_kernel": _semantic_kernel,
    "spancost": _spancost,
}

OWN_PROVIDER = frozenset({"agentops", "langfuse", "litellm", "logfire", "openlit"})
"""Those that set up a tracer provider themselves."""
