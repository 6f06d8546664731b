"""What the three providers' answers look like on the wire, and how many tokens they say were used.

Pure functions from a request body to a response body. The demo's tokeniser is one token per word, so that every
figure in its report can be checked by counting: input is the words of the prompt, output is as many words as the
request allows, and each provider's own rules decide which of them were cached or only thought.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, object]
"""A JSON object that we build or that a client sent."""

REASONING_TOKENS: Final = {"minimal": 0, "low": 64, "medium": 192, "high": 512}
"""How long the demo's OpenAI models think, by the request's `reasoning_effort`."""

_DEFAULT_LIMIT: Final = 64
_WORDS_PER_CHUNK: Final = 16
_ANSWER: Final = ("The", "blue", "kettle", "boils", "fast,", "pours", "well", "and", "fits", "a", "small", "kitchen.")
_TEXT_KEYS: Final = ("text", "content", "parts")


def words(value: object) -> int:
    """Words of text in a message, a list of messages or a content block, in any of the three wire shapes."""
    match value:
        case str():
            return len(value.split())
        case list():
            return sum(words(item) for item in cast("list[object]", value))
        case dict():
            body = cast("Json", value)
            return sum(words(body.get(key)) for key in _TEXT_KEYS)
        case _:
            return 0


def answer(tokens: int) -> list[str]:
    """An answer of exactly that many words, cut into the pieces that a stream sends."""
    text = list(islice(cycle(_ANSWER), tokens))
    pieces = [text[i : i + _WORDS_PER_CHUNK] for i in range(0, len(text), _WORDS_PER_CHUNK)]
    return [" ".join(piece) + " " for piece in pieces]


def limit(body: Json, *keys: str) -> int:
    """The output limit of a request: the demo's models always talk until they reach it."""
    found = next((body[key] for key in keys if isinstance(body.get(key), int)), _DEFAULT_LIMIT)
    return cast("int", found)


def sse(events: Iterator[tuple[str | None, Json | str]]) -> Iterator[str]:
    """Server-sent events as text, one string per event."""
    for name, data in events:
        text = data if isinstance(data, str) else json.dumps(data)
        yield (f"event: {name}\n" if name else "") + f"data: {text}\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIAnswer:
    """A chat completion."""

    id: str
    created: int
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int

    @property
    def usage(self) -> Json:
        """OpenAI's usage object: both totals include their details."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens, "audio_tokens": 0},
        }

    @property
    def _pieces(self) -> list[str]:
        return answer(self.completion_tokens - self.reasoning_tokens)

    def plain(self) -> Json:
        """The whole answer in one body."""
        message: Json = {"role": "assistant", "content": "".join(self._pieces), "refusal": None}
        choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": "length"}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage}

    def events(self, *, include_usage: bool) -> Iterator[tuple[None, Json | str]]:
        """The answer as a stream; as with OpenAI, usage comes only when it was asked for."""
        head = self._head("chat.completion.chunk")
        deltas: list[tuple[Json, str | None]] = [({"role": "assistant", "content": ""}, None)]
        deltas.extend(({"content": piece}, None) for piece in self._pieces)
        deltas.append(({}, "length"))
        absent: Json = {"usage": None} if include_usage else {}
        for delta, finish in deltas:
            choice: Json = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            yield None, {**head, "choices": [choice], **absent}
        if include_usage:
            yield None, {**head, "choices": [], "usage": self.usage}
        yield None, "[DONE]"

    def _head(self, kind: str) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_demo",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicAnswer:
    """A message."""

    id: str
    model: str
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: Mapping[Literal["5m", "1h"], int]
    output_tokens: int

    def _usage(self, output_tokens: int) -> Json:
        """Anthropic's usage object: `input_tokens` is only what was neither read from nor written to the cache."""
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": sum(self.cache_write_tokens.values()),
            "cache_read_input_tokens": self.cache_read_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.cache_write_tokens.get("5m", 0),
                "ephemeral_1h_input_tokens": self.cache_write_tokens.get("1h", 0),
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }

    def plain(self) -> Json:
        """The whole message in one body."""
        block: Json = {"type": "text", "text": "".join(answer(self.output_tokens))}
        return self._message([block], "max_tokens", self.output_tokens)

    def events(self) -> Iterator[tuple[str, Json]]:
        """The message as named events; `message_delta` carries the final, cumulative usage."""
        yield "message_start", {"type": "message_start", "message": self._message([], None, 1)}
        start: Json = {"type": "text", "text": ""}
        yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": start}
        yield "ping", {"type": "ping"}
        for piece in answer(self.output_tokens):
            delta: Json = {"type": "text_delta", "text": piece}
            yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": 0}
        cumulative: Json = {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": sum(self.cache_write_tokens.values()),
            "cache_read_input_tokens": self.cache_read_tokens,
            "output_tokens": self.output_tokens,
        }
        stop: Json = {"stop_reason": "max_tokens", "stop_sequence": None}
        yield "message_delta", {"type": "message_delta", "delta": stop, "usage": cumulative}
        yield "message_stop", {"type": "message_stop"}

    def _message(self, content: list[Json], stop_reason: str | None, output_tokens: int) -> Json:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": self._usage(output_tokens),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiAnswer:
    """A `generateContent` response."""

    id: str
    model: str
    prompt_tokens: int
    candidate_tokens: int
    thought_tokens: int

    def plain(self) -> Json:
        """The whole response in one body."""
        return self._response("".join(answer(self.candidate_tokens)), "MAX_TOKENS", self.candidate_tokens)

    def events(self) -> Iterator[tuple[None, Json]]:
        """The response as a stream; every chunk repeats the usage so far."""
        pieces = answer(self.candidate_tokens)
        so_far = 0
        for number, piece in enumerate(pieces, start=1):
            so_far += words(piece)
            yield None, self._response(piece, "MAX_TOKENS" if number == len(pieces) else None, so_far)

    def _response(self, text: str, finish: str | None, candidate_tokens: int) -> Json:
        content: Json = {"parts": [{"text": text}], "role": "model"}
        candidate: Json = {"content": content, "index": 0}
        if finish is not None:
            candidate["finishReason"] = finish
        usage: Json = {
            "promptTokenCount": self.prompt_tokens,
            "candidatesTokenCount": candidate_tokens,
            "totalTokenCount": self.prompt_tokens + candidate_tokens + self.thought_tokens,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self.prompt_tokens}],
        }
        if self.thought_tokens:
            usage["thoughtsTokenCount"] = self.thought_tokens
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": self.model,
            "responseId": self.id,
        }
