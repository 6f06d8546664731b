"""Attribution for model calls of any instrumentation, ours or somebody else's.

A span processor of its own, because the call spans may come from the Anthropic SDK itself, a framework or another
instrumentor. It needs the OpenTelemetry SDK, which the rest of the app side does not; only `startup` imports it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor

from spancost.attribution import resolve, scope_of
from spancost.version import SCOPE

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from spancost.faults import Faults

_MODEL_CALL_PREFIXES: Final = ("gen_ai.", "llm.", "openinference.")
"""Attributes of the GenAI conventions, OpenLLMetry and OpenInference start with one of these."""

_PARENT: Final = "_spancost_parent"
"""Attribute of a span that holds the one under which it started."""

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

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamps a model-call span; every span remembers the one it started under."""
        try:
            parent = trace.get_current_span(parent_context)
            if parent is not trace.INVALID_SPAN:
                # On the span itself: so it is known for as long as anybody can ask, and nothing here grows.
                setattr(span, _PARENT, parent)
            if _is_model_call(span):
                _add_missing(span, resolve(scope_of(parent_context), parent, self.parent_of))
        except Exception as error:
            self._faults.caught("attribution", error)

    def complete(self, span: trace.Span) -> None:
        """Stamps what enclosing spans have learnt since `span` started; while it can still be written to."""
        parent = self.parent_of(span)
        if parent is not None:
            _add_missing(span, resolve(None, parent, self.parent_of))

    def parent_of(self, span: trace.Span) -> trace.Span | None:
        """The span of this process under which `span` started."""
        return getattr(span, _PARENT, None)


def _add_missing(span: trace.Span, attribution: dict[str, str]) -> None:
    own: object = getattr(span, "attributes", None)
    for key, value in attribution.items():
        if not isinstance(own, Mapping) or key not in own:
            span.set_attribute(key, value)


def _is_model_call(span: Span) -> bool:
    """Whether a span is about a model and not ours: our own start with everything that is known."""
    scope = span.instrumentation_scope
    if scope is not None:
        if scope.name == SCOPE:
            return False
        if _emits(scope.name):
            return True
    return any(key.startswith(_MODEL_CALL_PREFIXES) for key in span.attributes or ())


@lru_cache(maxsize=256)
def _emits(scope: str) -> bool:
    return _EMITTERS.search(scope) is not None
