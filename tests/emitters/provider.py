"""OpenAI, Anthropic, Google and Amazon on one loopback port: tells them apart by path, answers what a case says.

It takes as long as a model does, half of it for the start of a stream, the rest spread over what is left: what tells
descriptions of one call from those of another is, among other things, how long the call took.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from . import answers

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

_JSON = "application/json"
_FRAMES = "application/vnd.amazon.eventstream"
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class _Server(ThreadingHTTPServer):
    seconds = 0.0


@contextmanager
def serving(seconds: float) -> Generator[str]:
    """A provider that takes so many seconds for an answer, on a port of its own; where it is."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.seconds = seconds
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", "0")))
        path = unquote(self.path.partition("?")[0])
        # Emitters speak to their makers at this address, too, in other formats.
        body: dict[str, Any] = json.loads(content) if content.startswith(b"{") else {}
        model = str(body.get("model", ""))
        if path.startswith("/model/"):
            self._amazon(path)
        elif path.startswith(("/v1beta/models/", "/v1/models/")):
            self._google(path)
        elif path.endswith("/messages"):
            plain, events = answers.messages(model)
            self._answer(body, plain, answers.server_sent(events, done=False))
        elif path.endswith("/chat/completions"):
            options: Mapping[str, Any] = body.get("stream_options") or {}
            plain, events = answers.chat(model, with_usage=bool(options.get("include_usage")))
            self._answer(body, plain, answers.server_sent(events, done=True))
        elif path.endswith("/embeddings"):
            self._send(answers.embedded(model, packed=body.get("encoding_format") == "base64"))
        elif path.endswith("/responses"):
            plain, events = answers.responses(model)
            self._answer(body, plain, answers.server_sent(events, done=False))
        else:
            error = json.dumps({"error": {"message": f"no such path: {path}"}}).encode()
            self._head(404, _JSON, len(error))
            self.wfile.write(error)

    def _answer(self, body: Mapping[str, Any], plain: Mapping[str, Any], streamed: Sequence[bytes]) -> None:
        if body.get("stream"):
            self._stream("text/event-stream", streamed)
        else:
            self._send(plain)

    def _google(self, path: str) -> None:
        model, _, method = path.rpartition("/")[2].partition(":")
        plain, chunks = answers.generated(model)
        if method.startswith("stream"):
            self._stream("text/event-stream", answers.server_sent(chunks, done=False))
        else:
            self._send(plain)

    def _amazon(self, path: str) -> None:
        _, _, model, method = path.split("/", 3)
        # Amazon's own names of a Claude have a region before and a version behind.
        claude = model.partition("anthropic.")[2].partition("-v1")[0]
        match method:
            case "converse":
                self._send(answers.conversed()[0])
            case "converse-stream":
                self._stream(_FRAMES, answers.conversed()[1])
            case "invoke":
                self._send(answers.invoked(claude)[0], answers.INVOKED_HEADERS)
            case _:
                self._stream(_FRAMES, answers.invoked(claude)[1])

    def _send(self, plain: Mapping[str, Any], headers: Mapping[str, str] = _NO_HEADERS) -> None:
        body = json.dumps(plain).encode()
        self._wait(1.0)
        self._head(200, _JSON, len(body), headers)
        self.wfile.write(body)

    def _stream(self, kind: str, parts: Sequence[bytes]) -> None:
        self._wait(0.5)
        self._head(200, kind, sum(map(len, parts)))
        for part in parts:
            self._wait(0.5 / len(parts))
            self.wfile.write(part)

    def _wait(self, share: float) -> None:
        assert isinstance(self.server, _Server)
        time.sleep(self.server.seconds * share)

    def _head(self, status: int, kind: str, length: int, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        self.send_response(status)
        request = uuid4()
        named = {"x-request-id": f"req_{request.hex}", "request-id": f"req_{request.hex}"}
        for name, value in {**named, "x-amzn-RequestId": str(request), **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
