"""Chat completions and their predecessor, text completions, as OpenAI and all who copy the API report them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost import unreported
from spancost.fields import count, fields_of, first, items, pick, text, whole
from spancost.hosts import provider_of
from spancost.sdks.openai.reported_cost import reported_cost
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.fields import Fields
    from spancost.stainless import Posted
    from spancost_pricing import Unit

_WRITTEN: Final = ("content", "refusal", "reasoning_content", "reasoning")
"""Where a chunk has text that the model wrote."""
_CHAT: Final[Mapping[str, AttributeValue]] = {"openai.api.type": "chat_completions"}
_TEXT: Final[Mapping[str, AttributeValue]] = {}


class ChatReading:
    """A chat completion: one object, or chunks of which the last carries the usage."""

    prompt = "messages"
    """Where the request has what the model is to answer."""
    api: Mapping[str, AttributeValue] = _CHAT

    def __init__(self, posted: Posted) -> None:
        self._prompt: object = posted.body.get(self.prompt) if posted.stream else None
        self._written = 0
        self._streamed = False
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._fingerprint: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: object = None
        self._provider = provider_of(posted.host, "")
        self._cited = False

    def add(self, part: object) -> None:
        """Takes in a `ChatCompletion`, its JSON, or a chunk."""
        fields = fields_of(part)
        # Most chunks repeat what the first one said, and add some text.
        if (value := fields.get("model")) and value != self._model:
            self._model = text(part, "model") or self._model
        if (value := fields.get("id")) and value != self._id:
            self._id = text(part, "id") or self._id
        if (value := fields.get("service_tier")) and value != self._tier:
            self._tier = text(part, "service_tier") or self._tier
        if (value := fields.get("system_fingerprint")) and value != self._fingerprint:
            self._fingerprint = text(part, "system_fingerprint") or self._fingerprint
        if (usage := fields.get("usage")) is not None:
            self._usage = usage
        # Groq's streams report usage in a field of their own.
        if (groq := fields.get("x_groq")) is not None and (usage := pick(groq, "usage")) is not None:
            self._usage = usage
        for position, choice in enumerate(items(fields.get("choices"))):
            of_choice = fields_of(choice)
            if of_choice.get("finish_reason") is not None and (reason := text(choice, "finish_reason")):
                index = count(choice, "index")
                self._finished[position if index is None else index] = reason
            self._take(of_choice)

    def _take(self, choice: Fields) -> None:
        if (delta := choice.get("delta")) is not None:
            self._streamed = True
            said = fields_of(delta)
            for name in _WRITTEN:
                if written := said.get(name):
                    self._written += unreported.characters(written)
            if said.get("tool_calls"):
                self._written += sum(
                    unreported.characters(pick(call, "function", "arguments")) for call in items(delta, "tool_calls")
                )
            if said.get("annotations"):
                self._note(delta)
        if (message := choice.get("message")) is not None:
            self._note(message)

    def _note(self, message: object) -> None:
        notes = items(message, "annotations")
        self._cited = self._cited or any(text(note, "type") == "url_citation" for note in notes)

    def answer(self) -> Answer:
        """What has been said so far."""
        attributes: dict[str, AttributeValue] = {**self.api, **reported_cost(self._usage, self._provider)}
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
        searched = self._provider == "openai" and self._cited and not usage.units
        return usage._replace(units={"web_search": 1}) if searched else usage

    def _estimate(self) -> Usage | None:
        """For a stream that ended before its usage; a complete answer without usage stays without."""
        if not self._streamed:
            return None
        return Usage(
            input_tokens=unreported.tokens(unreported.characters(self._prompt)),
            output_tokens=unreported.tokens(self._written),
            estimated=True,
        )


class CompletionReading(ChatReading):
    """A text completion: its chunks carry text where those of a chat carry a delta."""

    prompt = "prompt"
    api = _TEXT

    def __init__(self, posted: Posted) -> None:
        super().__init__(posted)
        self._in_chunks = posted.stream

    def _take(self, choice: Fields) -> None:
        if self._in_chunks:
            self._streamed = True
            self._written += unreported.characters(choice.get("text"))


def chat_usage(usage: object) -> Usage:
    """`CompletionUsage` as reported by OpenAI and those who extended it."""
    usage = fields_of(usage)
    read, written = fields_of(usage.get("prompt_tokens_details")), fields_of(usage.get("completion_tokens_details"))
    output = whole(usage.get("completion_tokens"))
    reasoning = first(whole(written.get("reasoning_tokens")), whole(usage.get("reasoning_tokens")))
    if output is not None and reasoning is not None and _on_top(usage, output, reasoning):
        output += reasoning
    units: dict[Unit, int] = {}
    searches = first(
        count(usage, "server_tool_use_details", "web_search_requests"),
        count(usage, "server_tool_use", "web_search_requests"),
        whole(usage.get("num_search_queries")),
    )
    if searches is not None:
        units["web_search"] = searches
    return Usage(
        input_tokens=whole(usage.get("prompt_tokens")),
        cache_read_tokens=first(
            whole(read.get("cached_tokens")),
            count(usage, "prompt_token_details", "cached_tokens"),
            whole(usage.get("prompt_cache_hit_tokens")),
            whole(usage.get("num_cached_tokens")),
            whole(usage.get("cached_tokens")),
        ),
        cache_write_tokens=whole(read.get("cache_write_tokens")),
        input_audio_tokens=whole(read.get("audio_tokens")),
        input_image_tokens=whole(read.get("image_tokens")),
        output_tokens=output,
        reasoning_tokens=reasoning,
        output_audio_tokens=whole(written.get("audio_tokens")),
        output_image_tokens=whole(written.get("image_tokens")),
        units=units,
    )


def _on_top(usage: object, output: int, reasoning: int) -> bool:
    """Whether reasoning comes on top of `completion_tokens`, as xAI reports it: the total tells."""
    both, prompt = count(usage, "total_tokens"), count(usage, "prompt_tokens")
    return both is not None and prompt is not None and reasoning > 0 and both == prompt + output + reasoning
