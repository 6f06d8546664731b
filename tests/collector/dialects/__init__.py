"""What emitters write, by the dialect that it is read as: a module for each, named as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.collector.dialects import (
    agent_framework,
    agentops,
    claude_code,
    codex,
    envoy_ai_gateway,
    gemini_cli,
    google_adk,
    langfuse,
    langsmith,
    litellm,
    logfire,
    mlflow,
    openinference,
    openinference_litellm,
    openlit,
    openllmetry,
    otel,
    pydantic_ai,
    semantic_kernel,
    spring_ai,
    strands,
    vercel_ai,
    vercel_ai_7,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.collector.dialects.case import Case

CASES: Final[Mapping[str, Case]] = {
    **agent_framework.CASES,
    **agentops.CASES,
    **claude_code.CASES,
    **codex.CASES,
    **envoy_ai_gateway.CASES,
    **gemini_cli.CASES,
    **google_adk.CASES,
    **langfuse.CASES,
    **langsmith.CASES,
    **litellm.CASES,
    **logfire.CASES,
    **mlflow.CASES,
    **openinference.CASES,
    **openinference_litellm.CASES,
    **openlit.CASES,
    **openllmetry.CASES,
    **otel.CASES,
    **pydantic_ai.CASES,
    **semantic_kernel.CASES,
    **spring_ai.CASES,
    **strands.CASES,
    **vercel_ai.CASES,
    **vercel_ai_7.CASES,
}
