"""Attribution for model calls of any instrumentation, ours or somebody else's.

A span processor of its own, because the call spans may come from the Anthropic SDK itself, a framework or another
instrumentor. It needs the OpenTelemetry SDK, which the rest of the app side does not; only `startup` imports it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor

from spancost.attribution import resolve, scope_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from spancost.faults import Faults

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

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        # Weak: a span is known for as long as anybody holds it, so nothing here can grow without bound.
        self._live: WeakValueDictionary[int, trace.Span] = WeakValueDictionary()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamps a model-call span; remembers every span, for those that start under it."""
        try:
            self._live[span.get_span_context().span_id] = span
            if _is_model_call(span):
                parent = trace.get_current_span(parent_context)
                _add_missing(span, resolve(scope_of(parent_context), parent, self._parent_of))
        except Exception as error:
            self._faults.caught("attribution", error)

    def complete(self, span: trace.Span) -> None:
        """Stamps what enclosing spans have learnt since `span` started; while it can still be written to."""
        _add_missing(span, resolve(None, self._parent_of(span), self._parent_of))

    def _parent_of(self, span: trace.Span) -> trace.Span | None:
        parent = getattr(span, "parent", None)
        return self._live.get(parent.span_id) if isinstance(parent, trace.SpanContext) else None


def _add_missing(span: trace.Span, attribution: dict[str, str]) -> None:
    own: object = getattr(span, "attributes", None)
    for key, value in attribution.items():
        if not isinstance(own, Mapping) or key not in own:
            span.set_attribute(key, value)


def _is_model_call(span: Span) -> bool:
    if any(key.startswith(_MODEL_CALL_PREFIXES) for key in span.attributes or ()):
        return True
    scope = span.instrumentation_scope
    return scope is not None and _EMITTERS.search(scope.name) is not None
