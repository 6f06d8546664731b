"""The Responses API, as Mistral has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost import unreported
from spancost.fields import pick, text
from spancost.sdks._mistral.parts import content_of, figure
from spancost.wire import Answer, answered, used

if TYPE_CHECKING:
    from spancost.sdks._mistral.parts import Asked
    from spancost.wire import Attributes


class ResponseReading:
    """A response of the Responses API, or the events of one; those about the whole response carry it."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked.get("input")
        self._written = 0
        self._streamed = False
        self._response: object = None

    def add(self, part: object) -> None:
        """Takes in a response, its JSON, or an event of a stream."""
        part = content_of(part)
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
                input_tokens=figure(reported, "input_tokens"),
                cache_read_tokens=figure(reported, "input_tokens_details", "cached_tokens"),
                cache_write_tokens=figure(reported, "input_tokens_details", "cache_write_tokens"),
                output_tokens=figure(reported, "output_tokens"),
                reasoning_tokens=figure(reported, "output_tokens_details", "reasoning_tokens"),
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
