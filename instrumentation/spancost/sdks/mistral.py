"""The `mistralai` SDK: La Plateforme, and Mistral's models on Azure and Vertex AI.

Patched where the app calls, because each method there is one request and gives typed objects. The SDK traces itself
where the app has set up OpenTelemetry; for a call that we count it is kept from it, so that there is one span and no
trace context leaves the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from spancost.described import Call
from spancost.fields import text
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, Recorder, SdkInstrumentor, attempts, awaits, calls
from spancost.invocation import current
from spancost.sdks._mistral.completions import CompletionReading, TranscriptionReading
from spancost.sdks._mistral.conversations import ConversationReading
from spancost.sdks._mistral.media import DocumentReading, SpeechReading
from spancost.sdks._mistral.responses import ResponseReading
from spancost.wire import NO_ATTRIBUTES, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.sdks._mistral.parts import Asked
    from spancost.wire import Reading


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of call."""

    name: str
    """`gen_ai.operation.name`."""
    reading: Callable[[Asked], Reading]


@dataclass(frozen=True, slots=True)
class Platform:
    """Where Mistral's models are sold, each with a client of its own."""

    package: str
    provider: str
    """Who bills when the address does not tell."""
    modules: frozenset[str]
    """What the client can do there, by module."""


_CHAT: Final = Operation("chat", CompletionReading)
_TEXT: Final = Operation("text_completion", CompletionReading)
_EMBEDDINGS: Final = Operation("embeddings", CompletionReading)
_TRANSCRIPTION: Final = Operation("transcription", TranscriptionReading)
_SPEECH: Final = Operation("speech", SpeechReading)
_CONVERSATION: Final = Operation("chat", ConversationReading)
_RESPONSE: Final = Operation("chat", ResponseReading)
_MODERATION: Final = Operation("moderation", CompletionReading)
_CLASSIFICATION: Final = Operation("classification", CompletionReading)
_DOCUMENT: Final = Operation("ocr", DocumentReading)

OPERATIONS: Final[Mapping[str, Operation]] = {
    "chat.Chat.complete": _CHAT,
    "chat.Chat.stream": _CHAT,
    "agents.Agents.complete": _CHAT,
    "agents.Agents.stream": _CHAT,
    "fim.Fim.complete": _TEXT,
    "fim.Fim.stream": _TEXT,
    "embeddings.Embeddings.create": _EMBEDDINGS,
    "transcriptions.Transcriptions.complete": _TRANSCRIPTION,
    "transcriptions.Transcriptions.stream": _TRANSCRIPTION,
    "speech.Speech.complete": _SPEECH,
    "conversations.Conversations.start": _CONVERSATION,
    "conversations.Conversations.append": _CONVERSATION,
    "conversations.Conversations.restart": _CONVERSATION,
    "conversations.Conversations.start_stream": _CONVERSATION,
    "conversations.Conversations.append_stream": _CONVERSATION,
    "conversations.Conversations.restart_stream": _CONVERSATION,
    "responses.Responses.create": _RESPONSE,
    "classifiers.Classifiers.moderate": _MODERATION,
    "classifiers.Classifiers.moderate_chat": _MODERATION,
    "classifiers.Classifiers.classify": _CLASSIFICATION,
    "classifiers.Classifiers.classify_chat": _CLASSIFICATION,
    "ocr.Ocr.process": _DOCUMENT,
}
"""Function inside a platform's package -> operation; each has an async twin whose name ends in `_async`."""

PLATFORMS: Final = (
    Platform("mistralai.client", "mistral_ai", frozenset(name.partition(".")[0] for name in OPERATIONS)),
    Platform("mistralai.azure.client", "azure.ai.inference", frozenset({"chat"})),
    Platform("mistralai.gcp.client", "gcp.vertex_ai", frozenset({"chat", "fim"})),
)


def describe(
    operation: Operation, provider: str, streams: bool, instance: Any, args: tuple[Any, ...], kwargs: Asked
) -> Call:
    """The model call behind a call of one of `OPERATIONS`."""
    configured: str = instance.sdk_configuration.get_server_details()[0]
    address = urlsplit(text(kwargs, "server_url") or configured)
    host = address.hostname
    request = Request(
        operation=operation.name,
        provider=provider_of(host, provider),
        model=text(kwargs, "model"),
        address=host,
        port=address.port,
        stream=streams or kwargs.get("stream") is True,
        attributes=_region(host),
    )
    return Call(request, operation.reading(kwargs), (args, kwargs))


def _region(host: str | None) -> Mapping[str, AttributeValue]:
    region, is_vertex, _ = (host or "").partition("-aiplatform.googleapis.com")
    return {"spancost.region": region} if is_vertex else NO_ATTRIBUTES


def responds(_: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around the SDK's own hook for a good answer, of which it may then fail to make its objects."""

    def shell(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        response = original(self, *args, **kwargs)
        invocation = current()
        if invocation is not None and getattr(response, "is_closed", False):
            invocation.response = response
        return response

    return shell


def untraced(_: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around the SDK's own start of a span: it leaves out the calls that have one of ours."""

    def shell(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if current() is None or len(args) != 2:
            return original(self, *args, **kwargs)
        return args[1]

    return shell


def _patches(platform: Platform) -> list[Patch]:
    found = [
        Patch(f"{platform.package}._hooks.sdkhooks", "SDKHooks.before_request", attempts),
        Patch(f"{platform.package}._hooks.sdkhooks", "SDKHooks.after_success", responds),
    ]
    for path, operation in OPERATIONS.items():
        module, _, name = path.partition(".")
        if module in platform.modules:
            described = partial(describe, operation, platform.provider, name.endswith("stream"))
            found.append(Patch(f"{platform.package}.{module}", name, calls, describe=described))
            found.append(Patch(f"{platform.package}.{module}", f"{name}_async", awaits, describe=described))
    return found


class MistralInstrumentor(SdkInstrumentor):
    """Counts what the `mistralai` SDK's calls cost."""

    package = "mistralai.client"
    requires = "mistralai >= 2"
    patches = (
        Patch("mistralai.client._hooks.tracing", "TracingHook.before_request", untraced),
        *(patch for platform in PLATFORMS for patch in _patches(platform)),
    )
