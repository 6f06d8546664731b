"""A local server that answers as OpenAI, Anthropic and Gemini do, so that their real SDKs run without a key.

It keeps the state that a provider keeps: prompts that it has seen, hence what the next call reads from a cache.
Everything else follows from the request alone, so the same calls in the same order always report the same tokens.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, Self, cast

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from spancost.demo.payloads import (
    REASONING_TOKENS,
    AnthropicAnswer,
    GeminiAnswer,
    Json,
    OpenAIAnswer,
    limit,
    sse,
    words,
)

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.requests import Request

CONTEXT_WINDOW: Final = 8_192
"""Tokens of input that the demo's models accept; a longer prompt is refused as OpenAI refuses it."""

PORT: Final = 8089
"""Where `python -m spancost.demo.provider` answers."""

_CACHE_MINIMUM: Final = 1_024
"""OpenAI caches a prefix from this length on, in whole blocks of `_CACHE_BLOCK`."""
_CACHE_BLOCK: Final = 128
_STOP_SECONDS: Final = 5.0
_EVENT_STREAM: Final = "text/event-stream"


class Provider:
    """The server, on loopback and a free port unless told otherwise; a context manager that starts and stops it."""

    def __init__(self, port: int = 0) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._answered = 0
        self._socket = socket.create_server(("127.0.0.1", port))
        app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat_completions, methods=["POST"]),
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/{version}/models/{call}", self._generate_content, methods=["POST"]),
            ]
        )
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="demo-provider", daemon=True
        )

    @property
    def url(self) -> str:
        """The origin of all three APIs; the OpenAI SDK's base URL is this plus `/v1`."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def answered(self) -> int:
        """Calls taken so far, refused ones included: what a complete ledger must hold."""
        return self._answered

    def run(self) -> None:
        """Answer until the process is told to stop."""
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        # The socket listens already, so a client that connects before the thread is up only waits.
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        self._socket.close()

    async def _chat_completions(self, request: Request) -> Response:
        body = cast("Json", await request.json())
        self._answered += 1
        messages = cast("list[Json]", body.get("messages", []))
        prompt = words(messages)
        if prompt > CONTEXT_WINDOW:
            return _too_long(prompt)
        model = str(body.get("model"))
        system = next((message.get("content") for message in messages if message.get("role") == "system"), "")
        cacheable = words(system) // _CACHE_BLOCK * _CACHE_BLOCK
        cached = cacheable if cacheable >= _CACHE_MINIMUM and self._seen_before(model, repr(system)) else 0
        completion = limit(body, "max_completion_tokens", "max_tokens")
        completion_answer = OpenAIAnswer(
            id=f"chatcmpl-{secrets.token_hex(12)}",
            created=int(time.time()),
            model=model,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            reasoning_tokens=min(completion, REASONING_TOKENS.get(str(body.get("reasoning_effort")), 0)),
        )
        if not body.get("stream"):
            return JSONResponse(completion_answer.plain())
        options = cast("Json", body.get("stream_options") or {})
        include_usage = options.get("include_usage") is True
        return StreamingResponse(sse(completion_answer.events(include_usage=include_usage)), media_type=_EVENT_STREAM)

    async def _messages(self, request: Request) -> Response:
        body = cast("Json", await request.json())
        self._answered += 1
        model = str(body.get("model"))
        system = body.get("system", "")
        prefix, lifetime = _cache_breakpoint(system)
        hit = prefix > 0 and self._seen_before(model, repr(system))
        message = AnthropicAnswer(
            id=f"msg_{secrets.token_hex(12)}",
            model=model,
            input_tokens=words(system) + words(body.get("messages")) - prefix,
            cache_read_tokens=prefix if hit else 0,
            cache_write_tokens={} if hit or prefix == 0 else {lifetime: prefix},
            output_tokens=limit(body, "max_tokens"),
        )
        if body.get("stream"):
            return StreamingResponse(sse(message.events()), media_type=_EVENT_STREAM)
        return JSONResponse(message.plain())

    async def _generate_content(self, request: Request) -> Response:
        model, _, method = str(request.path_params["call"]).partition(":")
        body = cast("Json", await request.json())
        self._answered += 1
        generation = cast("Json", body.get("generationConfig") or {})
        thinking = cast("Json", generation.get("thinkingConfig") or {})
        spoken = limit(generation, "maxOutputTokens")
        thought = min(spoken, cast("int", thinking.get("thinkingBudget", 0)))
        response = GeminiAnswer(
            id=secrets.token_urlsafe(12),
            model=model,
            prompt_tokens=words(body.get("contents")) + words(body.get("systemInstruction")),
            candidate_tokens=spoken - thought,
            thought_tokens=thought,
        )
        if method == "streamGenerateContent":
            return StreamingResponse(sse(response.events()), media_type=_EVENT_STREAM)
        return JSONResponse(response.plain())

    def _seen_before(self, model: str, prefix: str) -> bool:
        """Whether this prefix was sent to this model before; remembers it for the next call."""
        with self._lock:
            hit = (model, prefix) in self._seen
            self._seen.add((model, prefix))
        return hit


def _cache_breakpoint(system: object) -> tuple[int, Literal["5m", "1h"]]:
    """Words up to and including the last system block marked for caching, and for how long."""
    if not isinstance(system, list):
        return 0, "5m"
    blocks = cast("list[Json]", system)
    marked = [number for number, block in enumerate(blocks, start=1) if block.get("cache_control")]
    if not marked:
        return 0, "5m"
    control = cast("Json", blocks[marked[-1] - 1]["cache_control"])
    return words(blocks[: marked[-1]]), "1h" if control.get("ttl") == "1h" else "5m"


def _too_long(tokens: int) -> JSONResponse:
    error = {
        "message": f"This model's context window is {CONTEXT_WINDOW} tokens; the messages have {tokens}.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
    return JSONResponse({"error": error}, status_code=400)


def main() -> None:
    """Run the server until the process is told to stop.

    Raises:
        SystemExit: the arguments are wrong, or the port is taken.
    """
    parser = argparse.ArgumentParser(
        prog="python -m spancost.demo.provider",
        description="Answer as OpenAI, Anthropic and Gemini do, on loopback, without a key and without a bill.",
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help="where to answer; 0 takes a free one (default: %(default)s)"
    )
    port = cast("int", parser.parse_args().port)
    try:
        provider = Provider(port)
    except (OSError, OverflowError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        parser.error(f"argument --port: cannot listen on 127.0.0.1:{port}: {said}")
    print(f"answering on {provider.url}", flush=True)
    with suppress(KeyboardInterrupt):
        provider.run()


if __name__ == "__main__":
    main()
