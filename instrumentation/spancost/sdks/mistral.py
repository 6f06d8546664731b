"""The `mistralai` SDK: La Plateforme, and Mistral's models on Azure and Vertex AI.

Patched where the app calls, because each method there is one request and gives typed objects. The SDK traces itself
where the app has set up OpenTelemetry; for a call that we count it is kept from it, so that there is one span and no
trace context leaves the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from spancost import unreported
from spancost.described import Call
from spancost.fields import count, first, items, pick, text
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, Recorder, SdkInstrumentor, attempts, awaits, calls
from spancost.invocation import current
from spancost.wire import NO_ATTRIBUTES, Answer, Reading, Request, answered, in_order, used

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from spancost.wire import Attributes
    from spancost_pricing import Unit

Asked = Mapping[str, Any]
"""The keyword arguments of a call: the SDK takes no others."""

_CONNECTOR_UNITS: Final[tuple[tuple[str, Unit], ...]] = (
    ("web_search", "web_search"),
    ("web_search_premium", "web_search"),
    ("image_generation", "image"),
)
"""Tools that Mistral runs during a conversation and bills by use."""


class CompletionReading:
    """A completion of any kind, or the events of one; embeddings, too: id, model and `usage` are where they are."""

    def __init__(self, asked: Asked) -> None:
        self._prompt = [asked.get(name) for name in ("messages", "prompt", "suffix")]
        self._written = 0
        self._streamed = False
        self._model: str | None = None
        self._id: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: object = None

    def add(self, part: object) -> None:
        """Takes in a response, its JSON, or an event of a stream."""
        part = _content_of(part)
        self._model = text(part, "model") or self._model
        self._id = text(part, "id") or self._id
        if (usage := pick(part, "usage")) is not None:
            self._usage = usage
        for position, choice in enumerate(items(part, "choices")):
            if reason := text(choice, "finish_reason"):
                index = count(choice, "index")
                self._finished[position if index is None else index] = reason
            if (delta := pick(choice, "delta")) is not None:
                self._streamed = True
                self._written += unreported.message_characters(pick(delta, "content"))
                self._written += sum(
                    unreported.characters(pick(call, "function", "arguments")) for call in items(delta, "tool_calls")
                )

    def answer(self) -> Answer:
        """What has been said so far."""
        return answered(
            model=self._model,
            response_id=self._id,
            finish_reasons=in_order(self._finished),
            usage=self._used(),
            service_tier=text(self._usage, "service_tier"),
        )

    def _used(self) -> Attributes | None:
        """Estimated for a stream that ended before its usage; a complete answer without usage stays without."""
        if self._usage is not None:
            return completion_usage(self._usage)
        if not self._streamed:
            return None
        asked = sum(unreported.message_characters(part) for part in self._prompt)
        return used(
            input_tokens=unreported.tokens(asked), output_tokens=unreported.tokens(self._written), estimated=True
        )


class TranscriptionReading(CompletionReading):
    """A transcript: billed by the length of the audio, beside which its tokens are only a way of counting."""

    def answer(self) -> Answer:
        """What has been said so far."""
        seconds = _figure(self._usage, "prompt_audio_seconds")
        return answered(
            model=self._model,
            usage=self._used() if seconds is None else used(units={"second": seconds}),
            service_tier=text(self._usage, "service_tier"),
        )


class ConversationReading:
    """An agent's turn in a conversation. Its id names the conversation, not the answer, and is no key of the call."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked.get("inputs")
        self._written = 0
        self._streamed = False
        self._conversation: str | None = None
        self._model: str | None = None
        self._usage: object = None

    def add(self, part: object) -> None:
        """Takes in a response, its JSON, or an event of a stream."""
        part = _content_of(part)
        self._conversation = text(part, "conversation_id") or self._conversation
        if (usage := pick(part, "usage")) is not None:
            self._usage = usage
        for written in (part, *items(part, "outputs")):
            self._model = text(written, "model") or self._model
        if (text(part, "type") or "").endswith(".delta"):
            self._streamed = True
            self._written += unreported.message_characters(pick(part, "content")) + unreported.characters(
                pick(part, "arguments")
            )

    def answer(self) -> Answer:
        """What has been said so far."""
        usage: Attributes | None = None
        if self._usage is not None:
            usage = conversation_usage(self._usage)
        elif self._streamed:
            usage = used(
                input_tokens=unreported.tokens(unreported.message_characters(self._asked)),
                output_tokens=unreported.tokens(self._written),
                estimated=True,
            )
        attributes: Attributes = {}
        if self._conversation is not None:
            attributes["gen_ai.conversation.id"] = self._conversation
        return answered(model=self._model, usage=usage, attributes=attributes)


class ResponseReading:
    """A response of the Responses API, or the events of one; those about the whole response carry it."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked.get("input")
        self._written = 0
        self._streamed = False
        self._response: object = None

    def add(self, part: object) -> None:
        """Takes in a response, its JSON, or an event of a stream."""
        part = _content_of(part)
        kind = text(part, "type") or ""
        if kind.endswith(".delta"):
            self._written += unreported.characters(pick(part, "delta"))
        elif (response := pick(part, "response")) is not None:
            self._streamed = True
            self._response = response
        elif not kind:
            self._response = part

    def answer(self) -> Answer:
        """What has been said so far."""
        reported = pick(self._response, "usage")
        usage: Attributes | None = None
        if reported is not None:
            usage = used(
                input_tokens=_figure(reported, "input_tokens"),
                cache_read_tokens=_figure(reported, "input_tokens_details", "cached_tokens"),
                cache_write_tokens=_figure(reported, "input_tokens_details", "cache_write_tokens"),
                output_tokens=_figure(reported, "output_tokens"),
                reasoning_tokens=_figure(reported, "output_tokens_details", "reasoning_tokens"),
            )
        elif self._streamed:
            usage = used(
                input_tokens=unreported.tokens(unreported.message_characters(self._asked)),
                output_tokens=unreported.tokens(self._written),
                estimated=True,
            )
        return answered(
            model=text(self._response, "model"),
            response_id=text(self._response, "id"),
            usage=usage,
            service_tier=text(self._response, "service_tier"),
        )


class SpeechReading:
    """Speech: billed by the characters that were to be spoken, which the answer does not repeat."""

    def __init__(self, asked: Asked) -> None:
        self._characters = len(asked["input"])
        self._spoken = False

    def add(self, part: object) -> None:
        """Takes in audio."""
        self._spoken = True

    def answer(self) -> Answer:
        """What has been said so far."""
        return answered(usage=used(units={"character": self._characters}) if self._spoken else None)


class DocumentReading:
    """A document that was read: billed by the page, for which there is no rate, so the call shows as unpriced."""

    def __init__(self, asked: Asked) -> None:
        self._document: object = None

    def add(self, part: object) -> None:
        """Takes in a response, or its JSON."""
        self._document = part

    def answer(self) -> Answer:
        """What has been said."""
        pages = count(self._document, "usage_info", "pages_processed")
        attributes: Mapping[str, AttributeValue] = {} if pages is None else {"spancost.usage.pages": pages}
        return answered(model=text(self._document, "model"), attributes=attributes)


def completion_usage(usage: object) -> Attributes:
    """`UsageInfo`. Totals include their parts."""
    seconds = _figure(usage, "prompt_audio_seconds")
    return used(
        input_tokens=_figure(usage, "prompt_tokens"),
        cache_read_tokens=first(
            _figure(usage, "prompt_tokens_details", "cached_tokens"), _figure(usage, "num_cached_tokens")
        ),
        output_tokens=_figure(usage, "completion_tokens"),
        reasoning_tokens=_figure(usage, "completion_tokens_details", "reasoning_tokens"),
        units={} if seconds is None else {"second": seconds},
    )


def conversation_usage(usage: object) -> Attributes:
    """`ConversationUsageInfo`. What tools put before the model is input that `prompt_tokens` leaves out."""
    prompt, connectors = _figure(usage, "prompt_tokens"), _figure(usage, "connector_tokens")
    units: dict[Unit, int] = {}
    for name, unit in _CONNECTOR_UNITS:
        if (uses := count(usage, "connectors", name)) is not None:
            units[unit] = units.get(unit, 0) + uses
    return used(
        input_tokens=prompt if prompt is None or connectors is None else prompt + connectors,
        output_tokens=_figure(usage, "completion_tokens"),
        units=units,
    )


def _content_of(part: object) -> object:
    """What an event is about; anything else as it is."""
    data = pick(part, "data")
    return part if data is None or isinstance(data, list) else data


def _figure(usage: object, *path: str) -> int | None:
    """A figure that was reported: the SDK's objects say 0 for token counts that were not."""
    *outer, name = path
    holder = pick(usage, *outer)
    reported: object = getattr(holder, "model_fields_set", None)
    return None if isinstance(reported, set) and name not in reported else count(holder, name)


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
