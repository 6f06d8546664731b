"""HTTP/1.1 of the listeners: offers to leave it, what has no end, and who holds connections and sends nothing."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.collector.conftest import Otlp

PROTOBUF = b"application/x-protobuf"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n"


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_sender_that_offers_http2_is_read_to_the_end_and_answered_in_http1(
    listen: Any, otlp: Otlp, at_once: bool, chunked: bool
) -> None:
    sender = listen()

    with socket.create_connection(sender.address, timeout=10) as connection:
        for n in (1, 2):  # and so is what it sends next
            body = otlp.body(otlp.call(n))
            length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
            head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n%sContent-Type: %s\r\n%s\r\n\r\n" % (
                OFFER,
                PROTOBUF,
                length,
            )
            sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
            for part in (head + sent,) if at_once else (head[:30], head[30:], sent[:9], sent[9:]):
                connection.sendall(part)
                time.sleep(0.05)
            response = HTTPResponse(connection)
            response.begin()
            assert (response.status, response.read()) == (200, b"")

    assert sender.calls() == 2


def test_requests_that_offer_http2_are_answered_in_their_order(listen: Any, otlp: Otlp) -> None:
    sender = listen()
    bodies = [otlp.body(otlp.call(n)) for n in (1, 2, 3)]
    requests = [
        b"POST /v1/%s HTTP/1.1\r\nHost: x\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
        % (signal, OFFER, PROTOBUF, len(body), body)
        for signal, body in zip((b"traces", b"nothing", b"traces"), bodies, strict=True)
    ]

    answered = b""
    with socket.create_connection(sender.address, timeout=10) as connection:
        connection.sendall(b"".join(requests))
        while len(statuses := re.findall(rb"HTTP/1.1 (\d+)", answered)) < 3:
            answered += connection.recv(4096)

    assert statuses == [b"200", b"404", b"200"]
    assert sender.calls() == 2


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /",
        b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-Endless: ",
        b"POST /v1/traces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;extended=",
        b"POST /v1/traces HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Endless: ",
    ],
    ids=["target", "header", "chunk", "trailer"],
)
def test_what_is_not_the_body_of_a_request_has_an_end(listen: Any, begun: bytes) -> None:
    sender = listen()

    with socket.create_connection(sender.address, timeout=10) as connection:
        connection.sendall(begun)
        with pytest.raises(ConnectionError):
            connection.sendall(b"a" * 64 * 1024 * 1024)

    assert sender.post(b"").status_code == 200


def test_a_head_of_some_size_is_read(listen: Any) -> None:
    sender = listen()

    assert sender.post(b"", authorization="x" * 60_000).status_code == 200


@pytest.mark.parametrize("begun", [b"", b"POST /v1/traces HTTP/1.1\r\nX-Slow: "])
def test_a_connection_over_which_no_head_arrives_is_closed(
    listen: Any, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr("spancost_collector.intake.http_protocol.ARRIVAL_SECONDS", 0.3)
    sender = listen()
    slow = threading.Event()

    with socket.create_connection(sender.address, timeout=20) as connection:
        connection.sendall(begun)

        def go_on() -> None:
            with suppress(OSError):
                while begun and not slow.wait(0.05):
                    connection.sendall(b"a")

        trickle = threading.Thread(target=go_on)
        trickle.start()
        try:
            left = connection.recv(1)
        except ConnectionResetError:
            left = b""
        slow.set()
        trickle.join()

    assert left == b""


def test_one_connection_more_takes_the_place_of_the_longest_idle_one(
    listen: Any, otlp: Otlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spancost_collector.intake.http_protocol.limit", lambda: 9)
    sender = listen()

    with ExitStack() as connections:
        first, second, *_ = [
            connections.enter_context(socket.create_connection(sender.address, timeout=20)) for _ in range(3)
        ]
        assert sender.post(otlp.body(otlp.call())).status_code == 200
        assert first.recv(1) == b""
        second.sendall(b"GET /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n")
        assert second.recv(12) == b"HTTP/1.1 405"
