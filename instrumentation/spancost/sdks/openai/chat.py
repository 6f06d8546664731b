"""Chat completions and their predecessor, text completions, as OpenAI and all who copy the API report them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from spancost import unreported
from spancost.fields import count, fields_of, figures_of, first, items, listed, pick, text, whole
from spancost.sdks.openai.reported_cost import REPORTERS, reported_cost
from spancost.wire import FINISH_REASONS, MODEL, RESPONSE_ID, SERVICE_TIER, WEB_SEARCHES, Answer, in_order, used

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.stainless import Posted
    from spancost.wire import Attributes, Shows
    from spancost_pricing import Unit

_CHAT: Final[Mapping[str, AttributeValue]] = {"openai.api.type": "chat_completions"}
_TEXT: Final[Mapping[str, AttributeValue]] = {}

_SEARCHES: Final = ("num_search_queries", "server_tool_use", "server_tool_use_details")
_NO_SEARCHES: Final = [None, None, None]
_look: Final = attrgetter("content.__class__", "tool_calls", "refusal", "__pydantic_extra__")
_TEXT_ALONE: Final[tuple[object, ...]] = (str, None, None, {})
"""What is seen of a delta that has nothing but text to say."""


class ChatReading:
    """A chat completion: one object, or chunks of which the last carries the usage."""

    prompt = "messages"
    """Where the request has what the model is to answer."""
    api: Mapping[str, AttributeValue] = _CHAT

    _written = 0
    _streamed = False
    _cited = False
    _usage: object = None

    def __init__(self, posted: Posted) -> None:
        self._prompt: object = posted.body.get(self.prompt) if posted.stream else None
        self._said: Attributes = {**self.api}
        self._finished: dict[int, str] = {}
        self._provider = posted.endpoint.provider

    def add(self, part: object) -> None:
        """Takes in a `ChatCompletion`, its JSON, or a chunk."""
        said = fields_of(part).get
        for position, choice in enumerate(listed(said("choices"))):
            of_choice = fields_of(choice).get
            reason = of_choice("finish_reason")
            if reason and isinstance(reason, str):
                index = of_choice("index")
                self._finished[index if type(index) is int else position] = reason
            self._take(of_choice)
        attributes = self._said
        if (model := said("model")) and isinstance(model, str):
            attributes[MODEL] = model
        if (identifier := said("id")) and isinstance(identifier, str):
            attributes[RESPONSE_ID] = identifier
        if (tier := said("service_tier")) and isinstance(tier, str):
            attributes[SERVICE_TIER] = attributes["openai.response.service_tier"] = tier
        if (fingerprint := said("system_fingerprint")) and isinstance(fingerprint, str):
            attributes["openai.response.system_fingerprint"] = fingerprint
        if (usage := said("usage")) is not None:
            self._usage = usage
        # Groq's streams report usage in a field of their own.
        if (groq := said("x_groq")) is not None and (usage := pick(groq, "usage")) is not None:
            self._usage = usage

    def glance(self, otherwise: Shows) -> Shows:
        """Takes in the SDK's chunks that have nothing but text to say, once it is known whose they are."""
        attributes = self._said

        def shows(chunk: Any) -> bool:
            try:
                (choice,) = chunk.choices
                delta = choice.delta
                if (
                    _look(delta) == _TEXT_ALONE
                    and choice.finish_reason is None
                    and chunk.usage is None
                    and RESPONSE_ID in attributes
                ):
                    self._written += len(delta.content)
                    return True
            except (AttributeError, TypeError, ValueError):
                pass  # some other shape
            return otherwise(chunk)

        return shows

    def _take(self, said: Callable[[str], object]) -> None:
        """Takes in a choice, or what a chunk adds to one."""
        if (delta := said("delta")) is not None:
            self._streamed = True
            get = fields_of(delta).get
            if written := get("content"):
                self._written += len(written) if type(written) is str else unreported.characters(written)
            if written := get("reasoning_content") or get("reasoning") or get("refusal"):
                self._written += unreported.characters(written)
            if get("tool_calls"):
                self._written += sum(
                    unreported.characters(pick(call, "function", "arguments")) for call in items(delta, "tool_calls")
                )
            if notes := get("annotations"):
                self._note(notes)
        message = said("message")
        if message is not None and (notes := fields_of(message).get("annotations")):
            self._note(notes)

    def _note(self, notes: object) -> None:
        self._cited = self._cited or any(text(note, "type") == "url_citation" for note in listed(notes))

    def answer(self) -> Answer:
        """What has been said so far."""
        usage, finished = self._usage, self._finished
        attributes = self._estimate() if usage is None else chat_usage(usage)
        attributes.update(self._said)
        if finished:
            attributes[FINISH_REASONS] = in_order(finished)
        if self._provider in REPORTERS:
            attributes.update(reported_cost(usage, self._provider))
        # OpenAI's search models run one billed search a request and do not count it; citations show that it ran.
        elif self._cited and self._provider == "openai" and usage is not None:
            attributes.setdefault(WEB_SEARCHES, 1)
        return Answer(attributes)

    def _estimate(self) -> Attributes:
        """For a stream that ended before its usage; a complete answer without usage stays without."""
        if not self._streamed:
            return {}
        return used(
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

    def glance(self, otherwise: Shows) -> Shows:
        """Reads every chunk in full: this API is on its way out."""
        return otherwise

    def _take(self, said: Callable[[str], object]) -> None:
        if self._in_chunks:
            self._streamed = True
            self._written += unreported.characters(said("text"))


def chat_usage(usage: object) -> Attributes:
    """`CompletionUsage` as reported by OpenAI and those who extended it."""
    said = fields_of(usage).get
    of_prompt = fields_of(said("prompt_tokens_details")).get
    of_output = fields_of(said("completion_tokens_details")).get
    cached, reasoning = of_prompt("cached_tokens"), of_output("reasoning_tokens")
    if cached is None:
        cached = first(
            count(said("prompt_token_details"), "cached_tokens"),
            whole(said("prompt_cache_hit_tokens")),
            whole(said("num_cached_tokens")),
            whole(said("cached_tokens")),
        )
    if reasoning is None:
        reasoning = said("reasoning_tokens")
    prompt, output, cached, reasoning, written, audio, image, audio_out, image_out = figures_of(
        said("prompt_tokens"),
        said("completion_tokens"),
        cached,
        reasoning,
        of_prompt("cache_write_tokens"),
        of_prompt("audio_tokens"),
        of_prompt("image_tokens"),
        of_output("audio_tokens"),
        of_output("image_tokens"),
    )
    # xAI reports reasoning on top of `completion_tokens`: the total tells.
    if reasoning and output is not None and prompt is not None and said("total_tokens") == prompt + output + reasoning:
        output += reasoning
    searches = [*map(said, _SEARCHES)]
    return used(
        input_tokens=prompt,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        input_audio_tokens=audio,
        input_image_tokens=image,
        output_tokens=output,
        reasoning_tokens=reasoning,
        output_audio_tokens=audio_out,
        output_image_tokens=image_out,
        units=None if searches == _NO_SEARCHES else _units(*searches),
    )


def _units(counted: object, tools: object, details: object) -> Mapping[Unit, int] | None:
    """Searches, under whichever name: none of them is OpenAI's own."""
    searches = first(count(details, "web_search_requests"), count(tools, "web_search_requests"), whole(counted))
    return None if searches is None else {"web_search": searches}
