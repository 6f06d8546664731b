"""What instrumentation adds to a call and to a chunk, beside a span written by hand with the same attributes.

One process, no network: the real SDKs talk to a transport that answers from memory. Contenders take turns in short
rounds and are compared with the bare SDK of the same round; what each captured is checked before anything is timed.
Other instrumentations are measured where they are installed. An argument keeps the scenarios that contain it.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import statistics
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import anthropic
import httpx2
import openai
from google import genai
from google.genai import types
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

import spancost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from opentelemetry.trace import Span

ROUNDS: Final = 25
PLAIN_CALLS: Final = 16
SHORT_CALLS: Final = 6
LONG_CALLS: Final = 2
SHORT: Final = 10
LONG: Final = 210
"""Text chunks of a short and of a long stream: the difference is what a chunk costs."""

WHO: Final = {"feature": "search", "user": "u42"}
PAYS: Final = {"spancost.feature": "search", "user.id": "u42"}
MESSAGES: Final[Any] = [{"role": "user", "content": "What does a call cost?"}]


# What the provider answers.

CHAT: Final[dict[str, Any]] = {
    "id": "chatcmpl-1",
    "model": "gpt-5-2025-08-07",
    "created": 1_760_000_000,
    "service_tier": "default",
}
CHAT_USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 8},
}
MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-20260301",
}
MESSAGE_USAGE: Final[dict[str, Any]] = {
    "input_tokens": 10,
    "output_tokens": 25,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 200,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    "service_tier": "standard",
}
CONTENT: Final[dict[str, Any]] = {"modelVersion": "gemini-2.5-flash", "responseId": "resp-1"}
CONTENT_USAGE: Final[dict[str, Any]] = {"promptTokenCount": 50, "candidatesTokenCount": 12, "thoughtsTokenCount": 5}


def chat(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "finish_reason": "stop", "message": message}]
    return {**CHAT, "object": "chat.completion", "choices": choices, "usage": CHAT_USAGE}


def chat_chunks(texts: list[str], *, usage: bool) -> list[dict[str, Any]]:
    base = {**CHAT, "object": "chat.completion.chunk"}
    found: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts
    ]
    found.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [*found, {**base, "choices": [], "usage": CHAT_USAGE}] if usage else found


def message(text: str) -> dict[str, Any]:
    return {**MESSAGE, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": MESSAGE_USAGE}


def message_events(texts: list[str]) -> list[dict[str, Any]]:
    begun: dict[str, Any] = {
        **MESSAGE,
        "content": [],
        "stop_reason": None,
        "usage": {**MESSAGE_USAGE, "output_tokens": 1},
    }
    return [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 25}},
        {"type": "message_stop"},
    ]


def content(text: str, *, done: bool = True) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if done:
        candidate["finishReason"] = "STOP"
    return {**CONTENT, "candidates": [candidate], "usageMetadata": CONTENT_USAGE}


def events(found: list[dict[str, Any]]) -> bytes:
    names = (f"event: {event['type']}\n" if "type" in event else "" for event in found)
    return "".join(f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(names, found, strict=True)).encode()


@dataclass
class Provider:
    """Answers at once with bytes made beforehand; knows how long its streams are."""

    chunks: int = SHORT
    bodies: dict[tuple[str, int, bool], bytes] = field(default_factory=dict[tuple[str, int, bool], bytes])

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path, asked = request.url.path, request.content
        streamed = b'"stream":true' in asked or ":stream" in path
        usage = b"include_usage" in asked
        key = (path, self.chunks if streamed else 0, usage)
        if key not in self.bodies:
            self.bodies[key] = self._body(*key)
        kind = "text/event-stream" if streamed else "application/json"
        return httpx2.Response(200, headers={"content-type": kind}, content=self.bodies[key])

    @staticmethod
    def _body(path: str, chunks: int, usage: bool) -> bytes:
        texts = ["some text "] * chunks
        if path.endswith("/chat/completions"):
            return events(chat_chunks(texts, usage=usage)) if chunks else json.dumps(chat("some text")).encode()
        if path.endswith("/v1/messages"):
            return events(message_events(texts)) if chunks else json.dumps(message("some text")).encode()
        parts = [content(text, done=False) for text in texts]
        return events([*parts, content("")]) if chunks else json.dumps(content("some text")).encode()


# A span written by hand: the least code that captures the same.


class ByHand:
    """Reads one SDK's answers for a span written by hand."""

    name: str
    start: ClassVar[dict[str, Any]]

    def read(self, answer: Any) -> dict[str, Any]:
        raise NotImplementedError

    def note(self, chunk: Any) -> bool:
        """Takes in a chunk; False when it is there only because we asked for usage."""
        raise NotImplementedError

    def noted(self) -> dict[str, Any]:
        raise NotImplementedError


class ChatByHand(ByHand):
    name = "chat gpt-5"
    start: ClassVar[dict[str, Any]] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "server.address": "api.openai.com",
        **PAYS,
    }

    def __init__(self) -> None:
        self.last: Any = None
        self.reason: str | None = None

    def read(self, answer: Any) -> dict[str, Any]:
        return self._attributes(answer, answer.choices[0].finish_reason)

    def note(self, chunk: Any) -> bool:
        if not chunk.choices:
            self.last = chunk
            return False
        if chunk.choices[0].finish_reason is not None:
            self.reason = chunk.choices[0].finish_reason
        return True

    def noted(self) -> dict[str, Any]:
        return self._attributes(self.last, self.reason)

    @staticmethod
    def _attributes(answer: Any, reason: str | None) -> dict[str, Any]:
        usage = answer.usage
        return {
            "openai.api.type": "chat_completions",
            "openai.response.service_tier": answer.service_tier,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.id": answer.id,
            "gen_ai.response.finish_reasons": (reason,),
            "spancost.service_tier": answer.service_tier,
            "spancost.retries": 0,
            "gen_ai.usage.input_tokens": usage.prompt_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.prompt_tokens_details.cached_tokens,
            "gen_ai.usage.audio.input_tokens": usage.prompt_tokens_details.audio_tokens,
            "gen_ai.usage.output_tokens": usage.completion_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage.completion_tokens_details.reasoning_tokens,
        }


class MessageByHand(ByHand):
    name = "chat claude-sonnet-5"
    start: ClassVar[dict[str, Any]] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-5",
        "server.address": "api.anthropic.com",
        **PAYS,
    }

    def __init__(self) -> None:
        self.message: Any = None
        self.reason: str | None = None
        self.output = 0

    def read(self, answer: Any) -> dict[str, Any]:
        return self._attributes(answer, answer.stop_reason, answer.usage.output_tokens)

    def note(self, chunk: Any) -> bool:
        if chunk.type == "message_start":
            self.message = chunk.message
        elif chunk.type == "message_delta":
            self.reason, self.output = chunk.delta.stop_reason, chunk.usage.output_tokens
        return True

    def noted(self) -> dict[str, Any]:
        return self._attributes(self.message, self.reason, self.output)

    @staticmethod
    def _attributes(answer: Any, reason: str | None, output: int) -> dict[str, Any]:
        usage = answer.usage
        return {
            "anthropic.response.service_tier": usage.service_tier,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.id": answer.id,
            "gen_ai.response.finish_reasons": (reason,),
            "spancost.service_tier": usage.service_tier,
            "spancost.retries": 0,
            "gen_ai.usage.input_tokens": usage.input_tokens
            + usage.cache_read_input_tokens
            + usage.cache_creation_input_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cache_read_input_tokens,
            "gen_ai.usage.cache_write.input_tokens": usage.cache_creation_input_tokens,
            "spancost.usage.cache_write_1h.input_tokens": usage.cache_creation.ephemeral_1h_input_tokens,
            "gen_ai.usage.output_tokens": output,
        }


class ContentByHand(ByHand):
    name = "generate_content gemini-2.5-flash"
    start: ClassVar[dict[str, Any]] = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-flash",
        "server.address": "generativelanguage.googleapis.com",
        **PAYS,
    }

    def __init__(self) -> None:
        self.last: Any = None

    def read(self, answer: Any) -> dict[str, Any]:
        usage = answer.usage_metadata
        return {
            "gen_ai.response.model": answer.model_version,
            "gen_ai.response.id": answer.response_id,
            "gen_ai.response.finish_reasons": (answer.candidates[0].finish_reason.name,),
            "spancost.retries": 0,
            "gen_ai.usage.input_tokens": usage.prompt_token_count,
            "gen_ai.usage.output_tokens": usage.candidates_token_count + usage.thoughts_token_count,
            "gen_ai.usage.reasoning.output_tokens": usage.thoughts_token_count,
        }

    def note(self, chunk: Any) -> bool:
        self.last = chunk
        return True

    def noted(self) -> dict[str, Any]:
        return self.read(self.last)


# The SDKs.


@dataclass(frozen=True)
class Sdk:
    """A client and its two kinds of calls; of an async client, coroutines."""

    name: str
    is_async: bool
    plain: Callable[[], Any]
    stream: Callable[[], Any]
    stream_with_usage: Callable[[], Any]
    """What has to be written by hand to get the usage of a stream."""
    by_hand: type[ByHand]


def sdks(provider: Provider) -> Iterator[Sdk]:
    transport = httpx2.MockTransport(provider)
    for is_async in (False, True):
        http: Any = (httpx2.AsyncClient if is_async else httpx2.Client)(transport=transport)
        chats: Any = (openai.AsyncOpenAI if is_async else openai.OpenAI)(api_key="key", http_client=http)
        claude: Any = (anthropic.AsyncAnthropic if is_async else anthropic.Anthropic)(api_key="key", http_client=http)
        clients: Any = {"httpx_async_client" if is_async else "httpx_client": http}
        gemini: Any = genai.Client(api_key="key", http_options=types.HttpOptions(**clients))
        yield openai_sdk(chats, is_async)
        yield anthropic_sdk(claude, is_async)
        yield google_sdk(gemini.aio.models if is_async else gemini.models, is_async)


def openai_sdk(client: Any, is_async: bool) -> Sdk:
    def create(**more: Any) -> Any:
        return client.chat.completions.create(model="gpt-5", messages=MESSAGES, **more)

    def with_usage() -> Any:
        return create(stream=True, stream_options={"include_usage": True})

    return Sdk("openai chat", is_async, create, lambda: create(stream=True), with_usage, ChatByHand)


def anthropic_sdk(client: Any, is_async: bool) -> Sdk:
    def create(**more: Any) -> Any:
        return client.messages.create(model="claude-sonnet-5", max_tokens=64, messages=MESSAGES, **more)

    def stream() -> Any:
        return create(stream=True)

    return Sdk("anthropic messages", is_async, create, stream, stream, MessageByHand)


def google_sdk(models: Any, is_async: bool) -> Sdk:
    def plain() -> Any:
        return models.generate_content(model="gemini-2.5-flash", contents="What does a call cost?")

    def stream() -> Any:
        return models.generate_content_stream(model="gemini-2.5-flash", contents="What does a call cost?")

    return Sdk("google generate_content", is_async, plain, stream, stream, ContentByHand)


# The contenders.


class Contender:
    """A way of making calls: bare, by hand, or under an instrumentation that is switched on for its turns."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def on(self) -> None:
        """Begins a turn."""

    def off(self) -> None:
        """Ends it."""

    def scope(self) -> Any:
        """What surrounds the calls of a turn."""
        return nullcontext()

    def plain(self, sdk: Sdk) -> Callable[[], Any]:
        return sdk.plain

    def stream(self, sdk: Sdk) -> Callable[[], Any]:
        """Makes a stream; of an async client, one that is iterated asynchronously."""
        return (lambda: awaited_stream(sdk.stream)) if sdk.is_async else sdk.stream


async def awaited_stream(stream: Callable[[], Awaitable[Any]]) -> AsyncIterator[Any]:
    async for chunk in await stream():
        yield chunk


class Hand(Contender):
    """A span around each call, written where the call is made."""

    def __init__(self) -> None:
        super().__init__("by hand")
        self.tracer = self.provider.get_tracer("by hand")

    def plain(self, sdk: Sdk) -> Callable[[], Any]:
        tracer, kind, name, start = self.tracer, SpanKind.CLIENT, sdk.by_hand.name, sdk.by_hand.start

        def call() -> Any:
            with tracer.start_as_current_span(name, kind=kind, attributes=start) as span:
                answer = sdk.plain()
                span.set_attributes(sdk.by_hand().read(answer))
                return answer

        async def call_async() -> Any:
            with tracer.start_as_current_span(name, kind=kind, attributes=start) as span:
                answer = await sdk.plain()
                span.set_attributes(sdk.by_hand().read(answer))
                return answer

        return call_async if sdk.is_async else call

    def stream(self, sdk: Sdk) -> Callable[[], Any]:
        def begin() -> tuple[Span, ByHand, float]:
            attributes = {**sdk.by_hand.start, "gen_ai.request.stream": True}
            span = self.tracer.start_span(sdk.by_hand.name, kind=SpanKind.CLIENT, attributes=attributes)
            return span, sdk.by_hand(), time.perf_counter()

        def finish(span: Span, reading: ByHand, first: float | None) -> None:
            span.set_attributes({**reading.noted(), "gen_ai.response.time_to_first_chunk": first or 0.0})
            span.end()

        def call() -> Iterator[Any]:
            span, reading, started = begin()
            first: float | None = None
            for chunk in sdk.stream_with_usage():
                if first is None:
                    first = time.perf_counter() - started
                if reading.note(chunk):
                    yield chunk
            finish(span, reading, first)

        async def call_async() -> AsyncIterator[Any]:
            span, reading, started = begin()
            first: float | None = None
            async for chunk in await sdk.stream_with_usage():
                if first is None:
                    first = time.perf_counter() - started
                if reading.note(chunk):
                    yield chunk
            finish(span, reading, first)

        return call_async if sdk.is_async else call


class Spancost(Contender):
    """This package, in the scope of a feature and a user."""

    def __init__(self) -> None:
        super().__init__("spancost")

    def on(self) -> None:
        spancost.instrument(tracer_provider=self.provider)

    def off(self) -> None:
        spancost.uninstrument()

    def scope(self) -> Any:
        return spancost.attribution(**WHO)


class Peer(Contender):
    """Another instrumentation, as it is by default but without the texts of calls."""

    def __init__(self, name: str, instrumentor: Any) -> None:
        super().__init__(name)
        self.instrumentor = instrumentor

    def on(self) -> None:
        self.instrumentor.instrument(skip_dep_check=True, tracer_provider=self.provider)

    def off(self) -> None:
        self.instrumentor.uninstrument()


PEERS: Final = {
    "openai": {
        "genai-openai": "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
        "openinference": "openinference.instrumentation.openai:OpenAIInstrumentor",
        "openllmetry": "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
    },
    "anthropic": {
        "genai-anthropic": "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
        "openinference": "openinference.instrumentation.anthropic:AnthropicInstrumentor",
        "openllmetry": "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
    },
    "google": {
        "opentelemetry": "opentelemetry.instrumentation.google_genai:GoogleGenAiSdkInstrumentor",
        "openinference": "openinference.instrumentation.google_genai:GoogleGenAIInstrumentor",
    },
}


def peers(sdk: str) -> list[Peer]:
    """Those that are installed; says which are not."""
    found: list[Peer] = []
    for name, path in PEERS[sdk].items():
        module, _, kind = path.partition(":")
        try:
            found.append(Peer(name, getattr(importlib.import_module(module), kind)()))
        except ImportError:
            print(f"({name} for {sdk} is not installed: skipped)")
    return found


# Running and measuring.


@dataclass(frozen=True)
class Scenario:
    """What is measured: an SDK's plain or streamed calls."""

    sdk: Sdk
    streamed: bool

    @property
    def name(self) -> str:
        kind = "stream" if self.streamed else "plain"
        return f"{self.sdk.name}, {kind}, {'async' if self.sdk.is_async else 'sync'}"

    def run(self, contender: Contender, calls: int) -> int:
        """Makes the calls; returns how many answers or chunks the app got."""
        make = contender.stream(self.sdk) if self.streamed else contender.plain(self.sdk)
        if self.sdk.is_async:
            return LOOP.run_until_complete(self._await(make, calls))
        got = 0
        for _ in range(calls):
            if self.streamed:
                for _ in make():
                    got += 1
            else:
                make()
                got += 1
        return got

    async def _await(self, make: Callable[[], Any], calls: int) -> int:
        got = 0
        for _ in range(calls):
            if self.streamed:
                async for _ in make():
                    got += 1
            else:
                await make()
                got += 1
        return got


LOOP: Final = asyncio.new_event_loop()


def turn(scenario: Scenario, contender: Contender, calls: int) -> float:
    """Processor time of a call in µs, with the contender switched on just for that."""
    contender.on()
    try:
        with contender.scope():
            scenario.run(contender, 1)
            began = time.process_time()
            scenario.run(contender, calls)
            return (time.process_time() - began) / calls * 1e6
    finally:
        contender.off()
        contender.exporter.clear()


def captured(scenario: Scenario, contender: Contender) -> dict[str, Any]:
    """The attributes of the one span of a call; empty when there is not exactly one."""
    contender.on()
    try:
        with contender.scope():
            scenario.run(contender, 1)
        spans = contender.exporter.get_finished_spans()
    finally:
        contender.off()
        contender.exporter.clear()
    return dict(spans[0].attributes or {}) if len(spans) == 1 else {}


def check(scenario: Scenario, bare: Contender, hand: Contender, ours: Contender) -> None:
    """The app gets the same from all three; ours has every attribute that was written by hand, with its value."""
    got = [scenario.run(contender, 2) for contender in (bare, hand)]
    ours.on()
    got.append(scenario.run(ours, 2))
    ours.off()
    for contender in (bare, hand, ours):
        contender.exporter.clear()
    assert got[0] == got[1] == got[2], (scenario.name, got)
    assert captured(scenario, bare) == {}
    written, seen = captured(scenario, hand), captured(scenario, ours)
    if scenario.streamed:
        assert written.pop("gen_ai.response.time_to_first_chunk") > 0
        assert seen.pop("gen_ai.response.time_to_first_chunk") > 0
    assert written == seen, (scenario.name, set(written.items()) ^ set(seen.items()))


def rounds(
    scenario: Scenario, provider: Provider, contenders: list[Contender], calls: int, chunks: int
) -> list[list[float]]:
    """For each contender, the µs of a call in each round; the order changes from round to round."""
    provider.chunks = chunks
    found: list[list[float]] = [[] for _ in contenders]
    for number in range(ROUNDS):
        gc.collect()
        for step in range(len(contenders)):
            index = (number + step) % len(contenders)
            found[index].append(turn(scenario, contenders[index], calls))
    return found


def over(times: list[float], bare: list[float]) -> float:
    """How much more than the bare SDK: the median of the differences within a round."""
    return statistics.median(ours - theirs for ours, theirs in zip(times, bare, strict=True))


def report(scenario: Scenario, provider: Provider, contenders: list[Contender]) -> None:
    short = rounds(scenario, provider, contenders, SHORT_CALLS if scenario.streamed else PLAIN_CALLS, SHORT)
    long = rounds(scenario, provider, contenders, LONG_CALLS, LONG) if scenario.streamed else []
    provider.chunks = SHORT
    print(f"\n{scenario.name}: the bare call takes {statistics.median(short[0]):.0f} us")
    by_hand = over(short[1], short[0])
    for index, contender in enumerate(contenders[1:], start=1):
        added = over(short[index], short[0])
        line = f"  {contender.name:<16} +{added:7.1f} us a call  {added / by_hand:5.2f} x by hand"
        if long:
            slopes = [
                over([long[i][n] - short[i][n] for n in range(ROUNDS)], [0.0] * ROUNDS) / (LONG - SHORT)
                for i in (0, index)
            ]
            line += f"  {slopes[1] - slopes[0]:+6.2f} us a chunk (bare {slopes[0]:.1f})"
        seen = captured(scenario, contender)
        tokens = next((seen[name] for name in INPUT_TOKENS if name in seen), None)
        print(f"{line}  input tokens: {tokens}")


INPUT_TOKENS: Final = ("gen_ai.usage.input_tokens", "llm.token_count.prompt")


def main() -> None:
    asyncio.set_event_loop(LOOP)
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    provider = Provider()
    others = {sdk: peers(sdk) for sdk in PEERS}
    bare, hand, ours = Contender("bare"), Hand(), Spancost()
    print(f"processor time in us over the bare SDK; medians of {ROUNDS} rounds in turns; streams of {SHORT} chunks")
    found = list(sdks(provider))
    for scenario in (Scenario(sdk, streamed) for sdk in found for streamed in (False, True)):
        if wanted in scenario.name:
            check(scenario, bare, hand, ours)
            gc.freeze()
            report(scenario, provider, [bare, hand, ours, *others[scenario.sdk.name.partition(" ")[0]]])
    LOOP.close()


if __name__ == "__main__":
    main()
