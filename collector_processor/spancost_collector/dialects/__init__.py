"""The telemetry dialects that the receiver reads, one table per file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.dialects.agentops import AGENTOPS
from spancost_collector.dialects.claude_code import CLAUDE_CODE
from spancost_collector.dialects.codex import CODEX
from spancost_collector.dialects.envoy import ENVOY
from spancost_collector.dialects.gemini_cli import GEMINI_CLI
from spancost_collector.dialects.google_adk import GOOGLE_ADK
from spancost_collector.dialects.langfuse import LANGFUSE
from spancost_collector.dialects.langsmith import LANGSMITH
from spancost_collector.dialects.litellm import LITELLM
from spancost_collector.dialects.logfire import LOGFIRE, PYDANTIC_AI
from spancost_collector.dialects.microsoft import AGENT_FRAMEWORK, SEMANTIC_KERNEL
from spancost_collector.dialects.mlflow import MLFLOW
from spancost_collector.dialects.openinference import OPENINFERENCE, OPENINFERENCE_LITELLM
from spancost_collector.dialects.openlit import OPENLIT
from spancost_collector.dialects.openllmetry import OPENLLMETRY
from spancost_collector.dialects.otel import OTEL
from spancost_collector.dialects.spring_ai import SPRING_AI
from spancost_collector.dialects.strands import STRANDS
from spancost_collector.dialects.vercel import VERCEL, VERCEL_7

if TYPE_CHECKING:
    from spancost_collector.reading.dialect import Dialect

DIALECTS: Final[tuple[Dialect, ...]] = (
    LANGFUSE,
    VERCEL,
    MLFLOW,
    LANGSMITH,
    OPENINFERENCE,
    OPENINFERENCE_LITELLM,
    ENVOY,
    LITELLM,
    GOOGLE_ADK,
    STRANDS,
    SPRING_AI,
    AGENTOPS,
    PYDANTIC_AI,
    LOGFIRE,
    SEMANTIC_KERNEL,
    AGENT_FRAMEWORK,
    VERCEL_7,
    CLAUDE_CODE,
    CODEX,
    GEMINI_CLI,
    OPENLLMETRY,
    OPENLIT,
    OTEL,
)
"""In the order in which they are asked where nothing but a span's attributes can tell: the most particular first."""
