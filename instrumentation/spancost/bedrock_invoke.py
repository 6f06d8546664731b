"""What Amazon Bedrock's InvokeModel says about a call: an answer in whatever shape the model's maker has.

Answers are told apart by what is in them and never by the name of the model, which may be an ARN that says nothing.
What a body leaves out, Bedrock counts in its response headers and in the last event of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost.bedrock_converse import (
    ConverseReading,
    completed,
    converse_usage,
    parsed,
    said_attributes,
    served_tier,
)
from spancost.fields import count, first, items, pick, text, total
from spancost.sdks.anthropic import MessageReading, message_usage
from spancost.sdks.openai import chat_usage
from spancost.wire import (
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    ESTIMATED,
    INPUT_TOKENS,
    MODEL,
    OUTPUT_TOKENS,
    RESPONSE_ID,
    SERVICE_TIER,
    Answer,
    answered,
    in_order,
    used,
)
from spancost_pricing import USAGE_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost.wire import Attributes, Reading

_PROFILE: Final = ":application-inference-profile/"
"""In an ARN that does not say which model is behind it."""
METRICS: Final = "amazon-bedrock-invocationMetrics"
"""Field of the last event of a stream that has Bedrock's own count, whoever made the model."""
_METRICS_IN_HEADERS: Final[Mapping[str, str]] = {
    "inputTokenCount": "x-amzn-bedrock-input-token-count",
    "outputTokenCount": "x-amzn-bedrock-output-token-count",
    "cacheReadInputTokenCount": "x-amzn-bedrock-cache-read-input-token-count",
    "cacheWriteInputTokenCount": "x-amzn-bedrock-cache-write-input-token-count",
}
_WRITTEN: Final = ("outputText", "generation", "completion", "text", "content")
"""Where a chunk has text that the model wrote."""
_ALTERNATIVES: Final = ("results", "outputs", "generations", "choices", "completions")
"""Where an answer has what the model wrote, once or several times over."""
_REASONS: Final = ("stop_reason", "completionReason", "finish_reason")
_IMAGES: Final = ("images", "artifacts")


class InvokeReading:
    """An answer of `InvokeModel`, or the chunks of its streamed twin, in the shape that the model's maker has."""

    def __init__(self, model: str, prompt: object) -> None:
        self._asked = model
        self._prompt = prompt
        self._inner: Reading | None = None
        self._request_id: str | None = None
        self._model: str | None = None
        self._tier: str | None = None
        self._latency: str | None = None
        self._counted: Attributes = {}

    def add(self, part: object) -> None:
        """Takes in what the client returned, the bytes of its body, or an event of its stream."""
        if isinstance(part, bytes):
            self._take(parsed(part), streamed=False)
        elif (chunk := pick(part, "chunk", "bytes")) is not None:
            self._take(parsed(chunk), streamed=True)
        elif pick(part, "ResponseMetadata") is not None:
            self._request_id = text(part, "ResponseMetadata", "RequestId")
            self._tier = text(part, "serviceTier")
            self._latency = text(part, "performanceConfigLatency")
            self._counted = _counted_in_headers(pick(part, "ResponseMetadata", "HTTPHeaders"))

    def _take(self, said: object, *, streamed: bool) -> None:
        if (metrics := pick(said, METRICS)) is not None:
            self._counted = metrics_usage(metrics)
        self._model = text(said, "model") or text(said, "message", "model") or self._model
        if self._inner is None:
            self._inner = self._reading_for(said, streamed=streamed)
        self._inner.add(said)

    def _reading_for(self, said: object, *, streamed: bool) -> Reading:
        """The reading of whose answers `said` looks like; the first part tells."""
        if text(said, "type") in ("message", "message_start"):
            return MessageReading()
        if pick(said, "messageStart") is not None or pick(said, "output", "message") is not None:
            return ConverseReading(self._asked, self._prompt)
        return _MakersReading(self._prompt if streamed else None)

    def answer(self) -> Answer:
        """What has been said so far."""
        attributes, beside = Answer({}) if self._inner is None else self._inner.answer()
        said = _merged(attributes, self._counted)
        # A maker's own name for its model leaves out the geography, which is priced; but it beats no name at all.
        said.pop(MODEL, None)
        if self._model is not None and _PROFILE in self._asked:
            said[MODEL] = self._model
        if self._request_id is not None:
            said.setdefault(RESPONSE_ID, self._request_id)
        if (tier := served_tier(self._asked, self._tier or text(said, SERVICE_TIER))) is not None:
            said[SERVICE_TIER] = tier
        return Answer({**said, **said_attributes(self._request_id, self._latency)}, beside)


class _MakersReading:
    """Answers of makers with a shape of their own: Titan, Llama, Mistral, Cohere, AI21, DeepSeek, imported models."""

    def __init__(self, prompt: object) -> None:
        self._streamed_prompt = prompt
        self._id: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: Attributes = {}
        self._written = 0

    def add(self, part: object) -> None:
        """Takes in the JSON of an answer or of a chunk."""
        self._id = text(part, "id") or text(part, "generation_id") or self._id
        self._finish(0, part)
        # The newest of each figure that a stream has reported up to now.
        self._usage.update(_reported(part))
        for alternatives in _ALTERNATIVES:
            for position, alternative in enumerate(items(part, alternatives)):
                self._finish(position, alternative)
                self._write(alternative)
                self._write(pick(alternative, "delta"))
        self._write(part)

    def _finish(self, position: int, part: object) -> None:
        reason = next((reason for name in _REASONS if (reason := text(part, name)) is not None), None)
        if reason is not None:
            self._finished[position] = reason

    def _write(self, part: object) -> None:
        if self._streamed_prompt is not None:
            self._written += sum(len(text(part, name) or "") for name in _WRITTEN)

    def answer(self) -> Answer:
        """What has been said so far."""
        usage = self._usage
        if self._streamed_prompt is not None:
            usage = completed(usage, self._streamed_prompt, self._written)
        return answered(
            response_id=self._id,
            finish_reasons=in_order(self._finished),
            usage=usage,
        )


def metrics_usage(metrics: object) -> Attributes:
    """Bedrock's own count."""
    cache_read = count(metrics, "cacheReadInputTokenCount")
    cache_write = count(metrics, "cacheWriteInputTokenCount")
    fresh = count(metrics, "inputTokenCount")
    return used(
        input_tokens=None if fresh is None else total(fresh, cache_read, cache_write),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        output_tokens=count(metrics, "outputTokenCount"),
    )


def _counted_in_headers(headers: object) -> Attributes:
    """The same count as the headers of an answer that is no stream have it."""
    counts = {
        name: int(value)
        for name, header in _METRICS_IN_HEADERS.items()
        if (value := text(headers, header)) is not None and value.isdecimal()
    }
    return metrics_usage(counts)


def _reported(part: object) -> Attributes:
    """The usage in an answer or a chunk of a maker's own shape."""
    usage = pick(part, "usage")
    for field, read in _USAGES:
        if count(usage, field) is not None:
            return read(usage)
    results = items(part, "results")
    made = sum(len(items(part, name)) for name in _IMAGES)
    return used(
        input_tokens=first(count(part, "prompt_token_count"), count(part, "inputTextTokenCount")),
        output_tokens=first(
            count(part, "generation_token_count"),
            count(part, "totalOutputTextTokenCount"),
            total(*(count(result, "tokenCount") for result in results)),
        ),
        units={"image": made} if made else {},
    )


_USAGES: Final[tuple[tuple[str, Callable[[object], Attributes]], ...]] = (
    ("prompt_tokens", chat_usage),
    ("input_tokens", message_usage),
    ("inputTokens", converse_usage),
)
"""A field of `usage` -> whose usage it is."""


def _merged(said: Attributes, counted: Attributes) -> Attributes:
    """What the maker reported, with Bedrock's count for what it did not.

    Not the other way round: of an answer that calls tools Bedrock's count has been seen to leave a part out.
    """
    if not counted:
        return {**said}
    replaced: frozenset[str] = frozenset()
    if ESTIMATED in said:
        replaced = _FIGURES
    elif INPUT_TOKENS not in said:
        replaced = _INPUT
    lacking = {name: figure for name, figure in counted.items() if name in replaced or name == OUTPUT_TOKENS}
    return {**lacking, **{name: value for name, value in said.items() if name not in replaced}}


_INPUT: Final = frozenset({INPUT_TOKENS, CACHE_READ_TOKENS, CACHE_WRITE_TOKENS})
_FIGURES: Final = frozenset({*USAGE_ATTRIBUTES.values(), ESTIMATED})
"""What an estimate says."""
