"""The websocket APIs: every response of a conversation is a call of its own, paid when its last event arrives.

The SDK turns each message into an event with `parse_event`, whichever way the app receives it. A conversation never
says in one place what a call was: the session names the models, the start of a response its time, the end its usage.
A live session is itself a call, of so many seconds, and paid when it closes; what it has other models do is theirs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

from spancost.described import Delivery, Paid
from spancost.fields import count, pick, text
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, calls
from spancost.sdks.openai.media import transcription_usage
from spancost.sdks.openai.responses import response_answer
from spancost.wire import Request, answered, used

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spancost.once import Once
    from spancost.wire import Attributes

_AT_ONCE: Final = 64
"""Responses of one conversation that can be under way at once before the oldest is forgotten."""
_CONNECTIONS: Final = (
    ("openai.resources.realtime.realtime", "RealtimeConnection"),
    ("openai.resources.beta.realtime.realtime", "RealtimeConnection"),
    ("openai.resources.responses.responses", "ResponsesConnection"),
    ("openai.resources.beta.responses.responses", "ResponsesConnection"),
    ("openai.resources.live.live", "LiveConnection"),
    ("openai.resources.live.forks", "ForksConnection"),
    ("openai.resources.live.sideband", "SidebandConnection"),
)
"""Where the SDK has connections; a release without one of them has no such calls to miss."""

PATCHES: Final = tuple(
    Patch(module, f"{prefix}{name}.parse_event", calls, describe="describe_message", optional=True)
    for module, name in _CONNECTIONS
    for prefix in ("", "Async")
)


@dataclass
class _Conversation:
    """What a connection has said about the calls to come."""

    request: Request
    transcriber: str | None = None
    started: dict[str, int] = field(default_factory=dict[str, int])
    begun: int | None = None
    """When the live session itself began."""


class Conversations:
    """The connections that are open, each with what it said so far."""

    def __init__(self, charged: Once) -> None:
        self._charged = charged
        self._open: WeakKeyDictionary[Any, _Conversation] = WeakKeyDictionary()

    def delivery(self, connection: Any) -> Delivery:
        """How to read a message of this connection."""
        return Delivery(lambda event: self._heard(connection, event))

    def _heard(self, connection: Any, event: object) -> Iterator[Paid]:
        match text(event, "type"):
            case "session.created" | "session.updated":
                self._learn(self._of(connection), pick(event, "session"))
            case "session.started":
                conversation = self._of(connection)
                self._learn(conversation, pick(event, "session"))
                conversation.begun = time.time_ns()
            case "session.closed":
                yield from self._closed(self._of(connection), event)
            case "response.event":  # of a response that a live model had another model give
                nested = pick(event, "event")
                model = text(nested, "response", "model")
                for paid in self._heard(connection, nested):
                    yield replace(paid, request=_with_model(paid.request, model))
            case "decision.event":
                yield from self._decided(self._of(connection), event)
            case "response.created":
                started = self._of(connection).started
                if len(started) >= _AT_ONCE:
                    del started[next(iter(started))]
                started[text(event, "response", "id") or ""] = time.time_ns()
            case "response.done" | "response.completed" | "response.incomplete" | "response.failed":
                yield from self._done(self._of(connection), pick(event, "response"))
            case "conversation.item.input_audio_transcription.completed":
                yield from self._transcribed(self._of(connection), event)
            case _:
                pass

    def _of(self, connection: Any) -> _Conversation:
        known = self._open.get(connection)
        if known is None:
            known = self._open[connection] = _Conversation(_request(connection))
        return known

    def _learn(self, conversation: _Conversation, session: object) -> None:
        if (model := text(session, "model")) is not None:
            conversation.request = _with_model(conversation.request, model)
        conversation.transcriber = (
            text(session, "audio", "input", "transcription", "model")
            or text(session, "input_audio_transcription", "model")
            or conversation.transcriber
        )

    def _done(self, conversation: _Conversation, response: object) -> Iterator[Paid]:
        identifier = text(response, "id") or ""
        started = conversation.started.pop(identifier, None)
        usage = pick(response, "usage")
        if usage is None or not self._is_new(identifier):
            return
        if text(response, "object") == "response":
            yield Paid(conversation.request, response_answer(response, conversation.request.provider), started)
            return
        status = text(response, "status")
        answer = answered(
            model=conversation.request.model,
            response_id=identifier or None,
            finish_reasons=() if status is None else (status,),
            usage=realtime_usage(usage),
        )
        yield Paid(conversation.request, answer, started)

    def _decided(self, conversation: _Conversation, event: object) -> Iterator[Paid]:
        decision, identifier = pick(event, "event", "decision"), text(event, "event_id") or ""
        if pick(decision, "usage") is not None and self._is_new(identifier):
            request = _with_model(conversation.request, text(decision, "model"))
            yield Paid(request, response_answer(decision, request.provider))

    def _closed(self, conversation: _Conversation, event: object) -> Iterator[Paid]:
        self._learn(conversation, pick(event, "session"))
        usage, identifier = pick(event, "usage"), text(event, "session", "id") or ""
        if usage is None or not self._is_new(identifier):
            return
        answer = answered(
            model=conversation.request.model,
            response_id=identifier or None,
            usage=transcription_usage(usage),
        )
        yield Paid(conversation.request, answer, conversation.begun)

    def _transcribed(self, conversation: _Conversation, event: object) -> Iterator[Paid]:
        usage, identifier = pick(event, "usage"), text(event, "item_id") or ""
        if usage is None or not self._is_new(identifier, "transcription of"):
            return
        heard = conversation.request
        request = Request("transcription", heard.provider, conversation.transcriber, heard.address, heard.port)
        yield Paid(request, answered(usage=transcription_usage(usage)))

    def _is_new(self, identifier: str, kind: str = "") -> bool:
        """Whether no other connection to the same conversation was told of it; what has no id is always new."""
        return not identifier or self._charged.first(f"{kind} {identifier}" if kind else identifier)


def _request(connection: object) -> Request:
    """What the websocket's own handshake says of its calls."""
    handshake = pick(connection, "_connection", "request")
    address = urlsplit(f"//{_header(handshake, 'Host') or ''}")
    query: Mapping[str, list[str]] = parse_qs(urlsplit(text(handshake, "path") or "").query)
    model = next(iter(query.get("model") or query.get("deployment") or ()), None)
    return Request("chat", provider_of(address.hostname, "openai"), model, address.hostname, address.port, stream=True)


def _header(handshake: object, name: str) -> str | None:
    headers: Any = pick(handshake, "headers")
    value: object = None if headers is None else headers.get(name)
    return value if isinstance(value, str) else None


def _with_model(request: Request, model: str | None) -> Request:
    return Request(request.operation, request.provider, model, request.address, request.port, request.stream)


def realtime_usage(usage: object) -> Attributes:
    """`RealtimeResponseUsage`: totals that include their parts, as everywhere at OpenAI."""
    return used(
        input_tokens=count(usage, "input_tokens"),
        cache_read_tokens=count(usage, "input_token_details", "cached_tokens"),
        input_audio_tokens=count(usage, "input_token_details", "audio_tokens"),
        input_image_tokens=count(usage, "input_token_details", "image_tokens"),
        cache_read_audio_tokens=count(usage, "input_token_details", "cached_tokens_details", "audio_tokens"),
        cache_read_image_tokens=count(usage, "input_token_details", "cached_tokens_details", "image_tokens"),
        output_tokens=count(usage, "output_tokens"),
        reasoning_tokens=count(usage, "output_token_details", "reasoning_tokens"),
        output_audio_tokens=count(usage, "output_token_details", "audio_tokens"),
        output_image_tokens=count(usage, "output_token_details", "image_tokens"),
    )
