"""Completions of chats, agents and code; embeddings and the like; transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost import unreported
from spancost.fields import count, first, items, pick, text
from spancost.sdks._mistral.parts import content_of, figure
from spancost.wire import Answer, answered, in_order, used

if TYPE_CHECKING:
    from spancost.sdks._mistral.parts import Asked
    from spancost.wire import Attributes


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
        part = content_of(part)
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
        seconds = figure(self._usage, "prompt_audio_seconds")
        return answered(
            model=self._model,
            usage=self._used() if seconds is None else used(units={"second": seconds}),
            service_tier=text(self._usage, "service_tier"),
        )


def completion_usage(usage: object) -> Attributes:
    """`UsageInfo`. Totals include their parts."""
    seconds = figure(usage, "prompt_audio_seconds")
    return used(
        input_tokens=figure(usage, "prompt_tokens"),
        cache_read_tokens=first(
            figure(usage, "prompt_tokens_details", "cached_tokens"), figure(usage, "num_cached_tokens")
        ),
        output_tokens=figure(usage, "completion_tokens"),
        reasoning_tokens=figure(usage, "completion_tokens_details", "reasoning_tokens"),
        units={} if seconds is None else {"second": seconds},
    )
