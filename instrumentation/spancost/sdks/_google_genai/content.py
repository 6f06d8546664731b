"""Answers of `generateContent`, streamed, batched or live, and what caching a prompt costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost.fields import count, first, items, pick, text, total
from spancost.sdks._google_genai.sent import TIERS, json_of, of_modality
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from spancost_pricing import Unit

_SAID_ONCE: Final = ('"finishReason"', '"webSearchQueries"')
"""What makes a chunk more than text, as it is written in JSON; inside a text, quotes are escaped."""


class GenerateContentReading:
    """An answer of `generateContent`, or the chunks of `streamGenerateContent`: the last usage counts."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._id: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: object = None
        self._queries: set[str] = set()
        self._unread: object = None

    def add(self, part: object) -> None:
        """Takes in the SDK's HTTP response, whose body is the JSON of an answer or of a chunk."""
        body = text(part, "body")
        reports = body is not None and '"usageMetadata"' in body
        if reports:
            self._unread = None
        if self._model is None or body is None or any(said in body for said in _SAID_ONCE):
            self.take(json_of(part))
        elif reports:
            # More text and a total so far: worth parsing only if no later chunk has a later total.
            self._unread = part

    def take(self, answer: object) -> None:
        """Takes in the JSON itself."""
        self._model = text(answer, "modelVersion") or self._model
        self._id = text(answer, "responseId") or self._id
        if (usage := pick(answer, "usageMetadata")) is not None:
            self._usage = usage
        for position, candidate in enumerate(items(answer, "candidates")):
            if reason := text(candidate, "finishReason"):
                index = count(candidate, "index")
                self._finished[position if index is None else index] = reason
            queries = items(candidate, "groundingMetadata", "webSearchQueries")
            self._queries.update(query for query in queries if isinstance(query, str) and query)

    def answer(self) -> Answer:
        """What has been said so far."""
        if self._unread is not None:
            self.take(json_of(self._unread))
            self._unread = None
        return Answer(
            model=self._model,
            response_id=self._id,
            finish_reasons=tuple(reason for _, reason in sorted(self._finished.items())),
            usage=None if self._usage is None else content_usage(self._usage, len(self._queries)),
            service_tier=served_tier(self._usage),
        )


def served_tier(usage: object) -> str | None:
    """The tier that served: named by the Gemini API, told by Vertex AI's kind of traffic."""
    return text(usage, "serviceTier") or TIERS.get(text(usage, "trafficType") or "")


def content_usage(usage: object, searches: int) -> Usage:
    """`usageMetadata`. Google counts tool results beside the prompt and thoughts beside the candidates.

    A live session calls the candidates a response.
    """
    units: dict[Unit, int] = {} if searches == 0 else {"web_search": searches}
    shown = first(count(usage, "candidatesTokenCount"), count(usage, "responseTokenCount"))
    into = ("promptTokensDetails", "promptTokenDetails", "toolUsePromptTokensDetails")
    cached = ("cacheTokensDetails",)
    out = ("candidatesTokensDetails", "responseTokensDetails")
    return Usage(
        input_tokens=total(count(usage, "promptTokenCount"), count(usage, "toolUsePromptTokenCount")),
        cache_read_tokens=count(usage, "cachedContentTokenCount"),
        input_audio_tokens=of_modality(usage, into, "AUDIO"),
        input_image_tokens=of_modality(usage, into, "IMAGE"),
        cache_read_audio_tokens=of_modality(usage, cached, "AUDIO"),
        cache_read_image_tokens=of_modality(usage, cached, "IMAGE"),
        output_tokens=total(shown, count(usage, "thoughtsTokenCount")),
        reasoning_tokens=count(usage, "thoughtsTokenCount"),
        output_audio_tokens=of_modality(usage, out, "AUDIO"),
        output_image_tokens=of_modality(usage, out, "IMAGE"),
        units=units,
    )


class CacheReading:
    """`cachedContents.create`: every token that was written is paid for once, and by the hour for as long as it stays.

    What the hours cost is known to nobody when the call ends; it is not in these figures.
    """

    def __init__(self) -> None:
        self._answer: object = None

    def add(self, part: object) -> None:
        """Takes in the SDK's HTTP response."""
        self._answer = json_of(part)

    def answer(self) -> Answer:
        """What was written."""
        written = count(self._answer, "usageMetadata", "totalTokenCount")
        usage = None if written is None else Usage(input_tokens=written, cache_write_tokens=written)
        return Answer(response_id=text(self._answer, "name"), usage=usage)
