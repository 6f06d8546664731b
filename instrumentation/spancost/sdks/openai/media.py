"""Embeddings, images, audio and moderations: one answer with little more than a usage in it, or none at all.

Where no tokens are reported, what is billed instead is counted: images, seconds of audio, characters of text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spancost.fields import count, items, pick, text
from spancost.sdks.openai.chat import chat_usage
from spancost.sdks.openai.reported_cost import reported_cost
from spancost.sdks.openai.responses import image_usage
from spancost.wire import INPUT_TOKENS, answered, summed, used

if TYPE_CHECKING:
    from spancost.stainless import Posted
    from spancost.wire import Answer, Attributes


class EmbeddingReading:
    """Embeddings: tokens in, none out."""

    def __init__(self, posted: Posted) -> None:
        self._provider = posted.endpoint.provider
        self._answer: object = None

    def add(self, part: object) -> None:
        """Takes in a `CreateEmbeddingResponse` or its JSON."""
        if part is not None:
            self._answer = part

    def answer(self) -> Answer:
        """What has been said."""
        usage = pick(self._answer, "usage")
        return answered(
            model=text(self._answer, "model"),
            response_id=text(self._answer, "id"),
            usage=None if usage is None else embedding_usage(usage),
            attributes=reported_cost(usage, self._provider),
        )


def embedding_usage(usage: object) -> Attributes:
    """Usage of embeddings; some servers report nothing but the total."""
    read = chat_usage(usage)
    if INPUT_TOKENS not in read and (tokens := count(usage, "total_tokens")) is not None:
        read[INPUT_TOKENS] = tokens
    return read


class ModerationReading:
    """A moderation, which costs nothing: only that it was made."""

    def __init__(self, _: Posted) -> None:
        self._answer: object = None

    def add(self, part: object) -> None:
        """Takes in a `ModerationCreateResponse` or its JSON."""
        if part is not None:
            self._answer = part

    def answer(self) -> Answer:
        """What has been said."""
        return answered(model=text(self._answer, "model"), response_id=text(self._answer, "id"))


class ImageReading:
    """Images: the tokens of newer models, or the number of pictures of older ones."""

    def __init__(self, posted: Posted) -> None:
        self._provider = posted.endpoint.provider
        self._usages: list[object] = []
        self._pictures = 0
        self._svg: object = None

    def add(self, part: object) -> None:
        """Takes in an `ImagesResponse`, its JSON, or an event of a stream, which may complete one picture of many."""
        usage = pick(part, "usage")
        if usage is not None:
            self._usages.append(usage)
        self._pictures += len(items(part, "data"))
        if (svg := pick(part, "svg_usage")) is not None:
            self._svg = svg

    def answer(self) -> Answer:
        """What has been said so far."""
        usage = summed(map(image_usage, self._usages))
        if not self._usages and self._pictures:
            usage = used(units={"image": self._pictures})
        svg = self._svg
        return answered(
            usage=usage,
            attributes=reported_cost(self._usages[-1], self._provider) if self._usages else {},
            beside=() if svg is None else (answered(model=text(svg, "model"), usage=_svg_usage(svg)),),
        )


def _svg_usage(usage: object) -> Attributes:
    return used(
        input_tokens=count(usage, "input_tokens"),
        output_tokens=count(usage, "output_tokens"),
        reasoning_tokens=count(usage, "reasoning_tokens"),
    )


class TranscriptionReading:
    """A transcription or translation: tokens, or the length of the audio."""

    def __init__(self, _: Posted) -> None:
        self._usage: object = None
        self._seconds: Decimal | None = None

    def add(self, part: object) -> None:
        """Takes in a `Transcription` of any format, its JSON, or an event of a stream; plain text says nothing."""
        if (usage := pick(part, "usage")) is not None:
            self._usage = usage
        if (seconds := _seconds(part, "duration")) is not None:
            self._seconds = seconds

    def answer(self) -> Answer:
        """What has been said so far."""
        usage = None if self._usage is None else transcription_usage(self._usage)
        if usage is None and self._seconds is not None:
            usage = used(units={"second": self._seconds})
        return answered(usage=usage)


def transcription_usage(usage: object) -> Attributes:
    """Usage of a transcription: `tokens` or `duration`, as its type says."""
    seconds = _seconds(usage, "seconds")
    if seconds is not None:
        return used(units={"second": seconds})
    return used(
        input_tokens=count(usage, "input_tokens"),
        input_audio_tokens=count(usage, "input_token_details", "audio_tokens"),
        output_tokens=count(usage, "output_tokens"),
    )


def _seconds(source: object, name: str) -> Decimal | None:
    value = pick(source, name)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = Decimal(str(value))
    except ArithmeticError:
        return None
    return seconds if seconds.is_finite() else None


class SpeechReading:
    """Speech: the answer is sound and says nothing, so the text that was read out is what counts."""

    def __init__(self, posted: Posted) -> None:
        spoken: Any = posted.body.get("input")
        self._characters = len(spoken) if isinstance(spoken, str) else None
        self._spoken = False

    def add(self, part: object) -> None:
        """Takes in that there was an answer."""
        self._spoken = True

    def answer(self) -> Answer:
        """What is known."""
        if not self._spoken or self._characters is None:
            return answered()
        return answered(usage=used(units={"character": self._characters}))
