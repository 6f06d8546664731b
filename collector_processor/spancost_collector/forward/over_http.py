"""OTLP/HTTP (protobuf) to a next hop, the form in which most vendors take traces."""

from __future__ import annotations

import gzip
import socket
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import httpx2
from google.protobuf.message import DecodeError

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.forward.hop import Failed, Taken, one_line
from spancost_collector.forward.over_grpc import read_response

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_MAX_ANSWER_BYTES: Final = 64 * 1024
_GZIP_LEVEL: Final = 1
"""Spans repeat themselves so much that the fastest level already takes most of them away."""

# The bytes are at fault, whoever sends them; OTLP forbids a second try after 500. Everything else is a hop that cannot
# now (429, 502, 503, 504) or a set-up that somebody has to mend (credentials, an address that is not an OTLP receiver):
# the spans wait at their senders until then.
_REJECTED: Final = frozenset({400, 422, 500})
_TOO_LARGE: Final = 413
_CONNECTED: Final = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})


class HttpTransport:
    """Posts to one URL, and keeps the connection."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        gzip: bool = False,
        proxied: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare the client; it connects when it is first used.

        Where it may be `proxied`, it goes through the proxy that the environment names, if it does.
        """
        self.name = url
        self._gzip = gzip
        self._socket: socket.socket | None = None
        self._closed = False
        self._client = httpx2.Client(
            headers={
                **(headers or {}),
                "content-type": "application/x-protobuf",
                "accept-encoding": "identity",
                **({"content-encoding": "gzip"} if gzip else {}),
            },
            timeout=timeout_seconds,
            trust_env=proxied,
            verify=True if tls is None else tls,
        )

    def send(self, body: bytes) -> Taken | Failed:
        """Hand over one request."""
        content = gzip.compress(body, _GZIP_LEVEL, mtime=0) if self._gzip else body
        try:
            with self._client.stream(
                "POST", self.name, content=content, extensions={"trace": self._watch_connection}
            ) as response:
                answer = _read(response)
        except (httpx2.HTTPError, OSError, UnicodeError) as error:  # the last for a name that no host can have
            return Failed("unavailable", f"{type(error).__name__}: {error}")
        except RuntimeError as error:  # the client was closed
            return Failed("unavailable", str(error))
        if response.is_success:
            return read_response(answer)
        said = f"HTTP {response.status_code}: {_message(response, answer)}"
        if response.status_code == _TOO_LARGE:
            return Failed("too_large", said)
        if response.status_code in _REJECTED:
            return Failed("rejected", said)
        return Failed("unavailable", said, _retry_after(response.headers.get("retry-after")))

    def close(self) -> None:
        """Give up the connection; a call under way ends as unavailable."""
        self._closed = True
        self._hang_up()
        self._client.close()

    def _watch_connection(self, event: str, info: Mapping[str, Any]) -> None:
        if event in _CONNECTED:
            self._socket = info["return_value"].get_extra_info("socket")
            if self._closed:
                self._hang_up()

    def _hang_up(self) -> None:
        """End a wait for an answer, which goes on where a socket is only closed."""
        if self._socket is not None:
            with suppress(OSError):  # the other side was faster
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # TLS has nothing to say any more


def _read(response: httpx2.Response) -> bytes:
    """The answer as far as anyone needs it; a hop that goes on and on is not listened to."""
    read = bytearray()
    for part in response.iter_raw():
        read += part
        if len(read) > _MAX_ANSWER_BYTES:
            break
    return bytes(read[:_MAX_ANSWER_BYTES])


def _message(response: httpx2.Response, answer: bytes) -> str:
    """What a refusal says: OTLP's google.rpc.Status, or the first line of whatever a proxy has put there."""
    if response.has_redirect_location:
        return f"it is at {response.headers['location']}; put that into the configuration"
    if response.headers.get("content-type", "").startswith("application/x-protobuf"):
        try:
            return one_line(otlp.RpcStatus.FromString(answer).message) or response.reason_phrase
        except DecodeError:
            return response.reason_phrase
    line = answer.decode(errors="replace").strip().partition("\n")[0]
    return one_line(line) or response.reason_phrase


def _retry_after(value: str | None) -> float | None:
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
