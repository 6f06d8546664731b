"""What Amazon Bedrock's Converse says about a call, and what all of Bedrock's answers have in common.

Bedrock counts cached tokens beside the input; ours are totals.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from spancost import unreported
from spancost.fields import count, first, items, pick, text, total
from spancost.wire import ESTIMATED, INPUT_TOKENS, OUTPUT_TOKENS, Answer, answered, used

if TYPE_CHECKING:
    from spancost.wire import Attributes

_PROVISIONED: Final = ":provisioned-model/"
"""In the ARN of a model that is paid by the hour."""
_WRITTEN: Final = (("text",), ("reasoningContent", "text"), ("toolUse", "input"))
"""Where an event has text that the model wrote."""
_BINARY: Final = frozenset({"bytes", "data"})
"""Where a request body has an image or a document: its characters are not text."""


class ConverseReading:
    """An answer of `Converse`, or the events of `ConverseStream`, of which the last carries the usage."""

    def __init__(self, model: str, prompt: object) -> None:
        self._asked = model
        self._prompt = prompt
        self._streamed = False
        self._written = 0
        self._request_id: str | None = None
        self._model: str | None = None
        self._stop_reason: str | None = None
        self._usage: object = None
        self._tier: str | None = None
        self._latency: str | None = None

    def add(self, part: object) -> None:
        """Takes in what the client returned, or an event of its stream."""
        if (delta := pick(part, "contentBlockDelta", "delta")) is not None:
            self._streamed = True
            self._written += sum(len(text(delta, *path) or "") for path in _WRITTEN)
            return
        for said in (part, pick(part, "messageStop"), pick(part, "metadata")):
            self._take(said)

    def _take(self, part: object) -> None:
        self._request_id = text(part, "ResponseMetadata", "RequestId") or self._request_id
        self._stop_reason = text(part, "stopReason") or self._stop_reason
        self._tier = text(part, "serviceTier", "type") or self._tier
        self._latency = text(part, "performanceConfig", "latency") or self._latency
        # A prompt router says which model it chose.
        self._model = text(part, "trace", "promptRouter", "invokedModelId") or self._model
        if (usage := pick(part, "usage")) is not None:
            self._usage = usage

    def answer(self) -> Answer:
        """What has been said so far."""
        usage = None if self._usage is None else converse_usage(self._usage)
        if usage is None and self._streamed:
            usage = completed({}, self._prompt, self._written)
        return answered(
            model=self._model,
            response_id=self._request_id,
            finish_reasons=() if self._stop_reason is None else (self._stop_reason,),
            usage=usage,
            service_tier=served_tier(self._asked, self._tier),
            attributes=said_attributes(self._request_id, self._latency),
        )


def converse_usage(usage: object) -> Attributes:
    """`TokenUsage` of Converse, which Nova's own answers share."""
    details = items(usage, "cacheDetails")
    cache_read = first(count(usage, "cacheReadInputTokens"), count(usage, "cacheReadInputTokenCount"))
    cache_write = first(
        count(usage, "cacheWriteInputTokens"),
        count(usage, "cacheWriteInputTokenCount"),
        total(*(count(detail, "inputTokens") for detail in details)),
    )
    fresh = count(usage, "inputTokens")
    return used(
        input_tokens=None if fresh is None else total(fresh, cache_read, cache_write),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        cache_write_1h_tokens=total(
            *(count(detail, "inputTokens") for detail in details if text(detail, "ttl") == "1h")
        ),
        output_tokens=count(usage, "outputTokens"),
    )


def completed(said: Attributes, prompt: object, written: int) -> Attributes:
    """The usage of a stream, with estimates for what was not reported before it ended."""
    if INPUT_TOKENS in said and OUTPUT_TOKENS in said:
        return said
    estimates: Attributes = {
        INPUT_TOKENS: unreported.tokens(_characters(prompt)),
        OUTPUT_TOKENS: unreported.tokens(written),
        ESTIMATED: True,
    }
    return {**estimates, **said}


def _characters(prompt: object) -> int:
    """Length of the text in a request, be it parameters or the JSON of a body."""
    return unreported.characters(parsed(prompt) if isinstance(prompt, (str, bytes, bytearray)) else prompt)


def parsed(body: object) -> object:
    """A body's JSON, without what it embeds; None for a body that has none, such as an image."""
    if not isinstance(body, (str, bytes, bytearray)):
        return None
    try:
        return json.loads(body, object_hook=_without_binary)
    except ValueError:
        return None


def _without_binary(value: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name not in _BINARY}


def served_tier(model: str, served: str | None) -> str | None:
    """The tier that served: throughput that is paid by the hour makes no charge of its own for a call."""
    return "provisioned" if _PROVISIONED in model else served


def said_attributes(request_id: str | None, latency: str | None) -> Attributes:
    """Which request it was, and whether it was sped up."""
    attributes: Attributes = {}
    if request_id is not None:
        attributes["aws.request_id"] = request_id
    if latency is not None:
        attributes["spancost.speed"] = latency
    return attributes
