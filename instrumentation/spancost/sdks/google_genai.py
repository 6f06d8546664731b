"""The `google-genai` SDK: the Gemini API and Vertex AI.

Patched where the SDK sends, not where the app calls: automatic function calling and continuation make several paid
requests behind one method call, and the answer on the wire says more (the served tier) than the typed one. Chats are
`generateContent` again. Counting tokens is free; tuning and what Vertex AI keeps in buckets are billed elsewhere.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from spancost.fields import pick, text
from spancost.instrumentor import Call, Delivery, Patch, SdkInstrumentor, attempts, awaits, calls
from spancost.newest import Newest
from spancost.once import Once
from spancost.sdks._google_genai import batches, interactions, live
from spancost.sdks._google_genai.content import CacheReading, GenerateContentReading, content_usage
from spancost.sdks._google_genai.earlier import PATCHES, Earlier
from spancost.sdks._google_genai.predictions import EmbeddingsReading, VideoReading, predicted, prediction
from spancost.sdks._google_genai.sent import Operation, Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GoogleGenAIInstrumentor", "content_usage"]

_GENERATE: Final = Operation("generate_content", lambda _: GenerateContentReading())
_EMBED: Final = Operation("embeddings", EmbeddingsReading)
_STREAM: Final = ":streamGenerateContent"
OPERATIONS: Final[Mapping[str, Operation]] = {
    ":generateContent": _GENERATE,
    _STREAM: _GENERATE,
    ":batchEmbedContents": _EMBED,
    ":embedContent": _EMBED,
    ":predict": Operation(predicted, prediction),
    ":predictLongRunning": Operation("video_generation", VideoReading),
    "cachedContents": Operation("generate_content", lambda _: CacheReading()),
}
"""End of the path that is posted to -> operation."""

_CLIENT: Final = "google.genai._api_client"
_INTERACTIONS: Final = "google.genai._gaos.interactions"
_DECISIONS: Final = "google.genai._gaos.decisions"
_HOOKS: Final = "google.genai._gaos._hooks"
_LIVE: Final = "google.genai.live"


class GoogleGenAIInstrumentor(SdkInstrumentor):
    """Counts what the `google-genai` SDK's calls cost."""

    _pending: Newest[bool]
    """Interactions that were left to run in the background."""
    _charged: Once
    """Interactions and batches whose answers were counted."""
    _earlier: Earlier
    _files: Newest[str]
    """Files with the answers of a batch, and its model."""

    package = "google.genai"
    requires = "google-genai >= 1.32"
    patches = (
        Patch(_CLIENT, "BaseApiClient.request", calls),
        Patch(_CLIENT, "BaseApiClient.request_streamed", calls),
        Patch(_CLIENT, "BaseApiClient.async_request", awaits),
        Patch(_CLIENT, "BaseApiClient.async_request_streamed", awaits),
        Patch(_CLIENT, "BaseApiClient._request_once", attempts),
        Patch(_CLIENT, "BaseApiClient._async_request_once", attempts),
        Patch(_CLIENT, "BaseApiClient.download_file", calls, describe="describe_download"),
        Patch(_CLIENT, "BaseApiClient.async_download_file", awaits, describe="describe_download"),
        Patch(_INTERACTIONS, "Interactions.create", calls, describe="describe_interaction"),
        Patch(_INTERACTIONS, "AsyncInteractions.create", awaits, describe="describe_interaction"),
        Patch(_INTERACTIONS, "Interactions.get", calls, describe="describe_fetch"),
        Patch(_INTERACTIONS, "AsyncInteractions.get", awaits, describe="describe_fetch"),
        Patch(_DECISIONS, "Decisions.create", calls, describe="describe_interaction"),
        Patch(_DECISIONS, "AsyncDecisions.create", awaits, describe="describe_interaction"),
        Patch(f"{_HOOKS}.sdkhooks", "SDKHooks.before_request", attempts),
        Patch(f"{_HOOKS}.asyncsdkhooks", "AsyncSDKHooks.before_request", attempts),
        *PATCHES,
        Patch(_LIVE, "AsyncLive.connect", live.connects),
        Patch(_LIVE, "AsyncSession._receive", awaits, describe="describe_message"),
    )

    def _instrument(self, **kwargs: Any) -> None:
        self._pending, self._charged, self._files = Newest(), Once(), Newest()
        self._earlier = Earlier(self._pending, self._charged)
        super()._instrument(**kwargs)

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | Delivery | None:
        """The model call behind a request of a client, or the batch that is asked about."""
        sent = Sent(instance, args, kwargs)
        if sent.method == "get" and batches.is_batch(sent.path):
            return Delivery(lambda response: batches.inlined(sent, response, self._charged, self._files))
        end = next((end for end in OPERATIONS if sent.path.endswith(end)), None)
        if sent.method != "post" or end is None:
            return None
        operation = OPERATIONS[end]
        name = operation.name if isinstance(operation.name, str) else operation.name(sent)
        model = sent.path.removesuffix(end) if end.startswith(":") else text(sent.body, "model")
        request = sent.request(name, model, stream=end == _STREAM)
        return Call(request, operation.reading(sent), (args, kwargs), (args, kwargs))

    def describe_download(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Delivery | None:
        """The answers of a batch, when they are what is downloaded."""
        sent = Sent(instance, ("get", *args), kwargs)
        model = self._files.get(batches.file_of(sent.path))
        if model is None:
            return None
        return Delivery(lambda content: batches.downloaded(sent, content, self._charged, model))

    def describe_interaction(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
        """The interaction, or one step of it, that is asked for."""
        body = interactions.asked(kwargs)
        model = text(body, "model") or text(body, "agent")
        request = interactions.request_of(instance, model, stream=pick(body, "stream") is True)
        reading = interactions.InteractionReading(body, self._pending, self._charged)
        return Call(request, reading, (args, kwargs), (args, kwargs))

    def describe_fetch(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Delivery:
        """The interaction that is fetched."""
        requested = partial(interactions.request_of, instance)
        return Delivery(lambda part: interactions.fetched(requested, part, self._pending, self._charged))

    def describe_earlier(
        self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Call | Delivery | None:
        """What an earlier release asks its other client for."""
        return self._earlier.describe(instance, args, kwargs)

    def describe_message(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Delivery:
        """A message of a live session."""
        return Delivery(partial(live.heard, instance))
