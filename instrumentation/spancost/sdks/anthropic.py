"""The `anthropic` SDK: the API itself, Bedrock, Vertex and Foundry.

From 1.14 on the SDK traces itself. For a call that we count it is told not to, so that there is one span; the rest
of its tracing stays as the app has it. The tool runner makes its calls with `create`; counting tokens is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost.described import Call, Delivery
from spancost.fields import pick, word
from spancost.instrumentor import SdkInstrumentor
from spancost.sdks._anthropic.deliveries import Deliveries
from spancost.sdks._anthropic.messages import CompletionReading, MessageReading, message_usage
from spancost.stainless import Endpoints, Operation, Operations, Posted, patches

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AnthropicInstrumentor", "MessageReading", "message_usage"]


def _provider_of(client: object) -> str:
    return word(getattr(client, "_gen_ai_provider_name", None)) or "anthropic"


def _region_of(client: object) -> str | None:
    return word(getattr(client, "aws_region", None)) or word(getattr(client, "region", None))


OPERATIONS: Final[Mapping[str, Operation]] = {
    "/v1/messages": Operation("chat", lambda _: MessageReading()),
    "/v1/complete": Operation("text_completion", CompletionReading),
}
"""End of the path -> operation."""


class AnthropicInstrumentor(SdkInstrumentor):
    """Counts what the `anthropic` SDK's calls cost."""

    _deliveries: Deliveries
    _endpoints: Endpoints
    _operations: Operations

    package = "anthropic"
    requires = "anthropic >= 0.51"
    patches = patches("anthropic._base_client")

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | Delivery | None:
        """The model call behind a request of a client, or the delivery of answers to earlier ones."""
        posted = Posted(self._endpoints.of(instance), args, kwargs)
        told = self._operations.told(posted)
        if told is None:
            return self._deliveries.delivery(posted)
        # A request without a span name gets no span from the SDK, whatever the client and the environment say.
        traces_itself = pick(posted.options, "span_name") is not None
        arguments = posted.changed(span_name=None) if traces_itself else posted.given
        return Call(told.request, told.operation.reading(posted), arguments)

    def _instrument(self, **kwargs: Any) -> None:
        self._deliveries = Deliveries()
        self._endpoints = Endpoints(_provider_of, _region_of)
        self._operations = Operations(OPERATIONS, "anthropic.request.service_tier")
        super()._instrument(**kwargs)
