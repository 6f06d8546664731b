"""Attribution for model calls of any instrumentation, ours or somebody else's.

A span processor of its own, because the call spans may come from the Anthropic SDK itself, a framework or another
instrumentor. It needs the OpenTelemetry SDK, which the rest of the app side does not; only `startup` imports it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor

from spancost.payers import stamp
from spancost.version import SCOPE

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from spancost.faults import Faults
    from spancost.payers import Payers

_MODEL_CALL_PREFIXES: Final = ("gen_ai.", "llm.", "openinference.")
"""Attributes of the GenAI conventions, OpenLLMetry and OpenInference start with one of these."""

_EMITTERS: Final = re.compile(
    "openinference|traceloop|openlit|langfuse|litellm|pydantic.ai|gen_?ai|openai|anthropic|bedrock|vertexai|mistral"
    "|cohere|groq|ollama|together|replicate|watsonx|sagemaker|langchain|llama.?index|haystack|dspy|agno|crewai"
    "|smolagents|portkey"
)
"""Instrumentation scopes whose spans are about models; some say so in their attributes only when the call is over."""


class AttributionProcessor(SpanProcessor):
    """Stamps who pays onto every model-call span that does not say it already."""

    def __init__(self, payers: Payers, faults: Faults) -> None:
        self._payers = payers
        self._faults = faults

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamps a model-call span; every span remembers the one it started under."""
        try:
            if span.parent is not None:
                self._payers.remember(span, trace.get_current_span(parent_context))
            scope = span.instrumentation_scope
            name = None if scope is None else scope.name
            # Our own start with everything that is known.
            if name != SCOPE and _is_model_call(name, span):
                stamp(span, self._payers.of(otel.get_current() if parent_context is None else parent_context))
        except Exception as error:
            self._faults.caught("attribution", error)


def _is_model_call(scope: str | None, span: Span) -> bool:
    """Whether a span is about a model, by who made it or by what it says."""
    if scope is not None and _emits(scope):
        return True
    return any(key.startswith(_MODEL_CALL_PREFIXES) for key in span.attributes or ())


@lru_cache(maxsize=256)
def _emits(scope: str) -> bool:
    return _EMITTERS.search(scope) is not None
