"""The `google-genai` SDK: the Gemini API and Vertex AI.

Patched where the SDK sends, not where the app calls: automatic function calling and continuation make several paid
requests behind one method call, and the answer on the wire says more (the served tier) than the typed one. Chats are
`generateContent` again. Counting tokens is free; tuning and what Vertex AI keeps in buckets are billed elsewhere.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spancost.described import Call, Delivery
from spancost.fields import pick, text
from spancost.instrumentor import Patch, SdkInstrumentor, attempts, awaits, calls, generates
from spancost.newest import Newest
from spancost.once import Once
from spancost.sdks._google_genai import batches, interactions, live
from spancost.sdks._google_genai.content import CacheReading, GenerateContentReading, content_usage
from spancost.sdks._google_genai.earlier import PATCHES, Earlier
from spancost.sdks._google_genai.predictions import EmbeddingsReading, VideoReading, predicted, prediction
from spancost.sdks._google_genai.sent import Operation, Sent, given, origin_of, request_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost.sdks._google_genai.sent import Origin
    from spancost.wire import Reading, Request

__all__ = ["GoogleGenAIInstrumentor", "content_usage"]

_GENERATE: Final = Operation("generate_content", GenerateContentReading, told=False)
_EMBED: Final = Operation("embeddings", EmbeddingsReading)
_STREAM: Final = ":streamGenerateContent"
OPERATIONS: Final[Mapping[str, Operation]] = {
    ":generateContent": _GENERATE,
    _STREAM: _GENERATE,
    ":batchEmbedContents": _EMBED,
    ":embedContent": _EMBED,
    ":predict": Operation(predicted, prediction),
    ":predictLongRunning": Operation("video_generation", VideoReading),
    "cachedContents": Operation("generate_content", CacheReading, told=False),
}
"""End of the path that is posted to -> operation."""


class _Asked(NamedTuple):
    """What a client asks for with a method and a path."""

    path: str
    """Without its query."""
    operation: Operation | None
    """None to look at a batch."""
    model: str | None = None
    """Where the path names it."""
    stream: bool = False
    request: Request | None = None
    """Where the path says it all."""
    reading: Callable[[], Reading] | None = None
    """How the answer is read, where the path says that, too."""


@lru_cache(maxsize=1024)
def _asked(method: str, path: str, origin: Origin) -> _Asked | None:
    """None when it is no model call and no batch."""
    path = path.partition("?")[0]
    if method.lower() == "get" and batches.is_batch(path):
        return _Asked(path, None)
    if method.lower() != "post":
        return None
    for end, operation in OPERATIONS.items():
        if path.endswith(end):
            model, stream = path.removesuffix(end) if end.startswith(":") else None, end == _STREAM
            told = model is None or not isinstance(operation.name, str)
            request = None if told else request_from(origin, operation.name, model, stream)
            return _Asked(path, operation, model, stream, request, None if operation.told else operation.reading)
    return None


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
        Patch(_CLIENT, "BaseApiClient.request_streamed", generates),
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
        Patch(_INTERACTIONS, "Interactions.cancel", calls, describe="describe_fetch"),
        Patch(_INTERACTIONS, "AsyncInteractions.cancel", awaits, describe="describe_fetch"),
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
        try:
            method, path, body, options = args  # as the SDK itself gives them
        except ValueError:
            method, path, body, options = given(args, kwargs)
        origin = origin_of(instance, options)
        asked = _asked(method, path, origin)
        if asked is None:
            return None
        if asked.reading is not None and asked.request is not None:
            return Call(asked.request, asked.reading(), (args, kwargs))
        path, operation, model, stream, request, _ = asked
        sent = Sent(instance, path, body, options)
        if operation is None:
            return Delivery(lambda response: batches.inlined(sent, response, self._charged, self._files))
        if request is None:
            name = operation.name if isinstance(operation.name, str) else operation.name(sent)
            request = request_from(origin, name, text(body, "model") if model is None else model, stream)
        reading = operation.reading(sent) if operation.told else operation.reading()
        return Call(request, reading, (args, kwargs))

    def describe_download(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Delivery | None:
        """The answers of a batch, when they are what is downloaded."""
        path: str = args[0] if args else kwargs["path"]
        model = self._files.get(batches.file_of(path))
        if model is None:
            return None
        sent = Sent(instance, path.partition("?")[0], None, kwargs.get("http_options"))
        return Delivery(lambda content: batches.downloaded(sent, content, self._charged, model))

    def describe_interaction(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
        """The interaction, or one step of it, that is asked for."""
        body = interactions.asked(kwargs)
        model = text(body, "model") or text(body, "agent")
        request = interactions.request_of(instance, model, stream=pick(body, "stream") is True)
        reading = interactions.InteractionReading(body, self._pending, self._charged)
        return Call(request, reading, (args, kwargs))

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
