"""The Responses API: one object, or events of which the last carries the whole response and its usage.

Hosted tools are billed beside the model's tokens: searches as a unit, generated images as tokens of another model.
A response that runs in the background has no usage yet when it is created; `deliveries` sees it arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost import unreported
from spancost.fields import count, first, items, pick, text
from spancost.sdks.openai.reported_cost import reported_cost
from spancost.wire import Answer, answered, used

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.stainless import Posted
    from spancost.wire import Attributes
    from spancost_pricing import Unit

_OVER: Final = frozenset({"completed", "failed", "incomplete", "cancelled"})
"""What `status` becomes when nothing more is coming."""
_COUNTS_SEARCHES: Final = frozenset({"openai", "azure.ai.openai"})
"""Who bills each search that a response shows as an item of its output."""
_IMAGE_MODEL: Final = "gpt-image-1"
"""What draws when the tool names no model."""


class ResponseReading:
    """A `Response`, a compaction, or the events of a stream."""

    def __init__(self, posted: Posted, charged: Callable[[str], bool], pending: Callable[[str], None]) -> None:
        self._asked: Mapping[str, Any] | None = posted.body if posted.stream else None
        self._provider = posted.endpoint.provider
        self._charged = charged
        self._pending = pending
        self._response: object = None
        self._written = 0
        self._in_events = False

    def add(self, part: object) -> None:
        """Takes in a response, its JSON, or an event of a stream."""
        kind = text(part, "type")
        if kind is None or not kind.startswith("response."):
            if kind is None and part is not None:
                self._response = part
            return
        self._in_events = True
        response = pick(part, "response")
        if response is not None:
            self._response = response
        elif "audio" not in kind:
            self._written += unreported.characters(pick(part, "delta"))

    def answer(self) -> Answer:
        """What has been said so far."""
        response = self._response
        attributes: Attributes = {}
        usage: Attributes | None = None
        if pick(response, "usage") is None and pick(response, "background") is True and not is_over(response):
            # It runs on without us, and says what it used when somebody fetches it.
            attributes["spancost.usage.pending"] = True
            if (identifier := text(response, "id")) is not None:
                self._pending(identifier)
        elif pick(response, "usage") is None and self._in_events and not is_over(response):
            usage = self._estimate()
        known = usage is not None or pick(response, "usage") is not None
        if known and pick(response, "background") is True and (identifier := text(response, "id")) is not None:
            self._charged(identifier)
        return response_answer(response, self._provider, usage, attributes)

    def _estimate(self) -> Attributes:
        asked = self._asked or {}
        prompt = unreported.characters(asked.get("instructions")) + unreported.characters(asked.get("input"))
        return used(
            input_tokens=unreported.tokens(prompt), output_tokens=unreported.tokens(self._written), estimated=True
        )


def is_over(response: object) -> bool:
    """Whether a response has ended, one way or another."""
    return text(response, "status") in _OVER


def response_answer(
    response: object,
    provider: str | None,
    otherwise: Attributes | None = None,
    more: Mapping[str, AttributeValue] | None = None,
) -> Answer:
    """What a `Response` says; `otherwise` is its usage when it reports none."""
    tier = text(response, "service_tier")
    usage = pick(response, "usage")
    attributes: Attributes = {"openai.api.type": "responses", **(more or {})}
    attributes.update(reported_cost(usage, provider))
    if tier is not None:
        attributes["openai.response.service_tier"] = tier
    if (conversation := text(response, "conversation", "id")) is not None:
        attributes["gen_ai.conversation.id"] = conversation
    reason = text(response, "incomplete_details", "reason") or (text(response, "status") if is_over(response) else None)
    return answered(
        model=text(response, "model"),
        response_id=text(response, "id"),
        finish_reasons=() if reason is None else (reason,),
        usage=otherwise if usage is None else response_usage(usage, _searches(response, provider)),
        service_tier=tier,
        attributes=attributes,
        beside=_drawn(response, tier),
    )


def response_usage(usage: object, searches: int | None = None) -> Attributes:
    """`ResponseUsage`, and the same shape where it counts images and audio; older servers use the names of chats."""
    units: dict[Unit, int] = {} if searches is None else {"web_search": searches}
    return used(
        input_tokens=first(count(usage, "input_tokens"), count(usage, "prompt_tokens")),
        cache_read_tokens=first(
            count(usage, "input_tokens_details", "cached_tokens"),
            count(usage, "prompt_tokens_details", "cached_tokens"),
        ),
        cache_write_tokens=count(usage, "input_tokens_details", "cache_write_tokens"),
        cache_write_1h_tokens=count(usage, "input_tokens_details", "cache_write_tokens_details", "ttl_12h_tokens"),
        input_audio_tokens=count(usage, "input_tokens_details", "audio_tokens"),
        input_image_tokens=count(usage, "input_tokens_details", "image_tokens"),
        output_tokens=first(count(usage, "output_tokens"), count(usage, "completion_tokens")),
        reasoning_tokens=first(
            count(usage, "output_tokens_details", "reasoning_tokens"), count(usage, "reasoning_tokens")
        ),
        output_audio_tokens=count(usage, "output_tokens_details", "audio_tokens"),
        output_image_tokens=count(usage, "output_tokens_details", "image_tokens"),
        units=units,
    )


def _searches(response: object, provider: str | None) -> int | None:
    """Billed web searches: as counted by the provider, else the searches among the items of the output."""
    counted = first(
        count(response, "tool_usage", "web_search", "num_requests"),
        count(response, "usage", "server_side_tool_usage_details", "web_search_calls"),
        count(response, "usage", "server_tool_use_details", "web_search_requests"),
    )
    if counted is not None or provider not in _COUNTS_SEARCHES:
        return counted
    # Opening a page and looking for a word in it are actions of the same tool that cost nothing.
    ran = sum(
        text(item, "type") == "web_search_call"
        and text(item, "status") == "completed"
        and text(item, "action", "type") in (None, "search")
        for item in items(response, "output")
    )
    return ran or None


def _drawn(response: object, tier: str | None) -> tuple[Answer, ...]:
    """Images that a tool generated: the tokens of another model, in none of the response's totals."""
    usage = pick(response, "tool_usage", "image_gen")
    if not count(usage, "total_tokens"):
        return ()
    tools = items(response, "tools")
    model = next((text(tool, "model") for tool in tools if text(tool, "type") == "image_generation"), None)
    return (answered(model=model or _IMAGE_MODEL, usage=image_usage(usage), service_tier=tier),)


def image_usage(usage: object) -> Attributes:
    """Usage of an image model: what it puts out is images, except where it says how much of it is text."""
    output = count(usage, "output_tokens")
    detailed = pick(usage, "output_tokens_details") is not None
    return used(
        input_tokens=count(usage, "input_tokens"),
        cache_read_tokens=first(count(usage, "input_tokens_details", "cached_tokens"), count(usage, "cached_tokens")),
        cache_read_image_tokens=first(
            count(usage, "input_tokens_details", "cached_tokens_details", "image_tokens"),
            count(usage, "cached_tokens_details", "cached_image_tokens"),
        ),
        input_image_tokens=count(usage, "input_tokens_details", "image_tokens"),
        output_tokens=output,
        output_image_tokens=count(usage, "output_tokens_details", "image_tokens") if detailed else output,
    )
