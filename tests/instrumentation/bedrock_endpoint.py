"""A Bedrock on loopback: answers the real AWS clients with small answers of the right shape and framing."""

from __future__ import annotations

import base64
import json
import struct
import threading
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

REQUEST_ID: Final = "req-1"
CONVERSE_USAGE: Final[dict[str, Any]] = {
    "inputTokens": 10,
    "outputTokens": 25,
    "totalTokens": 265,
    "cacheReadInputTokens": 200,
    "cacheWriteInputTokens": 30,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 20}, {"ttl": "1h", "inputTokens": 10}],
}
SERVED: Final[dict[str, Any]] = {"serviceTier": {"type": "priority"}, "performanceConfig": {"latency": "optimized"}}
CONVERSED: Final[dict[str, Any]] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello there"}]}},
    "stopReason": "end_turn",
    "usage": CONVERSE_USAGE,
    "metrics": {"latencyMs": 12},
    **SERVED,
}
CONVERSE_EVENTS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello "}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "there"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": CONVERSE_USAGE, "metrics": {"latencyMs": 12}, **SERVED}),
]

_MESSAGE_USAGE: Final[dict[str, Any]] = {
    "input_tokens": 10,
    "output_tokens": 25,
    "cache_read_input_tokens": 200,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
}
_MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_bdrk_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5",
}
MESSAGE: Final[dict[str, Any]] = {
    **_MESSAGE,
    "content": [{"type": "text", "text": "Hello there"}],
    "stop_reason": "end_turn",
    "usage": _MESSAGE_USAGE,
}
MESSAGE_CHUNKS: Final[list[dict[str, Any]]] = [
    {
        "type": "message_start",
        "message": {**_MESSAGE, "content": [], "stop_reason": None, "usage": {**_MESSAGE_USAGE, "output_tokens": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello there"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 25}},
    {
        "type": "message_stop",
        # Without the part of the answer that called a tool: the message's own figure is the whole.
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 10, "outputTokenCount": 17},
    },
]
SERVED_HEADERS: Final = {
    "X-Amzn-Bedrock-Service-Tier": "priority",
    "X-Amzn-Bedrock-PerformanceConfig-Latency": "optimized",
}


def frame(payload: bytes, **headers: str) -> bytes:
    """A message of `application/vnd.amazon.eventstream`; `_` in a header's name stands for `-`."""
    fields = b""
    for name, value in headers.items():
        key = f":{name}".replace("_", "-").encode()
        fields += struct.pack("!B", len(key)) + key + struct.pack("!BH", 7, len(value)) + value.encode()
    prelude = struct.pack("!II", 12 + len(fields) + len(payload) + 4, len(fields))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + fields + payload
    return message + struct.pack("!I", zlib.crc32(message))


def event(kind: str, payload: object) -> bytes:
    """An event, framed."""
    body = json.dumps(payload).encode()
    return frame(body, message_type="event", event_type=kind, content_type="application/json")


def chunk(payload: object) -> bytes:
    """An event of a streamed InvokeModel, framed: JSON in base64 in JSON."""
    return event("chunk", {"bytes": base64.b64encode(json.dumps(payload).encode()).decode()})


def failure(kind: str, message: str) -> bytes:
    """An error in the middle of a stream, framed."""
    body = json.dumps({"message": message}).encode()
    return frame(body, message_type="exception", exception_type=kind, content_type="application/json")


@dataclass
class Endpoint:
    """Answers requests, remembers them, and misbehaves on demand."""

    url: str = ""
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(
        default_factory=list[tuple[str, "Mapping[str, str]", bytes]]
    )
    """Path, headers and body."""
    failures: list[int] = field(default_factory=list[int])
    """Status codes of the next answers; after them, success."""
    stalls: bool = False
    """Streams stop after their first event and stay open."""
    answer: bytes | Mapping[str, Any] | None = None
    """What to answer instead of the usual."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """What to send as headers of the answer to InvokeModel."""
    events: list[bytes] | None = None
    """What to stream instead of the usual."""
    released: threading.Event = field(default_factory=threading.Event)
    """Lets stalled streams go."""


@contextmanager
def serving() -> Generator[Endpoint]:
    """An endpoint on a port of its own."""
    endpoint = Endpoint()

    class Handler(_Handler):
        pass

    Handler.endpoint = endpoint
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    endpoint: Endpoint

    def do_POST(self) -> None:
        endpoint = self.endpoint
        body = self.rfile.read(int(self.headers["content-length"]))
        endpoint.requests.append((self.path, dict(self.headers), body))
        if endpoint.failures:
            self._send(endpoint.failures.pop(0), {"message": "no"}, {"x-amzn-ErrorType": "ValidationException"})
            return
        match self.path.rpartition("/")[2]:
            case "converse":
                self._send(200, CONVERSED)
            case "invoke":
                self._send(200, MESSAGE, {**SERVED_HEADERS, **endpoint.headers})
            case "converse-stream":
                self._stream([event(kind, payload) for kind, payload in CONVERSE_EVENTS])
            case "invoke-with-response-stream":
                self._stream([chunk(payload) for payload in MESSAGE_CHUNKS], SERVED_HEADERS)
            case other:
                self._send(200 if endpoint.answer is not None else 404, {"message": other})

    def _send(self, status: int, usual: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        answer = usual if self.endpoint.answer is None or status >= 400 else self.endpoint.answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self._begin(status, "application/json", headers or {})
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, usual: list[bytes], headers: Mapping[str, str] | None = None) -> None:
        self._begin(200, "application/vnd.amazon.eventstream", headers or {})
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for position, message in enumerate(usual if self.endpoint.events is None else self.endpoint.events):
                if self.endpoint.stalls and position == 1:
                    self.endpoint.released.wait(30)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(message), message))
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _begin(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("x-amzn-RequestId", REQUEST_ID)
        for name, value in headers.items():
            self.send_header(name, value)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
