"""Messages, whole or in events, and the completions that came before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost import unreported
from spancost.fields import count, fields_of, first, items, pick, text, total
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from spancost.stainless import Posted
    from spancost_pricing import Unit

_USAGE_FIELDS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "cache_creation",
    "output_tokens_details",
    "server_tool_use",
    "iterations",
    "service_tier",
    "inference_geo",
    "speed",
)
_WRITTEN: Final = ("text", "thinking", "partial_json")
"""Where an event has text that the model wrote."""
_UNREPORTED: Final = ("not_available", "global")
"""Geographies that change no price."""


class MessageReading:
    """A message: one object, or events of which the first and the last carry usage."""

    def __init__(self) -> None:
        self._message: object = None
        self._usage: dict[str, object] = {}
        self._stop_reason: str | None = None
        self._unfinished = False
        self._written = 0

    def add(self, part: object) -> None:
        """Takes in a `Message`, its JSON, or an event of a stream."""
        fields = fields_of(part)
        kind = fields.get("type")
        if kind == "content_block_delta":
            said = fields_of(fields.get("delta"))
            for name in _WRITTEN:
                if written := said.get(name):
                    self._written += unreported.characters(written)
        elif kind == "message_start":
            self._unfinished = True
            self._take(pick(part, "message"))
        elif kind == "message_delta":
            # Cumulative, and without what only the start says: tier, speed, lifetime of cache entries.
            self._unfinished = False
            self._merge(pick(part, "usage"))
            self._stop_reason = text(part, "delta", "stop_reason") or self._stop_reason
        elif kind == "message":
            self._take(part)

    def _take(self, message: object) -> None:
        self._message = message
        self._stop_reason = text(message, "stop_reason") or self._stop_reason
        self._merge(pick(message, "usage"))

    def _merge(self, usage: object) -> None:
        reported = fields_of(usage)
        for name in _USAGE_FIELDS:
            if (value := reported.get(name)) is not None:
                self._usage[name] = value

    def answer(self) -> Answer:
        """What has been said so far."""
        usage = dict(self._usage)
        if self._unfinished:
            # The start's `output_tokens` is a placeholder: it says nothing about what was written before the break.
            usage["output_tokens"] = unreported.tokens(self._written)
        attributes: dict[str, AttributeValue] = {}
        tier = text(usage, "service_tier")
        if tier is not None:
            attributes["anthropic.response.service_tier"] = tier
        if (speed := text(usage, "speed")) is not None:
            attributes["spancost.speed"] = speed
        if (geo := text(usage, "inference_geo")) is not None and geo not in _UNREPORTED:
            attributes["spancost.region"] = geo
        return Answer(
            model=_served_by(usage) or text(self._message, "model"),
            response_id=text(self._message, "id"),
            finish_reasons=() if self._stop_reason is None else (self._stop_reason,),
            usage=message_usage(usage)._replace(estimated=self._unfinished) if usage else None,
            service_tier=tier,
            attributes=attributes,
            beside=tuple(
                Answer(model=text(step, "model"), usage=message_usage(step), service_tier=tier)
                for step in items(usage, "iterations")
                if text(step, "type") == "advisor_message"
            ),
        )


def _served_by(usage: object) -> str | None:
    """The model that took over where the one that was asked declined: it wrote the message and is billed."""
    steps = items(usage, "iterations")
    return next((text(step, "model") for step in steps if text(step, "type") == "fallback_message"), None)


def message_usage(usage: object) -> Usage:
    """`Usage` of a message. Anthropic's `input_tokens` leaves the cache out; ours includes it."""
    extra = [step for step in items(usage, "iterations") if text(step, "type") == "compaction"]
    cache_read = total(count(usage, "cache_read_input_tokens"), *_each(extra, "cache_read_input_tokens"))
    by_lifetime = total(
        count(usage, "cache_creation", "ephemeral_5m_input_tokens"),
        count(usage, "cache_creation", "ephemeral_1h_input_tokens"),
    )
    cache_write = total(
        first(count(usage, "cache_creation_input_tokens"), by_lifetime),
        *_each(extra, "cache_creation_input_tokens"),
    )
    fresh = total(count(usage, "input_tokens"), *_each(extra, "input_tokens"))
    units: dict[Unit, int] = {}
    if (searches := count(usage, "server_tool_use", "web_search_requests")) is not None:
        units["web_search"] = searches
    if (fetches := count(usage, "server_tool_use", "web_fetch_requests")) is not None:
        units["web_fetch"] = fetches
    return Usage(
        input_tokens=None if fresh is None else total(fresh, cache_read, cache_write),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        cache_write_1h_tokens=total(
            count(usage, "cache_creation", "ephemeral_1h_input_tokens"),
            *(count(step, "cache_creation", "ephemeral_1h_input_tokens") for step in extra),
        ),
        output_tokens=total(count(usage, "output_tokens"), *_each(extra, "output_tokens")),
        reasoning_tokens=count(usage, "output_tokens_details", "thinking_tokens"),
        units=units,
    )


def _each(steps: list[object], name: str) -> list[int | None]:
    """A figure of each step that the totals leave out: compaction of the context is billed on top of them."""
    return [count(step, name) for step in steps]


class CompletionReading:
    """A text completion of the first API, which reported no usage: both texts are counted on our side."""

    def __init__(self, posted: Posted) -> None:
        self._prompt = unreported.characters(posted.body.get("prompt"))
        self._written = 0
        self._completion: object = None

    def add(self, part: object) -> None:
        """Takes in a `Completion`, its JSON, or one of the pieces that it is streamed in."""
        self._written += unreported.characters(pick(part, "completion"))
        self._completion = part

    def answer(self) -> Answer:
        """What has been said so far."""
        if text(self._completion, "type") != "completion":
            return Answer()
        reason = text(self._completion, "stop_reason")
        return Answer(
            model=text(self._completion, "model"),
            response_id=text(self._completion, "id"),
            finish_reasons=() if reason is None else (reason,),
            usage=Usage(
                input_tokens=unreported.tokens(self._prompt),
                output_tokens=unreported.tokens(self._written),
                estimated=True,
            ),
        )
