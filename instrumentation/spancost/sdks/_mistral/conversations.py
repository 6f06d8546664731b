"""Conversations with agents, which use tools on Mistral's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost import unreported
from spancost.fields import count, items, pick, text
from spancost.sdks._mistral.parts import content_of, figure
from spancost.wire import Answer, answered, used

if TYPE_CHECKING:
    from spancost.sdks._mistral.parts import Asked
    from spancost.wire import Attributes
    from spancost_pricing import Unit

_CONNECTOR_UNITS: Final[tuple[tuple[str, Unit], ...]] = (
    ("web_search", "web_search"),
    ("web_search_premium", "web_search"),
    ("image_generation", "image"),
)
"""Tools that Mistral runs during a conversation and bills by use."""


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
        part = content_of(part)
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


def conversation_usage(usage: object) -> Attributes:
    """`ConversationUsageInfo`. What tools put before the model is input that `prompt_tokens` leaves out."""
    prompt, connectors = figure(usage, "prompt_tokens"), figure(usage, "connector_tokens")
    units: dict[Unit, int] = {}
    for name, unit in _CONNECTOR_UNITS:
        if (uses := count(usage, "connectors", name)) is not None:
            units[unit] = units.get(unit, 0) + uses
    return used(
        input_tokens=prompt if prompt is None or connectors is None else prompt + connectors,
        output_tokens=figure(usage, "completion_tokens"),
        units=units,
    )
