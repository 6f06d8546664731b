"""OpenAI, Anthropic, Google and Amazon on one loopback port: tells them apart by path, answers what a case says."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from . import answers

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_JSON = "application/json"
_FRAMES = "application/vnd.amazon.eventstream"


@contextmanager
def serving() -> Generator[str]:
    """A provider on a port of its own; where it is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
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
        elif path.endswith("/responses"):
            plain, events = answers.responses(model)
            self._answer(body, plain, answers.server_sent(events, done=False))
        else:
            self._send(404, _JSON, json.dumps({"error": {"message": f"no such path: {path}"}}).encode())

    def _answer(self, body: Mapping[str, Any], plain: Mapping[str, Any], streamed: bytes) -> None:
        if body.get("stream"):
            self._send(200, "text/event-stream", streamed)
        else:
            self._send(200, _JSON, json.dumps(plain).encode())

    def _google(self, path: str) -> None:
        model, _, method = path.rpartition("/")[2].partition(":")
        plain, chunks = answers.generated(model)
        if method.startswith("stream"):
            self._send(200, "text/event-stream", answers.server_sent(chunks, done=False))
        else:
            self._send(200, _JSON, json.dumps(plain).encode())

    def _amazon(self, path: str) -> None:
        _, _, model, method = path.split("/", 3)
        # Amazon's own names of a Claude have a region before and a version behind.
        claude = model.partition("anthropic.")[2].partition("-v1")[0]
        match method:
            case "converse":
                self._send(200, _JSON, json.dumps(answers.conversed()[0]).encode())
            case "converse-stream":
                self._send(200, _FRAMES, b"".join(answers.conversed()[1]))
            case "invoke":
                self._send(200, _JSON, json.dumps(answers.invoked(claude)[0]).encode(), answers.INVOKED_HEADERS)
            case _:
                self._send(200, _FRAMES, b"".join(answers.invoked(claude)[1]))

    def _send(self, status: int, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        request = uuid4()
        named = {"x-request-id": f"req_{request.hex}", "request-id": f"req_{request.hex}"}
        for name, value in {**named, "x-amzn-RequestId": str(request), **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
