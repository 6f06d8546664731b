"""The `cohere` SDK, both generations of its API, on Cohere's own platform and inside AWS and Oracle Cloud.

Patched at the SDK's raw clients, one request each: the methods above them send long lists of texts as many requests,
in threads, and make a stream only when it is read. Cohere says what it bills beside what it consumed, and does not
bill the prompt that it puts around the app's; billed units are what is reported.
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

import wrapt

from spancost import unreported
from spancost.bedrock_invoke import METRICS, metrics_usage
from spancost.described import Call
from spancost.fields import count, first, pick, text, total
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, Recorder, SdkInstrumentor, Shell, attempts, awaits, calls
from spancost.openings import opens
from spancost.wire import PROVIDER, Request, answered, used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from spancost.wire import Answer, Attributes
    from spancost_pricing import Unit

    _Proxy: TypeAlias = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy

_ASKED: Final = ("messages", "message", "chat_history", "preamble", "documents", "prompt")
"""Arguments that have text for the model."""
_UNITS: Final[tuple[tuple[str, Unit], ...]] = (("search_units", "request"), ("images", "image"))
"""Billed units that are not tokens. A search unit is one query against up to a hundred documents."""


class CohereReading:
    """An answer of any kind, or the events of one: `usage` in the second API, `meta` in the first."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._host: str | None = None
        self._id: str | None = None
        self._finish_reason: str | None = None
        self._usage: object = None
        self._counted: Attributes | None = None
        self._streamed = False
        self._written = 0

    def add(self, part: object) -> None:
        """Takes in the SDK's raw response, or an event of a stream."""
        if (url := pick(part, "_response", "request", "url")) is not None:
            self._host = text(url, "host")
            part = pick(part, "data")
        # The first API ends its streams with an event that holds the whole answer; the second with one that differs.
        for answer in (part, pick(part, "response"), pick(part, "delta")):
            self._take(answer)
        if pick(part, "type") is not None or pick(part, "event_type") is not None:
            self._streamed = True
            if (metrics := pick(part, METRICS)) is not None:
                self._counted = metrics_usage(metrics)
            self._written += unreported.characters(pick(part, "text"))
            self._written += unreported.characters(pick(part, "delta", "message", "tool_plan"))
            self._written += sum(
                unreported.characters(pick(part, "delta", "message", *path))
                for path in (("content", "text"), ("content", "thinking"), ("tool_calls", "function", "arguments"))
            )

    def _take(self, answer: object) -> None:
        names = ("generation_id", "id", "response_id")
        self._id = next((found for name in names if (found := text(answer, name))), self._id)
        self._finish_reason = text(answer, "finish_reason") or self._finish_reason
        for usage in (pick(answer, "usage"), pick(answer, "meta")):
            if usage is not None:
                self._usage = usage

    def answer(self) -> Answer:
        """What has been said so far."""
        return answered(
            response_id=self._id,
            finish_reasons=() if self._finish_reason is None else (self._finish_reason,),
            usage=self._used(),
            attributes=_elsewhere(self._host),
        )

    def _used(self) -> Attributes | None:
        """Estimated for a stream that ended before its usage; a complete answer without usage stays without."""
        if self._usage is not None:
            return billed_usage(self._usage)
        if self._counted is not None or not self._streamed:
            return self._counted
        asked = sum(unreported.message_characters(self._asked.get(name)) for name in _ASKED)
        return used(
            input_tokens=unreported.tokens(asked), output_tokens=unreported.tokens(self._written), estimated=True
        )


def billed_usage(usage: object) -> Attributes | None:
    """What is billed; where that is not said, what was consumed. What the cache served changes no price."""
    billed = pick(usage, "billed_units")
    if billed is None:
        billed = pick(usage, "tokens")
    if billed is None:
        return None
    image = count(billed, "image_tokens")
    whole = _tokens(billed, "input_tokens")
    if whole is None or (image is not None and image > whole):
        # A part cannot exceed its whole: the two stand side by side.
        whole = total(first(whole, count(billed, "text_tokens")), image)
    units: dict[Unit, int] = {unit: found for name, unit in _UNITS if (found := count(billed, name)) is not None}
    return used(
        input_tokens=whole, input_image_tokens=image, output_tokens=_tokens(billed, "output_tokens"), units=units
    )


def _tokens(billed: object, name: str) -> int | None:
    """A figure that was reported: the clients for AWS say -1 for one that was not."""
    tokens = count(billed, name)
    return None if tokens == -1 else tokens


def _elsewhere(host: str | None) -> Attributes:
    """Where the request really went: the clients for other clouds turn it round when it is on its way."""
    provider = provider_of(host, "cohere")
    if host is None or provider == "cohere":
        return {}
    attributes: Attributes = {PROVIDER: provider, "server.address": host}
    if host.endswith(".amazonaws.com"):  # `bedrock-runtime.us-east-1` and `runtime.sagemaker.us-east-1`
        attributes["spancost.region"] = host.removesuffix(".amazonaws.com").rpartition(".")[2]
    return attributes


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a raw client."""

    name: str
    """`gen_ai.operation.name`."""
    stream: bool = False


_FIRST: Final = ("cohere.raw_base_client", "RawBaseCohere")
_SECOND: Final = ("cohere.v2.raw_client", "RawV2Client")
_AUDIO: Final = ("cohere.audio.transcriptions.raw_client", "RawTranscriptionsClient")
OPERATIONS: Final[Mapping[tuple[str, str], Mapping[str, Operation]]] = {
    _FIRST: {
        "chat": Operation("chat"),
        "chat_stream": Operation("chat", stream=True),
        "generate": Operation("text_completion"),
        "generate_stream": Operation("text_completion", stream=True),
        "summarize": Operation("text_completion"),
        "embed": Operation("embeddings"),
        "rerank": Operation("rerank"),
    },
    _SECOND: {
        "chat": Operation("chat"),
        "chat_stream": Operation("chat", stream=True),
        "embed": Operation("embeddings"),
        "rerank": Operation("rerank"),
    },
    _AUDIO: {"create": Operation("transcription")},
}
"""Module and class of a raw client -> its methods; the class has an async twin."""


def describe(operation: Operation, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
    """The model call behind a call of one of `OPERATIONS`."""
    url: str = instance._client_wrapper.get_base_url()
    address = urlsplit(url)
    request = Request(
        operation=operation.name,
        provider=provider_of(address.hostname, "cohere"),
        model=text(kwargs, "model"),
        address=address.hostname,
        port=address.port,
        stream=operation.stream,
    )
    return Call(request, CohereReading(kwargs), (args, kwargs))


class _WithContext(_Proxy):
    """A thread pool whose threads know the context in which they were given their work."""

    def map(self, function: Callable[..., Any], *work: Any, **kwargs: Any) -> Iterator[Any]:
        """The pool's own `map`; each piece of work runs in a copy of the context."""
        here = contextvars.copy_context()

        def in_context(*piece: Any) -> Any:
            return here.copy().run(function, *piece)

        return self.__wrapped__.map(in_context, *work, **kwargs)


class _SpreadingClient(_Proxy):
    """A client that sends a list of texts as several requests."""

    @property
    def _executor(self) -> Any:
        return _WithContext(self.__wrapped__._executor)


def keeps_context(_: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around a method that makes its requests in threads: they count for whom it was called."""

    def shell(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(_SpreadingClient(self), *args, **kwargs)

    return shell


def _patches(place: tuple[str, str]) -> list[Patch]:
    module, owner = place
    found: list[Patch] = []
    for method, operation in OPERATIONS[place].items():
        described = partial(describe, operation)
        shells: tuple[Shell, Shell] = (opens, opens) if operation.stream else (calls, awaits)
        later = place == _AUDIO
        found.append(Patch(module, f"{owner}.{method}", shells[0], describe=described, optional=later))
        found.append(Patch(module, f"Async{owner}.{method}", shells[1], describe=described, optional=later))
    return found


class CohereInstrumentor(SdkInstrumentor):
    """Counts what the `cohere` SDK's calls cost."""

    package = "cohere"
    requires = "cohere >= 5.16"
    patches = (
        *_patches(_FIRST),
        *_patches(_SECOND),
        *_patches(_AUDIO),
        Patch("cohere.core.http_client", "HttpClient.request", attempts),
        Patch("cohere.core.http_client", "HttpClient.stream", attempts),
        Patch("cohere.core.http_client", "AsyncHttpClient.request", attempts),
        Patch("cohere.core.http_client", "AsyncHttpClient.stream", attempts),
        Patch("cohere.client", "Client.embed", keeps_context),
    )
