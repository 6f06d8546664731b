"""Chat completions and their predecessor, text completions, as OpenAI and all who copy the API report them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from spancost import unreported
from spancost.fields import count, fields_of, first, items, listed, pick, text, whole, word
from spancost.sdks.openai.reported_cost import reported_cost
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.fields import Fields
    from spancost.stainless import Posted
    from spancost_pricing import Unit

_CHAT: Final[Mapping[str, AttributeValue]] = {"openai.api.type": "chat_completions"}
_TEXT: Final[Mapping[str, AttributeValue]] = {}
_NO_UNITS: Final[Mapping[Unit, int]] = MappingProxyType({})


class ChatReading:
    """A chat completion: one object, or chunks of which the last carries the usage."""

    prompt = "messages"
    """Where the request has what the model is to answer."""
    api: Mapping[str, AttributeValue] = _CHAT

    _written = 0
    _streamed = False
    _cited = False
    _named = False
    """Whether a first chunk has said what the model and the id are; those in between repeat it."""
    _model: str | None = None
    _id: str | None = None
    _tier: str | None = None
    _fingerprint: str | None = None
    _usage: object = None

    def __init__(self, posted: Posted) -> None:
        self._prompt: object = posted.body.get(self.prompt) if posted.stream else None
        self._finished: dict[int, str] = {}
        self._provider = posted.endpoint.provider

    def add(self, part: object) -> None:
        """Takes in a `ChatCompletion`, its JSON, or a chunk."""
        if self._named and (more := _only_text(part)) is not None:
            self._written += len(more)
            return
        fields = fields_of(part)
        for position, choice in enumerate(listed(fields.get("choices"))):
            of_choice = fields_of(choice)
            if (reason := word(of_choice.get("finish_reason"))) is not None:
                index = whole(of_choice.get("index"))
                self._finished[position if index is None else index] = reason
            self._take(of_choice)
        self._model = word(fields.get("model")) or self._model
        self._id = word(fields.get("id")) or self._id
        self._tier = word(fields.get("service_tier")) or self._tier
        self._fingerprint = word(fields.get("system_fingerprint")) or self._fingerprint
        self._named = self._streamed and self._model is not None and self._id is not None
        if (usage := fields.get("usage")) is not None:
            self._usage = usage
        # Groq's streams report usage in a field of their own.
        if (groq := fields.get("x_groq")) is not None and (usage := pick(groq, "usage")) is not None:
            self._usage = usage

    def _take(self, choice: Fields) -> None:
        if (delta := choice.get("delta")) is not None:
            self._streamed = True
            said = fields_of(delta).get
            if written := said("content"):
                self._written += len(written) if type(written) is str else unreported.characters(written)
            if written := said("reasoning_content") or said("reasoning") or said("refusal"):
                self._written += unreported.characters(written)
            if said("tool_calls"):
                self._written += sum(
                    unreported.characters(pick(call, "function", "arguments")) for call in items(delta, "tool_calls")
                )
            if said("annotations"):
                self._note(delta)
        if (message := choice.get("message")) is not None:
            self._note(message)

    def _note(self, message: object) -> None:
        if notes := fields_of(message).get("annotations"):
            self._cited = self._cited or any(text(note, "type") == "url_citation" for note in listed(notes))

    def answer(self) -> Answer:
        """What has been said so far."""
        attributes = dict(self.api)
        if cost := reported_cost(self._usage, self._provider):
            attributes.update(cost)
        if self._tier is not None:
            attributes["openai.response.service_tier"] = self._tier
        if self._fingerprint is not None:
            attributes["openai.response.system_fingerprint"] = self._fingerprint
        return Answer(
            model=self._model,
            response_id=self._id,
            finish_reasons=tuple([self._finished[index] for index in sorted(self._finished)]),
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


def _only_text(chunk: Any) -> str | None:
    """The text of one of the SDK's chunks that has nothing else to say, as most have not; None for all other parts."""
    try:
        (choice,) = chunk.choices
        delta = choice.delta
        content = delta.content
        if (
            type(content) is str
            and choice.finish_reason is None
            and chunk.usage is None
            and not (delta.tool_calls or delta.refusal or delta.__pydantic_extra__)
            and "x_groq" not in chunk.__pydantic_extra__
        ):
            return content
    except (AttributeError, TypeError, ValueError):
        return None
    return None


def chat_usage(usage: object) -> Usage:
    """`CompletionUsage` as reported by OpenAI and those who extended it."""
    said = fields_of(usage)
    get = said.get
    read, written = fields_of(get("prompt_tokens_details")).get, fields_of(get("completion_tokens_details")).get
    cached = whole(read("cached_tokens"))
    if cached is None:
        cached = first(
            count(get("prompt_token_details"), "cached_tokens"),
            whole(get("prompt_cache_hit_tokens")),
            whole(get("num_cached_tokens")),
            whole(get("cached_tokens")),
        )
    output, reasoning = whole(get("completion_tokens")), whole(written("reasoning_tokens"))
    if reasoning is None:
        reasoning = whole(get("reasoning_tokens"))
    if output is not None and reasoning and _on_top(get("total_tokens"), get("prompt_tokens"), output + reasoning):
        output += reasoning
    return Usage(
        input_tokens=whole(get("prompt_tokens")),
        cache_read_tokens=cached,
        cache_write_tokens=whole(read("cache_write_tokens")),
        input_audio_tokens=whole(read("audio_tokens")),
        input_image_tokens=whole(read("image_tokens")),
        output_tokens=output,
        reasoning_tokens=reasoning,
        output_audio_tokens=whole(written("audio_tokens")),
        output_image_tokens=whole(written("image_tokens")),
        units=_units(said),
    )


def _units(usage: Fields) -> Mapping[Unit, int]:
    """Searches, under whichever name: none of them is OpenAI's own."""
    counted, tools = usage.get("num_search_queries"), usage.get("server_tool_use")
    details = usage.get("server_tool_use_details")
    if counted is None and tools is None and details is None:
        return _NO_UNITS
    searches = first(count(details, "web_search_requests"), count(tools, "web_search_requests"), whole(counted))
    return _NO_UNITS if searches is None else {"web_search": searches}


def _on_top(total: object, prompt: object, output: int) -> bool:
    """Whether reasoning comes on top of `completion_tokens`, as xAI reports it: the total tells."""
    both, read = whole(total), whole(prompt)
    return both is not None and read is not None and both == read + output
