"""Requests that fetch what was paid for earlier: results of message batches, what managed agents did, and dreams.

Each line of a batch's results carries the usage of its message; a session's events carry that of every model request
that an agent made. A session also costs something for every hour that it runs, which is in none of these figures.
A dream is a session that reports what it used as a whole, too: whichever is seen first is what is charged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from spancost.described import Delivery, Paid
from spancost.fields import items, pick, text
from spancost.newest import Newest
from spancost.once import Once
from spancost.sdks._anthropic.messages import MessageReading, message_usage
from spancost.wire import MODEL, SERVICE_TIER, Answer, answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost.stainless import Endpoint, Posted
    from spancost.wire import Attributes

_RESULTS: Final = re.compile(r"GET .*/messages/batches/[^/]+/results")
_SESSIONS: Final = re.compile(r"(GET|POST) .*/sessions(/[^/]+)?")
_EVENTS: Final = re.compile(r"GET .*/sessions/([^/]+)(/threads/[^/]+)?/(events|events/stream|stream)")
_DREAMS: Final = re.compile(r"GET .*/dreams(/[^/]+)?")
_DREAMT: Final = frozenset({"completed", "failed", "canceled"})
"""What `status` of a dream becomes when it is over."""
_TIER: Final = "batch"


class Deliveries:
    """What was delivered so far, of everything that the SDK's clients fetch."""

    def __init__(self) -> None:
        self._charged = Once()
        self._models: Newest[str] = Newest()
        self._followed: Newest[bool] = Newest()
        """Sessions whose events were charged."""
        self._dreamt: Newest[bool] = Newest()
        """Sessions that were charged as a dream."""

    def delivery(self, posted: Posted) -> Delivery | None:
        """How to read the answer to a request, if it is one that can tell about calls made earlier."""
        asked, endpoint = posted.line, posted.endpoint
        if _RESULTS.fullmatch(asked):
            return Delivery(lambda line: self._results(line, endpoint))
        if events := _EVENTS.fullmatch(asked):
            return Delivery(lambda part: self._events(part, events[1], endpoint))
        if _SESSIONS.fullmatch(asked):
            return Delivery(self._sessions)
        if _DREAMS.fullmatch(asked):
            return Delivery(lambda part: self._dreams(part, endpoint))
        return None

    def _results(self, line: object, endpoint: Endpoint) -> Iterator[Paid]:
        message = pick(line, "result", "message")
        identifier = text(message, "id")
        if identifier is None or not self._charged.first(identifier):
            return
        reading = MessageReading()
        reading.add(message)
        answer = reading.answer()
        for part in (answer, *answer.beside):
            yield _paid(endpoint, Answer({SERVICE_TIER: _TIER, **part.attributes}))

    def _sessions(self, part: object) -> Iterator[Paid]:
        """Nothing to pay for; but events do not say which model they are about, and their session does."""
        for session in (part, *items(part, "data")):
            model = text(session, "agent", "model", "id") or text(session, "agent", "model")
            if (identifier := text(session, "id")) is not None and model is not None:
                self._models.note(identifier, model)
        yield from ()

    def _events(self, part: object, session: str, endpoint: Endpoint) -> Iterator[Paid]:
        for event in (part, *items(part, "data")):
            identifier = text(event, "id")
            if text(event, "type") != "span.model_request_end" or identifier is None:
                continue
            usage = pick(event, "model_usage")
            if usage is not None and session not in self._dreamt and self._charged.first(identifier):
                self._followed.note(session, True)
                attributes: Attributes = {"gen_ai.conversation.id": session}
                if (speed := text(usage, "speed")) is not None:
                    attributes["spancost.speed"] = speed
                answer = answered(
                    model=self._models.get(session),
                    response_id=identifier,
                    usage=message_usage(usage),
                    attributes=attributes,
                )
                yield _paid(endpoint, answer)

    def _dreams(self, part: object, endpoint: Endpoint) -> Iterator[Paid]:
        for dream in (part, *items(part, "data")):
            identifier, session = text(dream, "id"), text(dream, "session_id")
            if text(dream, "type") != "dream" or text(dream, "status") not in _DREAMT or identifier is None:
                continue
            attributes: Attributes = {}
            if session is not None:
                if session in self._followed:
                    continue
                self._dreamt.note(session, True)
                attributes["gen_ai.conversation.id"] = session
            if not self._charged.first(identifier):
                continue
            if (speed := text(dream, "model", "speed")) is not None:
                attributes["spancost.speed"] = speed
            answer = answered(
                model=text(dream, "model", "id"),
                response_id=identifier,
                usage=message_usage(pick(dream, "usage")),
                attributes=attributes,
            )
            yield _paid(endpoint, answer)


def _paid(endpoint: Endpoint, answer: Answer) -> Paid:
    return Paid(endpoint.request("chat", text(answer.attributes, MODEL)), answer)
