"""Messages, whole or in events, and the completions that came before them."""

from __future__ import annotations

from itertools import compress
from operator import attrgetter, is_not
from typing import TYPE_CHECKING, Any, Final

from spancost import unreported
from spancost.fields import count, fields_of, listed, pick, text, total, whole, word
from spancost.wire import ESTIMATED, FINISH_REASONS, MODEL, RESPONSE_ID, SERVICE_TIER, Answer, answered, summed, used

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spancost.stainless import Posted
    from spancost.wire import Attributes, Shows
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
_ABSENT: Final = (None,) * len(_USAGE_FIELDS)
_WRITTEN: Final[Mapping[str, Callable[[object], str]]] = {
    "text_delta": attrgetter("text"),
    "thinking_delta": attrgetter("thinking"),
    "input_json_delta": attrgetter("partial_json"),
}
"""Kind of what an event adds -> what of it is text."""
_SILENT: Final = frozenset({"content_block_start", "content_block_stop", "message_stop", "ping"})
"""Kinds of events that say nothing of what is billed."""
_UNREPORTED: Final = ("not_available", "global")
"""Geographies that change no price."""


class MessageReading:
    """A message: one object, or events of which the first and the last carry usage."""

    _message: object = None
    _stop_reason: str | None = None
    _unfinished = False
    _written = 0

    def __init__(self) -> None:
        self._usage: dict[str, object] = {}

    def add(self, part: object) -> None:
        """Takes in a `Message`, its JSON, or an event of a stream."""
        fields = fields_of(part)
        kind = fields.get("type")
        if kind == "content_block_delta":
            said = fields_of(fields.get("delta")).get
            if written := said("text") or said("thinking") or said("partial_json"):
                self._written += unreported.characters(written)
        elif kind == "message_start":
            self._unfinished = True
            self._take(fields.get("message"))
        elif kind == "message_delta":
            # Cumulative, and without what only the start says: tier, speed, lifetime of cache entries.
            self._unfinished = False
            self._merge(fields.get("usage"))
            self._stop_reason = text(fields.get("delta"), "stop_reason") or self._stop_reason
        elif kind == "message":
            self._take(part)

    def glance(self, otherwise: Shows) -> Shows:
        """Takes in the SDK's events that add to what is written, which most are, and passes over what says nothing."""

        def shows(event: Any) -> bool:
            try:
                kind = event.type
                if kind == "content_block_delta":
                    delta = event.delta
                    self._written += len(_WRITTEN[delta.type](delta))
                elif kind not in _SILENT:
                    return otherwise(event)
            except (AttributeError, KeyError, TypeError):
                return otherwise(event)
            return True

        return shows

    def _take(self, message: object) -> None:
        fields = fields_of(message)
        self._message = message
        self._stop_reason = word(fields.get("stop_reason")) or self._stop_reason
        self._merge(fields.get("usage"))

    def _merge(self, usage: object) -> None:
        values = tuple(map(fields_of(usage).get, _USAGE_FIELDS))
        self._usage.update(compress(zip(_USAGE_FIELDS, values, strict=True), map(is_not, values, _ABSENT)))

    def answer(self) -> Answer:
        """What has been said so far."""
        usage, message = self._usage, fields_of(self._message).get
        if self._unfinished:
            # The start's `output_tokens` is a placeholder: it says nothing about what was written before the break.
            usage = {**usage, "output_tokens": unreported.tokens(self._written)}
        said = usage.get
        steps = listed(said("iterations"))
        attributes = message_usage(usage) if usage else {}
        if attributes and self._unfinished:
            attributes[ESTIMATED] = True
        if (model := _served_by(steps) or word(message("model"))) is not None:
            attributes[MODEL] = model
        if (identifier := word(message("id"))) is not None:
            attributes[RESPONSE_ID] = identifier
        if self._stop_reason is not None:
            attributes[FINISH_REASONS] = (self._stop_reason,)
        if (tier := word(said("service_tier"))) is not None:
            attributes[SERVICE_TIER] = attributes["anthropic.response.service_tier"] = tier
        if (speed := word(said("speed"))) is not None:
            attributes["spancost.speed"] = speed
        if (geo := word(said("inference_geo"))) is not None and geo not in _UNREPORTED:
            attributes["spancost.region"] = geo
        return Answer(attributes, _advice(steps, tier) if steps else ())


def _served_by(steps: Sequence[object]) -> str | None:
    """The model that took over where the one that was asked declined: it wrote the message and is billed."""
    for step in steps:
        if text(step, "type") == "fallback_message":
            return text(step, "model")
    return None


def _advice(steps: Sequence[object], tier: str | None) -> tuple[Answer, ...]:
    """What other models were asked on the way, each billed as its own."""
    return tuple(
        answered(model=text(step, "model"), usage=message_usage(step), service_tier=tier)
        for step in steps
        if text(step, "type") == "advisor_message"
    )


def message_usage(usage: object) -> Attributes:
    """`Usage` of a message. Anthropic's `input_tokens` leaves the cache out; ours includes it."""
    counted = _counted(usage)
    steps = listed(pick(usage, "iterations"))
    # Compaction of the context is billed on top of what the totals say.
    extra = [_counted(step) for step in steps if text(step, "type") == "compaction"] if steps else None
    return summed((counted, *extra)) if extra else counted


def _counted(usage: object) -> Attributes:
    """The figures of a message, or of one step on the way to it."""
    said = fields_of(usage).get
    lifetimes = fields_of(said("cache_creation")).get
    an_hour = whole(lifetimes("ephemeral_1h_input_tokens"))
    cache_read, cache_write = whole(said("cache_read_input_tokens")), whole(said("cache_creation_input_tokens"))
    if cache_write is None:
        cache_write = total(whole(lifetimes("ephemeral_5m_input_tokens")), an_hour)
    fresh = whole(said("input_tokens"))
    return used(
        input_tokens=None if fresh is None else total(fresh, cache_read, cache_write),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        cache_write_1h_tokens=an_hour,
        output_tokens=whole(said("output_tokens")),
        reasoning_tokens=count(said("output_tokens_details"), "thinking_tokens"),
        units=_units(said("server_tool_use")),
    )


def _units(tools: object) -> Mapping[Unit, int] | None:
    if tools is None:
        return None
    counted: tuple[tuple[Unit, int | None], ...] = (
        ("web_search", count(tools, "web_search_requests")),
        ("web_fetch", count(tools, "web_fetch_requests")),
    )
    return {unit: quantity for unit, quantity in counted if quantity is not None}


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
            return answered()
        reason = text(self._completion, "stop_reason")
        return answered(
            model=text(self._completion, "model"),
            response_id=text(self._completion, "id"),
            finish_reasons=() if reason is None else (reason,),
            usage=used(
                input_tokens=unreported.tokens(self._prompt),
                output_tokens=unreported.tokens(self._written),
                estimated=True,
            ),
        )
