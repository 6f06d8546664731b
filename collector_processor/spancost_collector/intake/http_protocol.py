"""HTTP/1.1 as uvicorn speaks it, where that would lose a body or wait and remember without an end.

An offer to go on in another protocol is declined by answering in this one. The parser skips the body of a request that
makes such an offer, as `curl --http2` and Java's HttpClient do, so it gets that request without the offer.
What is neither a body nor the end of a request (headers, trailers, extensions of chunks) is bounded in bytes, and a
request's head in time, from when the connection is made. There are only so many connections, which leaves files to the
ledger and to other listeners: one more takes the place of the one that has been idle for longest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from spancost_collector.intake.arrivals import ARRIVAL_SECONDS
from spancost_collector.open_files import limit

if TYPE_CHECKING:
    import asyncio

_LARGEST_HEAD_BYTES: Final = 64 * 1024
_MOST_CONNECTIONS: Final = 4096
"""Of one listener, where a third of the files that may be open is not less."""
_GOODBYE_SECONDS: Final = 0.25
"""How long the other side has to end TLS as well. A client that keeps a connection for later does not look whether that
was ended, and would hold up a stop for all of its grace."""


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*arguments, **named)
        self._offered = False
        """Whether the parser skips what follows the head that it has just read."""
        self._in_vain = 0
        """Bytes that were neither body nor the end of a request, since something was."""
        self._got_on = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._stopping = False
        self._last_used = self.loop.time()
        self._most = min(_MOST_CONNECTIONS, limit() // 3)

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for a first head."""
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > self._most:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_awaiting_head()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Hang up once nothing is under way."""
        super().shutdown()
        self._stopping = True
        self._say_goodbye()

    def on_response_complete(self) -> None:
        """A request has its answer."""
        super().on_response_complete()
        if self._stopping:
            self._say_goodbye()

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        self._unset_keepalive_if_required()
        self._last_used = self.loop.time()
        self._got_on = False
        try:
            self._parse(data)
        except HttpParserError:
            self.logger.warning("what came over a connection is no HTTP/1.1; it is refused and closed")
            self.send_400_response("This is no HTTP/1.1.")
            return
        self._in_vain = 0 if self._got_on else self._in_vain + len(data)
        if self._in_vain > _LARGEST_HEAD_BYTES:
            self.send_400_response(f"The head of a request may have {_LARGEST_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """A head has come."""
        self._stop_awaiting_head()
        self._offered = self._reader.should_upgrade() and self._reader.get_method() != b"CONNECT"
        if not self._offered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body has come."""
        self._got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come to its end."""
        self._got_on = True
        if not self._offered:
            super().on_message_complete()

    @property
    def _reader(self) -> HttpRequestParser:
        assert self.parser is not None  # it is until the connection is lost
        return self.parser

    def _parse(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                self._reader.feed_data(rest)
            except HttpParserUpgrade as upgrade:
                if not self._offered:
                    raise HttpParserError from upgrade
                (read,) = upgrade.args
                rest = rest[read:]
                self._reader.feed_data(self._head_without_offer())
            else:
                return

    def _head_without_offer(self) -> bytes:
        method, version = self._reader.get_method(), self._reader.get_http_version().encode()
        head = [method, b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [name, b": ", value, b"\r\n"]
        return b"".join([*head, b"\r\n"])

    def _say_goodbye(self) -> None:
        """Close without the other side where it does not end TLS in time."""
        if self.scheme == "https" and self.transport.is_closing():
            self.loop.call_later(_GOODBYE_SECONDS, self.transport.abort)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(ARRIVAL_SECONDS, self._give_up)

    def _stop_awaiting_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        """Close, but where the head is not read because another request is being answered."""
        if self._idle:
            self.transport.close()
        else:
            self._await_head()

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return not self.cycle or self.cycle.response_complete

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, HttpProtocol) and one._idle and one is not self]
        oldest = min(others, key=lambda one: one._last_used, default=self)
        oldest.transport.abort()
