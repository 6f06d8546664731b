"""Chat completions and their predecessor, text completions, as OpenAI and all who copy the API report them."""

from __future__ import annotations

from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from spancost import unreported
from spancost.fields import count, fields_of, figures_of, first, items, listed, pick, text, whole, words_of
from spancost.sdks.openai.reported_cost import REPORTERS, reported_cost
from spancost.wire import Answer
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost.stainless import Posted
    from spancost.wire import Shows
    from spancost_pricing import Unit

_CHAT: Final[Mapping[str, AttributeValue]] = {"openai.api.type": "chat_completions"}
_TEXT: Final[Mapping[str, AttributeValue]] = {}
_NO_UNITS: Final[Mapping[Unit, int]] = MappingProxyType({})

# Fields are read in one call of a built-in function for each object, because it is done for every answer.
_OF_ANSWER: Final = ("choices", "model", "id", "service_tier", "system_fingerprint", "usage", "x_groq")
_OF_CHOICE: Final = ("index", "finish_reason", "delta", "message", "text")
_OF_USAGE: Final = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "num_search_queries",
    "server_tool_use",
    "server_tool_use_details",
)
_look: Final = attrgetter("content.__class__", "tool_calls", "refusal", "__pydantic_extra__")
_TEXT_ALONE: Final[tuple[object, ...]] = (str, None, None, {})
"""What is seen of a delta that has nothing but text to say."""
_NO_SEARCHES: Final = [None, None, None]
_OF_PROMPT: Final = ("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens")
_OF_OUTPUT: Final = ("reasoning_tokens", "audio_tokens", "image_tokens")


class ChatReading:
    """A chat completion: one object, or chunks of which the last carries the usage."""

    prompt = "messages"
    """Where the request has what the model is to answer."""
    api: Mapping[str, AttributeValue] = _CHAT

    _written = 0
    _streamed = False
    _cited = False
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
        choices, model, identifier, tier, fingerprint, usage, groq = map(fields_of(part).get, _OF_ANSWER)
        for position, choice in enumerate(listed(choices)):
            index, reason, delta, message, said = map(fields_of(choice).get, _OF_CHOICE)
            if reason and isinstance(reason, str):
                self._finished[index if type(index) is int else position] = reason
            self._take(delta, message, said)
        model, identifier, tier, fingerprint = words_of((model, identifier, tier, fingerprint))
        self._model = model or self._model
        self._id = identifier or self._id
        if tier:
            self._tier = tier
        if fingerprint:
            self._fingerprint = fingerprint
        if usage is not None:
            self._usage = usage
        # Groq's streams report usage in a field of their own.
        if groq is not None and (usage := pick(groq, "usage")) is not None:
            self._usage = usage

    def glance(self, otherwise: Shows) -> Shows:
        """Takes in the SDK's chunks that have nothing but text to say, once it is known whose they are."""

        def shows(chunk: Any) -> bool:
            try:
                (choice,) = chunk.choices
                delta = choice.delta
                if (
                    _look(delta) == _TEXT_ALONE
                    and choice.finish_reason is None
                    and chunk.usage is None
                    and self._id is not None
                ):
                    self._written += len(delta.content)
                    return True
            except (AttributeError, TypeError, ValueError):
                pass  # some other shape
            return otherwise(chunk)

        return shows

    def _take(self, delta: object, message: object, said: object) -> None:
        if delta is not None:
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
        if message is not None and (notes := fields_of(message).get("annotations")):
            self._note(notes)

    def _note(self, notes: object) -> None:
        self._cited = self._cited or any(text(note, "type") == "url_citation" for note in listed(notes))

    def answer(self) -> Answer:
        """What has been said so far."""
        if self._usage is None:
            usage = self._estimate()
        else:
            usage = chat_usage(self._usage)
            # OpenAI's search models run one billed search a request and do not count it; citations show that it ran.
            if self._cited and self._provider == "openai" and not usage.units:
                usage = usage._replace(units={"web_search": 1})
        tier = self._tier
        attributes = {**self.api}
        if self._provider in REPORTERS:
            attributes.update(reported_cost(self._usage, self._provider))
        if tier is not None:
            attributes["openai.response.service_tier"] = tier
        if self._fingerprint is not None:
            attributes["openai.response.system_fingerprint"] = self._fingerprint
        return Answer(
            model=self._model,
            response_id=self._id,
            finish_reasons=tuple(map(self._finished.__getitem__, sorted(self._finished))),
            usage=usage,
            service_tier=tier,
            attributes=attributes,
        )

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

    def glance(self, otherwise: Shows) -> Shows:
        """Reads every chunk in full: this API is on its way out."""
        return otherwise

    def _take(self, delta: object, message: object, said: object) -> None:
        if self._in_chunks:
            self._streamed = True
            self._written += unreported.characters(said)


def chat_usage(usage: object) -> Usage:
    """`CompletionUsage` as reported by OpenAI and those who extended it."""
    said = fields_of(usage)
    get = said.get
    prompt, output, total, of_prompt, of_output, *searches = map(get, _OF_USAGE)
    cached, cache_write, audio, image = map(fields_of(of_prompt).get, _OF_PROMPT)
    reasoning, audio_out, image_out = map(fields_of(of_output).get, _OF_OUTPUT)
    if cached is None:
        cached = first(
            count(get("prompt_token_details"), "cached_tokens"),
            whole(get("prompt_cache_hit_tokens")),
            whole(get("num_cached_tokens")),
            whole(get("cached_tokens")),
        )
    if reasoning is None:
        reasoning = get("reasoning_tokens")
    figures = (prompt, cached, cache_write, audio, image, output, reasoning, audio_out, image_out, total)
    prompt, cached, cache_write, audio, image, output, reasoning, audio_out, image_out, total = figures_of(figures)
    # xAI reports reasoning on top of `completion_tokens`: the total tells.
    if reasoning and output is not None and prompt is not None and total == prompt + output + reasoning:
        output += reasoning
    return Usage(
        input_tokens=prompt,
        cache_read_tokens=cached,
        cache_write_tokens=cache_write,
        input_audio_tokens=audio,
        input_image_tokens=image,
        output_tokens=output,
        reasoning_tokens=reasoning,
        output_audio_tokens=audio_out,
        output_image_tokens=image_out,
        units=_NO_UNITS if searches == _NO_SEARCHES else _units(*searches),
    )


def _units(counted: object, tools: object, details: object) -> Mapping[Unit, int]:
    """Searches, under whichever name: none of them is OpenAI's own."""
    searches = first(count(details, "web_search_requests"), count(tools, "web_search_requests"), whole(counted))
    return _NO_UNITS if searches is None else {"web_search": searches}
