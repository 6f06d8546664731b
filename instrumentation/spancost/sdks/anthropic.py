"""The `anthropic` SDK: the API itself, Bedrock, Vertex and Foundry.

From 1.14 on the SDK traces itself. For a call that we count it is told not to, so that there is one span; the rest
of its tracing stays as the app has it. The tool runner makes its calls with `create`; counting tokens is free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost.fields import pick, word
from spancost.instrumentor import Call, Delivery, SdkInstrumentor
from spancost.sdks._anthropic.deliveries import Deliveries
from spancost.sdks._anthropic.messages import CompletionReading, MessageReading, message_usage
from spancost.stainless import Endpoints, Operation, Operations, Posted, patches, request_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

__all__ = ["AnthropicInstrumentor", "MessageReading", "message_usage"]


def _request_attributes(posted: Posted) -> Mapping[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    if (tier := word(posted.body.get("service_tier"))) is not None:
        attributes["anthropic.request.service_tier"] = tier
    if (region := _region_of(posted.client)) is not None:
        attributes["spancost.region"] = region
    return attributes


def _region_of(client: object) -> str | None:
    return word(getattr(client, "aws_region", None)) or word(getattr(client, "region", None))


OPERATIONS: Final[Mapping[str, Operation]] = {
    "/v1/messages": Operation("chat", lambda _: MessageReading(), _request_attributes),
    "/v1/complete": Operation("text_completion", CompletionReading, _request_attributes),
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
        provider = word(getattr(instance, "_gen_ai_provider_name", None)) or "anthropic"
        posted = Posted(self._endpoints.of(instance), provider, instance, args, kwargs)
        operation = self._operations.of(posted)
        if operation is None:
            return self._deliveries.delivery(posted)
        # A request without a span name gets no span from the SDK, whatever the client and the environment say.
        traces_itself = pick(posted.options, "span_name") is not None
        arguments = posted.arguments(span_name=None) if traces_itself else posted.arguments()
        return Call(request_of(posted, operation), operation.reading(posted), arguments, arguments)

    def _instrument(self, **kwargs: Any) -> None:
        self._deliveries = Deliveries()
        self._endpoints = Endpoints()
        self._operations = Operations(OPERATIONS)
        super()._instrument(**kwargs)
