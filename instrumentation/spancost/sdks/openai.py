"""The `openai` SDK, whoever it talks to: OpenAI, Azure, Groq, DeepSeek, OpenRouter and all that copy the API.

Streams are asked to report usage, which they do not do unasked; the extra chunk that carries it is kept from an app
that did not ask for it. Where a server refuses the question, the call is made again without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from spancost import estimate
from spancost.fields import count, first, items, pick, text
from spancost.hosts import provider_of
from spancost.instrumentor import Call, SdkInstrumentor
from spancost.stainless import Operation, Posted, operation_of, patches, request_of
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from spancost_pricing import Unit

_WRITTEN: Final = ("content", "refusal", "reasoning_content", "reasoning")
"""Where a chunk has text that the model wrote."""


class ChatReading:
    """A chat completion: one object, or chunks of which the last carries the usage."""

    def __init__(self, posted: Posted) -> None:
        self._prompt: object = posted.body.get("messages") if posted.stream else None
        self._written = 0
        self._streamed = False
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._fingerprint: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: object = None
        self._searches = provider_of(posted.host, "") == "openai"
        self._cited = False

    def add(self, part: object) -> None:
        """Takes in a `ChatCompletion`, its JSON, or a chunk."""
        self._model = text(part, "model") or self._model
        self._id = text(part, "id") or self._id
        self._tier = text(part, "service_tier") or self._tier
        self._fingerprint = text(part, "system_fingerprint") or self._fingerprint
        # Groq's streams report usage in a field of their own.
        for usage in (pick(part, "usage"), pick(part, "x_groq", "usage")):
            if usage is not None:
                self._usage = usage
        for position, choice in enumerate(items(part, "choices")):
            if reason := text(choice, "finish_reason"):
                index = count(choice, "index")
                self._finished[position if index is None else index] = reason
            delta = pick(choice, "delta")
            if delta is not None:
                self._streamed = True
                self._written += sum(estimate.characters(pick(delta, name)) for name in _WRITTEN)
                self._written += sum(
                    estimate.characters(pick(call, "function", "arguments")) for call in items(delta, "tool_calls")
                )
            for message in (pick(choice, "message"), delta):
                self._cited = self._cited or any(
                    text(note, "type") == "url_citation" for note in items(message, "annotations")
                )

    def answer(self) -> Answer:
        """What has been said so far."""
        attributes: dict[str, AttributeValue] = {"openai.api.type": "chat_completions"}
        if self._tier is not None:
            attributes["openai.response.service_tier"] = self._tier
        if self._fingerprint is not None:
            attributes["openai.response.system_fingerprint"] = self._fingerprint
        return Answer(
            model=self._model,
            response_id=self._id,
            finish_reasons=tuple(reason for _, reason in sorted(self._finished.items())),
            usage=self._estimate() if self._usage is None else self._with_search(chat_usage(self._usage)),
            service_tier=self._tier,
            attributes=attributes,
        )

    def _with_search(self, usage: Usage) -> Usage:
        """OpenAI's search models run one billed search a request and do not count it; citations show that it ran."""
        return replace(usage, units={"web_search": 1}) if self._searches and self._cited and not usage.units else usage

    def _estimate(self) -> Usage | None:
        """For a stream that ended before its usage; a complete answer without usage stays without."""
        if not self._streamed:
            return None
        return Usage(
            input_tokens=estimate.tokens(estimate.characters(self._prompt)),
            output_tokens=estimate.tokens(self._written),
            estimated=True,
        )


def chat_usage(usage: object) -> Usage:
    """`CompletionUsage` as reported by OpenAI and those who extended it."""
    output = count(usage, "completion_tokens")
    reasoning = first(count(usage, "completion_tokens_details", "reasoning_tokens"), count(usage, "reasoning_tokens"))
    if output is not None and reasoning is not None and _on_top(usage, output, reasoning):
        output += reasoning
    units: dict[Unit, int] = {}
    searches = first(
        count(usage, "server_tool_use_details", "web_search_requests"),
        count(usage, "server_tool_use", "web_search_requests"),
        count(usage, "num_search_queries"),
    )
    if searches is not None:
        units["web_search"] = searches
    return Usage(
        input_tokens=count(usage, "prompt_tokens"),
        cache_read_tokens=first(
            count(usage, "prompt_tokens_details", "cached_tokens"),
            count(usage, "prompt_cache_hit_tokens"),
            count(usage, "num_cached_tokens"),
            count(usage, "cached_tokens"),
        ),
        cache_write_tokens=count(usage, "prompt_tokens_details", "cache_write_tokens"),
        input_audio_tokens=count(usage, "prompt_tokens_details", "audio_tokens"),
        input_image_tokens=count(usage, "prompt_tokens_details", "image_tokens"),
        output_tokens=output,
        reasoning_tokens=reasoning,
        output_audio_tokens=count(usage, "completion_tokens_details", "audio_tokens"),
        output_image_tokens=count(usage, "completion_tokens_details", "image_tokens"),
        units=units,
    )


def _on_top(usage: object, output: int, reasoning: int) -> bool:
    """Whether reasoning comes on top of `completion_tokens`, as xAI reports it: the total tells."""
    whole, prompt = count(usage, "total_tokens"), count(usage, "prompt_tokens")
    return whole is not None and prompt is not None and reasoning > 0 and whole == prompt + output + reasoning


def _chat_attributes(posted: Posted) -> Mapping[str, AttributeValue]:
    tier = text(posted.body, "service_tier")
    return {} if tier is None else {"openai.request.service_tier": tier}


OPERATIONS: Final[Mapping[str, Operation]] = {
    "/chat/completions": Operation("chat", ChatReading, _chat_attributes),
}
"""End of the path -> operation."""


class OpenAIInstrumentor(SdkInstrumentor):
    """Counts what the `openai` SDK's calls cost."""

    _refusing: set[str]
    """Servers that refused to report usage: they are not asked again."""

    package = "openai"
    requires = "openai >= 1.66"
    patches = patches("openai._base_client")

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        """The model call behind a request of a client."""
        posted = Posted(instance, args, kwargs)
        operation = operation_of(posted, OPERATIONS)
        if operation is None:
            return None
        request = request_of(posted, operation, _provider_of_client(instance))
        reading = operation.reading(posted)
        plain = posted.arguments()
        options = posted.body.get("stream_options")
        server = str(pick(instance, "base_url"))
        if not posted.stream or _asks_for_usage(options) or server in self._refusing:
            return Call(request, reading, plain, plain)
        asked = {**cast("Mapping[str, Any]", options), **_ASK} if isinstance(options, Mapping) else _ASK
        changes: dict[str, Any] = {"json_data": {**_own_body(posted), "stream_options": asked}}
        if isinstance(extra := pick(posted.options, "extra_json"), Mapping) and "stream_options" in extra:
            changes["extra_json"] = {**cast("Mapping[str, Any]", extra), "stream_options": asked}
        return Call(
            request,
            reading,
            posted.arguments(**changes),
            plain,
            hides=_is_usage_only,
            refused=partial(self._refused, server),
        )

    def _instrument(self, **kwargs: Any) -> None:
        self._refusing = set()
        super()._instrument(**kwargs)

    def _refused(self, server: str, error: BaseException) -> bool:
        """Whether a server refused to report usage, by name, as those do that do not know `stream_options`."""
        refused = count(error, "status_code") in (400, 422) and "stream_options" in str(error)
        if refused and len(self._refusing) < _MAX_SERVERS:
            self._refusing.add(server)
        return refused


_MAX_SERVERS: Final = 1000
_ASK: Final = {"include_usage": True}


def _own_body(posted: Posted) -> Mapping[str, Any]:
    body = pick(posted.options, "json_data")
    return cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else {}


def _asks_for_usage(options: object) -> bool:
    return pick(options, "include_usage") is True


def _is_usage_only(chunk: object) -> bool:
    return pick(chunk, "usage") is not None and not items(chunk, "choices")


def _provider_of_client(client: object) -> str:
    azure = any(kind.__name__ in ("AzureOpenAI", "AsyncAzureOpenAI") for kind in type(client).__mro__)
    return "azure.ai.openai" if azure else "openai"
