"""Which requests of the `openai` SDK are model calls, and how the answer to each is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost.described import Call, Delivery
from spancost.instrumentor import SdkInstrumentor
from spancost.sdks.openai.asking import Asking
from spancost.sdks.openai.chat import ChatReading, CompletionReading
from spancost.sdks.openai.deliveries import Deliveries
from spancost.sdks.openai.media import (
    EmbeddingReading,
    ImageReading,
    ModerationReading,
    SpeechReading,
    TranscriptionReading,
)
from spancost.sdks.openai.realtime import PATCHES, Conversations
from spancost.sdks.openai.responses import ResponseReading
from spancost.stainless import Endpoints, Operation, Operations, Posted, patches

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATIONS: Final[Mapping[str, Operation]] = {
    "/chat/completions": Operation("chat", ChatReading, asked=True),
    "/completions": Operation("text_completion", CompletionReading, asked=True),
    "/embeddings": Operation("embeddings", EmbeddingReading),
    "/images/generations": Operation("image_generation", ImageReading),
    "/images/edits": Operation("image_edit", ImageReading),
    "/images/variations": Operation("image_variation", ImageReading),
    "/audio/transcriptions": Operation("transcription", TranscriptionReading),
    "/audio/translations": Operation("translation", TranscriptionReading),
    "/audio/speech": Operation("speech", SpeechReading),
    "/moderations": Operation("moderation", ModerationReading),
}
"""End of the path -> operation; responses are added by the instrumentor."""


class OpenAIInstrumentor(SdkInstrumentor):
    """Counts what the `openai` SDK's calls cost."""

    _asking: Asking
    _deliveries: Deliveries
    _conversations: Conversations
    _endpoints: Endpoints
    _operations: Operations

    package = "openai"
    requires = "openai >= 1.66"
    patches = (*patches("openai._base_client"), *PATCHES)

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | Delivery | None:
        """The model call behind a request of a client, or the earlier ones that its answer may tell about."""
        posted = Posted(self._endpoints.of(instance), args, kwargs)
        told = self._operations.told(posted)
        if told is None:
            return self._deliveries.delivery(posted)
        operation, request = told
        reading = operation.reading(posted)
        if posted.stream and operation.asked:
            return self._asking.call(posted, request, reading)
        return Call(request, reading, posted.given)

    def describe_message(
        self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Call | Delivery | None:
        """What a message of a websocket may tell."""
        return self._conversations.delivery(instance)

    def _instrument(self, **kwargs: Any) -> None:
        self._asking = Asking()
        self._deliveries = Deliveries()
        self._endpoints = Endpoints(_provider_of)
        charged, made = self._deliveries.charged, self._deliveries.made
        self._conversations = Conversations(charged)
        response = Operation("chat", lambda posted: ResponseReading(posted, charged.first, made))
        responses = {"/responses": response, "/responses/compact": response, "/decisions": response}
        self._operations = Operations({**OPERATIONS, **responses}, "openai.request.service_tier")
        super()._instrument(**kwargs)


def _provider_of(client: object) -> str:
    azure = any(kind.__name__ in ("AzureOpenAI", "AsyncAzureOpenAI") for kind in client.__class__.__mro__)
    return "azure.ai.openai" if azure else "openai"
