"""What the apps have in common that run in an environment of their own, beside packages that the tests do not have.

An app makes one call of each kind to a provider in the same process and prints, as JSON, what each left behind. It
imports nothing but what is installed there and this module, which lies next to it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost
from spancost.instrumentor import SdkInstrumentor

if TYPE_CHECKING:
    from collections.abc import Callable

USAGE: dict[str, Any] = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 8},
}
HEAD: dict[str, Any] = {"id": "chatcmpl-1", "model": "gpt-5-2025-08-07", "created": 1}
MESSAGE: dict[str, Any] = {"role": "assistant", "content": "Hello there"}
PLAIN: dict[str, dict[str, Any]] = {
    "/chat/completions": {
        **HEAD,
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE}],
        "usage": USAGE,
        "service_tier": "default",
    },
    "/messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [{"type": "text", "text": "Hello there"}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 10,
            "output_tokens": 25,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 200,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        },
    },
    "/embeddings": {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 9, "total_tokens": 9},
    },
    "/responses": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-5-2025-08-07",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 50,
            "input_tokens_details": {"cached_tokens": 20},
            "output_tokens": 10,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 60,
        },
    },
    "/rerank": {
        "id": "rerank-1",
        "results": [{"index": 0, "relevance_score": 0.5}],
        "meta": {"billed_units": {"search_units": 2}},
    },
}
AS_JSON: dict[str, Any] = {
    **PLAIN["/chat/completions"],
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {**MESSAGE, "content": '{"greeting": "Hello there"}'}}
    ],
}
CHUNK: dict[str, Any] = {**HEAD, "object": "chat.completion.chunk"}
CHUNKS: list[dict[str, Any]] = [
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello "}}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": "there"}}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]


class Provider(BaseHTTPRequestHandler):
    """Answers as OpenAI, Anthropic and Cohere do; a model named after a status fails with it."""

    numbers = count(1)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        APP.requests.append(self.path)
        identity = {"id": f"call-{next(self.numbers)}"}
        model = str(body.get("model", ""))
        if model.startswith("fails-"):
            self._answer(int(model.removeprefix("fails-")), "application/json", b'{"error": {"message": "no"}}')
        elif body.get("stream"):
            chunks = [*CHUNKS]
            if body.get("stream_options"):
                chunks.append({**CHUNK, "choices": [], "usage": USAGE})
            lines = [f"data: {json.dumps({**chunk, **identity})}\n\n" for chunk in chunks]
            self._answer(200, "text/event-stream", ("".join(lines) + "data: [DONE]\n\n").encode())
        else:
            end = next(end for end in PLAIN if self.path.endswith(end))
            answer = AS_JSON if "response_format" in body else PLAIN[end]
            self._answer(200, "application/json", json.dumps({**answer, **identity}).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: what is printed is the result."""


class App:
    """What happened, by call."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.requests: list[str] = []
        self._instrumented: list[SdkInstrumentor] = []
        self.seen: dict[str, Any] = {}

    def make(self, name: str, call: Callable[[], Any]) -> None:
        """One call of the app; a coroutine is run."""
        self.exporter.clear()
        self.requests.clear()
        error = None
        returned: Any = None
        try:
            with spancost.attribution(feature="search"):
                returned = call()
                if asyncio.iscoroutine(returned):
                    returned = asyncio.run(returned)
        except Exception as raised:
            error = type(raised).__name__
        self.seen[name] = {
            "returned": returned if isinstance(returned, (int, str, bool)) else type(returned).__name__,
            "raised": error,
            "requests": len(self.requests),
            "spans": [
                {"name": span.name, "status": span.status.status_code.name, **dict(span.attributes or {})}
                for span in self.exporter.get_finished_spans()
            ],
        }

    def instrument(self, *sdks: str) -> None:
        """Counts the calls of these SDKs, whether or not the installed version lists them."""
        for sdk in sdks:
            offered = vars(import_module(f"spancost.sdks.{sdk}")).values()
            (instrumentor,) = (
                kind
                for kind in offered
                if isinstance(kind, type) and issubclass(kind, SdkInstrumentor) and kind is not SdkInstrumentor
            )
            instrumentor().instrument(skip_dep_check=True, tracer_provider=self.tracer_provider)
            self._instrumented.append(instrumentor())

    def uninstrument(self) -> None:
        """Counts no more."""
        for instrumentor in self._instrumented:
            instrumentor.uninstrument()

    def serve(self) -> str:
        """Starts the provider; where it is."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    def tell(self) -> None:
        """Prints what happened."""
        json.dump(self.seen, sys.stdout)


APP = App()
