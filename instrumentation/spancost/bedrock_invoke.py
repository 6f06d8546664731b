"""What Amazon Bedrock's InvokeModel says about a call: an answer in whatever shape the model's maker has.

Answers are told apart by what is in them and never by the name of the model, which may be an ARN that says nothing.
What a body leaves out, Bedrock counts in its response headers and in the last event of a stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost.wire import Reading

_PROFILE: Final = ":application-inference-profile/"
"""In an ARN that does not say which model is behind it."""
_METRICS: Final = "amazon-bedrock-invocationMetrics"
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
        self._counted: Usage | None = None

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
        if (metrics := pick(said, _METRICS)) is not None:
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
        said = Answer() if self._inner is None else self._inner.answer()
        return said._replace(
            # A maker's own name for its model leaves out the geography, which is priced; but it beats no name at all.
            model=self._model if _PROFILE in self._asked else None,
            response_id=said.response_id or self._request_id,
            usage=_merged(said.usage, self._counted),
            service_tier=served_tier(self._asked, self._tier or said.service_tier),
            attributes={**said.attributes, **said_attributes(self._request_id, self._latency)},
        )


class _MakersReading:
    """Answers of makers with a shape of their own: Titan, Llama, Mistral, Cohere, AI21, DeepSeek, imported models."""

    def __init__(self, prompt: object) -> None:
        self._streamed_prompt = prompt
        self._id: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: Usage | None = None
        self._written = 0

    def add(self, part: object) -> None:
        """Takes in the JSON of an answer or of a chunk."""
        self._id = text(part, "id") or text(part, "generation_id") or self._id
        self._finish(0, part)
        self._usage = _updated(self._usage, _reported(part))
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
            usage = completed(usage or Usage(), self._streamed_prompt, self._written)
        return Answer(
            response_id=self._id,
            finish_reasons=tuple(reason for _, reason in sorted(self._finished.items())),
            usage=usage,
        )


def metrics_usage(metrics: object) -> Usage:
    """Bedrock's own count, which the last event of a stream carries whoever made the model."""
    cache_read = count(metrics, "cacheReadInputTokenCount")
    cache_write = count(metrics, "cacheWriteInputTokenCount")
    fresh = count(metrics, "inputTokenCount")
    return Usage(
        input_tokens=None if fresh is None else total(fresh, cache_read, cache_write),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        output_tokens=count(metrics, "outputTokenCount"),
    )


def _counted_in_headers(headers: object) -> Usage | None:
    """The same count as the headers of an answer that is no stream have it; None where they have none."""
    counts = {
        name: int(value)
        for name, header in _METRICS_IN_HEADERS.items()
        if (value := text(headers, header)) is not None and value.isdecimal()
    }
    return metrics_usage(counts) if counts else None


def _reported(part: object) -> Usage:
    """The usage in an answer or a chunk of a maker's own shape."""
    usage = pick(part, "usage")
    for field, read in _USAGES:
        if count(usage, field) is not None:
            return read(usage)
    results = items(part, "results")
    made = sum(len(items(part, name)) for name in _IMAGES)
    return Usage(
        input_tokens=first(count(part, "prompt_token_count"), count(part, "inputTextTokenCount")),
        output_tokens=first(
            count(part, "generation_token_count"),
            count(part, "totalOutputTextTokenCount"),
            total(*(count(result, "tokenCount") for result in results)),
        ),
        units={"image": made} if made else {},
    )


_USAGES: Final[tuple[tuple[str, Callable[[object], Usage]], ...]] = (
    ("prompt_tokens", chat_usage),
    ("input_tokens", message_usage),
    ("inputTokens", converse_usage),
)
"""A field of `usage` -> whose usage it is."""


def _updated(before: Usage | None, now: Usage) -> Usage | None:
    """What a stream has reported up to now: the newest of each figure. None as long as it has reported nothing."""
    if now == Usage():
        return before
    if before is None:
        return now
    said: dict[str, Any] = {name: value for name in _PARTS if (value := getattr(now, name)) is not None}
    return before._replace(**said)


_PARTS: Final = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def _merged(said: Usage | None, counted: Usage | None) -> Usage | None:
    """What the maker reported, with Bedrock's count for what it did not.

    Not the other way round: of an answer that calls tools Bedrock's count has been seen to leave a part out.
    """
    if counted is None:
        return said
    if said is None or said.estimated:
        return counted if said is None else counted._replace(units=said.units)
    if said.input_tokens is None:
        said = said._replace(
            input_tokens=counted.input_tokens,
            cache_read_tokens=counted.cache_read_tokens,
            cache_write_tokens=counted.cache_write_tokens,
        )
    return said if said.output_tokens is not None else said._replace(output_tokens=counted.output_tokens)
