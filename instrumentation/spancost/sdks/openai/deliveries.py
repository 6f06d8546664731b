"""Requests that fetch what was paid for earlier: background responses, batches, runs of assistants, turns of agents.

Each is charged when its usage is first seen, by polling, by resuming its stream or by reading its results, and once
however often it is fetched. Who had it made pays for it, where that was in this process; else who fetches it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry import context as otel

from spancost.described import Delivery, Paid
from spancost.fields import items, pick, text
from spancost.newest import Newest
from spancost.once import Once
from spancost.sdks.openai.batches import batches_in, reported_batches, reported_results
from spancost.sdks.openai.chat import chat_usage
from spancost.sdks.openai.responses import response_answer, response_usage
from spancost.wire import RESPONSE_ID, answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context

    from spancost.stainless import Endpoint, Posted

_RESPONSE: Final = re.compile(r"(GET .*/responses/[^/]+|POST .*/responses/[^/]+/cancel)")
_NEW_BATCH: Final = re.compile(r"POST .*/batches")
_BATCH: Final = re.compile(r"(GET .*/batches(/[^/]+)?|POST .*/batches/[^/]+/cancel)")
_RESULTS: Final = re.compile(r"GET .*/files/([^/]+)/content")
_RUN: Final = re.compile(
    r"(POST .*/threads(/[^/]+)?/runs|(GET|POST) .*/threads/[^/]+/runs/[^/]+(/(cancel|submit_tool_outputs))?)"
)
_AGENTS: Final = re.compile(
    r"(GET|POST) .*/agents/sessions(/[^/]+)?|GET .*/agents/sessions/[^/]+(/events|(/subagents/[^/]+)?/turns(/[^/]+)?)"
)
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})
"""What `status` of an agent's turn becomes when it uses nothing more."""

_MADE: Final = 1000
"""Of how many calls it is remembered what they belong under: each keeps the spans around it in memory."""


class Deliveries:
    """What was made and delivered so far, of everything that the SDK's clients fetch."""

    def __init__(self) -> None:
        self.charged = Once()
        self._made: Newest[Context] = Newest(_MADE)
        self._agents: Newest[_Agent] = Newest()

    def made(self, identifier: str) -> None:
        """Something was made here and now that will be delivered later."""
        self._made.note(identifier, otel.get_current())

    def delivery(self, posted: Posted) -> Delivery | None:
        """How to read the answer to a request, if it is one that can tell about calls made earlier."""
        asked, endpoint = posted.line, posted.endpoint
        if _RESPONSE.fullmatch(asked):
            return Delivery(lambda part: self._responses(part, endpoint))
        if _NEW_BATCH.fullmatch(asked):
            return Delivery(self._new_batch)
        if _BATCH.fullmatch(asked):
            return Delivery(lambda part: self._batches(part, endpoint))
        if _RUN.fullmatch(asked):
            return Delivery(lambda part: self._runs(part, endpoint))
        if _AGENTS.fullmatch(asked):
            return Delivery(lambda part: self._turns(part, endpoint))
        if file := _RESULTS.fullmatch(asked):
            return Delivery(lambda part: self._results(part, file[1], endpoint))
        return None

    def _responses(self, part: object, endpoint: Endpoint) -> Iterator[Paid]:
        response = pick(part, "response") if text(part, "type") is not None else part
        identifier = text(response, "id")
        # What did not run in the background was charged when it was made, whoever fetches it now.
        if identifier is None or pick(response, "background") is not True or pick(response, "usage") is None:
            return
        if self.charged.first(identifier):
            answer = response_answer(response, endpoint.biller)
            yield Paid(endpoint.request("chat"), answer, context=self._made.get(identifier))

    def _new_batch(self, part: object) -> tuple[Paid, ...]:
        if (identifier := text(part, "id")) is not None:
            self.made(identifier)
        return ()

    def _batches(self, part: object, endpoint: Endpoint) -> Iterator[Paid]:
        for batch in batches_in(part):
            made = self._made.get(text(batch, "id") or "")
            if made is not None and (file_id := text(batch, "output_file_id")) is not None:
                self._made.note(file_id, made)
        for results in reported_batches(part, self.charged):
            made = self._made.get(text(results.answer.attributes, RESPONSE_ID) or "")
            yield Paid(endpoint.request(results.operation), results.answer, context=made)

    def _results(self, part: object, file_id: str, endpoint: Endpoint) -> Iterator[Paid]:
        for results in reported_results(part, file_id, self.charged):
            yield Paid(endpoint.request(results.operation), results.answer, context=self._made.get(file_id))

    def _runs(self, part: object, endpoint: Endpoint) -> Iterator[Paid]:
        # The SDK streams runs as events with the run, a step of it or a message inside.
        run = pick(part, "data") if text(part, "event") is not None else part
        identifier, usage = text(run, "id"), pick(run, "usage")
        if text(run, "object") != "thread.run" or identifier is None:
            return
        if usage is None:
            if identifier not in self._made:
                self.made(identifier)
        elif self.charged.first(identifier):
            answer = answered(model=text(run, "model"), response_id=identifier, usage=chat_usage(usage))
            yield Paid(endpoint.request("chat"), answer, context=self._made.get(identifier))

    def _turns(self, part: object, endpoint: Endpoint) -> Iterator[Paid]:
        # A turn does not say which model it is of, and its session does; an event has either of them inside.
        for session in (part, pick(part, "session"), *items(part, "data")):
            identifier = text(session, "id")
            if text(session, "object") == "agent.session" and identifier is not None:
                tier = text(session, "agent", "service_tier")
                self._agents.note(identifier, _Agent(text(session, "agent", "model"), None if tier == "auto" else tier))
        for turn in (part, pick(part, "turn"), *items(part, "data")):
            identifier, session_id = text(turn, "id"), text(turn, "session_id")
            if text(turn, "object") != "agent.session.turn" or identifier is None or session_id is None:
                continue
            usage = pick(turn, "usage")
            if usage is None:
                usage = pick(part, "usage")
            if text(turn, "status") in _ENDED and usage is not None and self.charged.first(identifier):
                agent = self._agents.get(session_id) or _Agent()
                answer = answered(
                    model=agent.model,
                    response_id=identifier,
                    usage=response_usage(usage),
                    service_tier=agent.service_tier,
                    attributes={"gen_ai.conversation.id": session_id},
                )
                yield Paid(endpoint.request("chat", agent.model), answer)


class _Agent(NamedTuple):
    """What an agent's turns run on."""

    model: str | None = None
    service_tier: str | None = None
