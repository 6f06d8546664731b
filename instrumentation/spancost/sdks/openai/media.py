"""Embeddings, images, audio and moderations: one answer with little more than a usage in it, or none at all.

Where no tokens are reported, what is billed instead is counted: images, seconds of audio, characters of text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spancost.fields import count, first, items, pick, text, total
from spancost.sdks.openai.chat import chat_usage
from spancost.sdks.openai.reported_cost import reported_cost
from spancost.sdks.openai.responses import image_usage
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from spancost.stainless import Posted


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
        return Answer(
            model=text(self._answer, "model"),
            response_id=text(self._answer, "id"),
            usage=None if usage is None else embedding_usage(usage),
            attributes=reported_cost(usage, self._provider),
        )


def embedding_usage(usage: object) -> Usage:
    """Usage of embeddings; some servers report nothing but the total."""
    read = chat_usage(usage)
    return read._replace(input_tokens=first(read.input_tokens, count(usage, "total_tokens")))


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
        return Answer(model=text(self._answer, "model"), response_id=text(self._answer, "id"))


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
        usage = _sum_of([image_usage(usage) for usage in self._usages])
        if usage is None and self._pictures:
            usage = Usage(units={"image": self._pictures})
        svg = self._svg
        return Answer(
            usage=usage,
            attributes=reported_cost(self._usages[-1], self._provider) if self._usages else {},
            beside=() if svg is None else (Answer(model=text(svg, "model"), usage=_svg_usage(svg)),),
        )


def _sum_of(usages: list[Usage]) -> Usage | None:
    if not usages:
        return None
    return Usage(
        input_tokens=total(*(usage.input_tokens for usage in usages)),
        cache_read_tokens=total(*(usage.cache_read_tokens for usage in usages)),
        cache_read_image_tokens=total(*(usage.cache_read_image_tokens for usage in usages)),
        input_image_tokens=total(*(usage.input_image_tokens for usage in usages)),
        output_tokens=total(*(usage.output_tokens for usage in usages)),
        output_image_tokens=total(*(usage.output_image_tokens for usage in usages)),
    )


def _svg_usage(usage: object) -> Usage:
    return Usage(
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
            usage = Usage(units={"second": self._seconds})
        return Answer(usage=usage)


def transcription_usage(usage: object) -> Usage:
    """Usage of a transcription: `tokens` or `duration`, as its type says."""
    seconds = _seconds(usage, "seconds")
    if seconds is not None:
        return Usage(units={"second": seconds})
    return Usage(
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
            return Answer()
        return Answer(usage=Usage(units={"character": self._characters}))
