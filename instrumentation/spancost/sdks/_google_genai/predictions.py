"""Answers of everything that is not `generateContent`: embeddings, images, videos.

Vertex AI has one method, `predict`, for all models that are not Gemini; the request tells what it is about.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from spancost import unreported
from spancost.fields import count, items, pick, text, total
from spancost.sdks._google_genai.content import content_usage, served_tier
from spancost.sdks._google_genai.sent import json_of, short_name
from spancost.wire import answered, used

if TYPE_CHECKING:
    from spancost.sdks._google_genai.sent import Sent
    from spancost.wire import Answer, Attributes, Reading
    from spancost_pricing import Unit

_FROM_TEXT_ALONE: Final = frozenset({"prompt"})


class EmbeddingsReading:
    """`batchEmbedContents`, `embedContent` or `predict`. Where nothing is reported, the text that was sent counts."""

    def __init__(self, sent: Sent) -> None:
        self._path = sent.path
        self._body = sent.body
        self._answer: object = None

    def add(self, part: object) -> None:
        """Takes in the SDK's HTTP response."""
        self._answer = json_of(part)

    def answer(self) -> Answer:
        """What it took."""
        reported = pick(self._answer, "usageMetadata")
        return answered(usage=self._usage(reported), service_tier=served_tier(reported))

    def _usage(self, reported: object) -> Attributes | None:
        if count(reported, "promptTokenCount") is not None:
            return content_usage(reported, 0)
        statistics = [
            count(prediction, "embeddings", "statistics", "token_count")
            for prediction in items(self._answer, "predictions")
        ]
        if (tokens := total(*statistics)) is not None:
            return used(input_tokens=tokens, units=self._characters())
        if not items(self._answer, "embeddings"):
            return None
        texts = [part for request in items(self._body, "requests") for part in items(request, "content", "parts")]
        characters = sum(unreported.characters(pick(part, "text")) for part in texts)
        return used(input_tokens=unreported.tokens(characters), estimated=True) if texts else None

    def _characters(self) -> dict[Unit, int]:
        """Vertex AI bills its own embedding models by the character and Gemini's by the token."""
        characters = count(self._answer, "metadata", "billableCharacterCount")
        model = short_name(self._path.rpartition(":")[0])
        if characters is None or (model or "").startswith("gemini-"):
            return {}
        return {"character": characters}


class ImagesReading:
    """`predict` of an image model: what was made is paid for, what was filtered away is not."""

    def __init__(self) -> None:
        self._answer: object = None

    def add(self, part: object) -> None:
        """Takes in the SDK's HTTP response."""
        self._answer = json_of(part)

    def answer(self) -> Answer:
        """How many there are."""
        if self._answer is None:
            return answered()
        made = [
            prediction
            for prediction in items(self._answer, "predictions")
            if text(prediction, "bytesBase64Encoded") or text(prediction, "gcsUri")
        ]
        return answered(usage=used(units={"image": len(made)}))


class VideoReading:
    """`predictLongRunning`: the answer is a name to ask again with, so the seconds are those that were asked for."""

    def __init__(self, sent: Sent) -> None:
        self._seconds = count(sent.body, "parameters", "durationSeconds")
        samples = count(sent.body, "parameters", "sampleCount")
        self._samples = 1 if samples is None else samples
        self._name: str | None = None

    def add(self, part: object) -> None:
        """Takes in the SDK's HTTP response."""
        self._name = text(json_of(part), "name")

    def answer(self) -> Answer:
        """What was ordered."""
        if self._name is None or self._seconds is None:
            return answered(response_id=self._name)
        seconds = Decimal(self._seconds * self._samples)
        return answered(response_id=self._name, usage=used(units={"second": seconds}, estimated=True))


def predicted(sent: Sent) -> str:
    """The operation behind `predict`."""
    if any("content" in _names(instance) for instance in items(sent.body, "instances")):
        return "embeddings"
    given = {name for instance in items(sent.body, "instances") for name in _names(instance)}
    return "image_generation" if given <= _FROM_TEXT_ALONE else "image_edit"


def prediction(sent: Sent) -> Reading:
    """How an answer to `predict` is read."""
    return EmbeddingsReading(sent) if predicted(sent) == "embeddings" else ImagesReading()


def _names(instance: object) -> frozenset[str]:
    return frozenset(cast("dict[str, object]", instance)) if isinstance(instance, dict) else frozenset()
