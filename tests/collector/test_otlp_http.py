"""OTLP over HTTP from the outside: what senders get for what they send."""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from spancost_collector.intake import otlp_http

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.conftest import FlakyLedger, NextHop, Otlp

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def as_json(otlp: Otlp, *, n: int = 1) -> bytes:
    document = json_format.MessageToDict(otlp.request(otlp.call(n)))
    span = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span.update(traceId="01" * 16, spanId=f"{n:016x}")
    return json.dumps(document).encode()


def test_protobuf_and_json_are_counted_alike(listen: Any, otlp: Otlp, next_hop: NextHop) -> None:
    sender = listen(forward=str(next_hop.address))

    first, second = sender.post(otlp.body(otlp.call(1))), sender.post(as_json(otlp, n=2), JSON)

    assert (first.status_code, first.headers["content-type"], first.content) == (200, PROTOBUF, b"")
    assert (second.status_code, second.headers["content-type"], second.content) == (200, JSON, b"{}")
    assert sender.running.metric("spancost_cost_usd_total", feature="search", token_class="input") == {
        ("one", "acme", "shop"): 0.004
    }
    one, two = next_hop.spans()
    two.span_id = one.span_id
    assert one == two


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_a_real_exporter_is_understood(listen: Any, compression: Compression) -> None:
    sender = listen()
    exporter = OTLPSpanExporter(f"http://{sender.address}/v1/traces", compression=compression)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    with provider.get_tracer("t").start_as_current_span("chat one") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "acme")
        span.set_attribute("gen_ai.request.model", "one")
        span.set_attribute("gen_ai.usage.input_tokens", 1000)
    provider.shutdown()

    assert sum(sender.running.metric("spancost_cost_usd_total", token_class="input").values()) == 0.002


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_packed_requests_are_unpacked(listen: Any, otlp: Otlp, encoding: str) -> None:
    sender = listen()
    body = otlp.body(otlp.call())
    packed = gzip.compress(body) if encoding == "gzip" else zstd.compress(body)

    assert sender.post(packed, content_encoding=encoding).status_code == 200
    assert sender.calls() == 1


def test_a_sender_is_told_which_spans_were_left_out(listen: Any, otlp: Otlp) -> None:
    sender = listen()
    document = json.loads(as_json(otlp))
    document["resourceSpans"][0]["scopeSpans"][0]["spans"].append({"traceId": "not an id"})

    answer = sender.post(json.dumps(document).encode(), JSON)

    assert answer.status_code == 200
    assert answer.json() == {
        "partialSuccess": {
            "rejectedSpans": "1",
            "errorMessage": "resourceSpans[0].scopeSpans[0].spans[1].traceId: expected an id in hexadecimal digits",
        }
    }
    assert sender.calls() == 1
    assert sender.running.metric("spancost_receiver_rejected_spans_total") == {(): 1}


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (PROTOBUF, b"\x0a\xff\xff", "ExportTraceServiceRequest of 3 bytes: not valid protobuf"),
        (JSON, b"{", "ExportTraceServiceRequest of 1 bytes: not valid JSON"),
    ],
)
def test_what_is_malformed_is_refused_for_good_in_the_senders_own_encoding(
    listen: Any, kind: str, body: bytes, message: str
) -> None:
    sender = listen()

    answer = sender.post(body, kind)

    assert (answer.status_code, answer.headers["content-type"]) == (400, kind)
    assert "retry-after" not in answer.headers
    if kind == JSON:
        assert answer.json()["code"] == 3
        assert message in answer.json()["message"]
    else:  # google.rpc.Status: code 3 INVALID_ARGUMENT, then the message
        assert answer.content.startswith(b"\x08\x03\x12")
        assert message.encode() in answer.content
    assert sender.rejected("malformed") == 1


def test_what_cannot_be_kept_now_is_asked_for_again(listen: Any, otlp: Otlp, ledger: FlakyLedger) -> None:
    sender = listen()
    ledger.fail()

    answer = sender.post(as_json(otlp), JSON)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "4")
    assert (answer.json()["code"], answer.json()["details"]) == (14, [{"@type": RETRY_INFO, "retryDelay": "4s"}])
    ledger.recover()
    assert sender.post(as_json(otlp), JSON).status_code == 200
    assert sender.calls() == 1


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "reason", "message"),
    [
        ("POST", "/", {"content-type": JSON}, 404, "not_taken", "POST OTLP traces to /v1/traces"),
        ("GET", "/v1/traces", {}, 405, "wrong_method", "got GET; expected POST"),
        ("POST", "/v1/traces", {"content-type": "text/plain"}, 415, "not_understood", 'content-type: got "text/plain"'),
        (
            "POST",
            "/v1/traces",
            {"content-type": JSON, "content-encoding": "br"},
            415,
            "not_understood",
            'content-encoding: got "br"; expected gzip, deflate, zstd or none',
        ),
        (
            "POST",
            "/v1/traces",
            {"content-type": JSON, "content-encoding": "gzip"},
            400,
            "malformed",
            "content-encoding: gzip: ",
        ),
    ],
)
def test_what_is_not_otlp_traces_is_refused_with_a_reason(
    listen: Any, method: str, path: str, headers: dict[str, str], status: int, reason: str, message: str
) -> None:
    sender = listen()

    answer = sender.client.request(method, path, headers=headers, content=b"{}")

    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert sender.rejected(reason) == 1


def test_a_request_that_announces_too_much_is_not_even_read(listen: Any) -> None:
    sender = listen(intake={"max_message_bytes": 1000})

    with socket.create_connection(sender.address, timeout=10) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n\r\n"
        )
        response = HTTPResponse(connection)  # head and body may come one after the other
        response.begin()
        answer = response.read().decode()

    assert response.status == 413
    assert "got 1001 bytes; expected at most 1000 (intake.max_message_bytes), send fewer spans at a time" in answer
    assert sender.rejected("too_large") == 1


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("token", "status"), [("right", 413), ("wrong", 401)])
def test_a_sender_that_reads_only_when_it_has_sent_everything_gets_its_answer(
    listen: Any, announced: bool, token: str, status: int
) -> None:
    sender = listen(http={"tokens": ["right"]}, intake={"max_message_bytes": 1000})
    body = b"\0" * 20_000_000  # more than the buffers of a socket
    headers = {"content-type": PROTOBUF, "authorization": f"Bearer {token}", "connection": "close"}

    with closing(HTTPConnection(sender.address.host, sender.address.port, timeout=10)) as connection:
        connection.request("POST", "/v1/traces", body if announced else iter([body]), headers)

        assert connection.getresponse().status == status


def test_a_sender_is_answered_before_what_is_refused_has_arrived(listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_http, "_SILENT_SECONDS", 0.2)
    sender = listen(intake={"max_message_bytes": 1000})

    with socket.create_connection(sender.address, timeout=10) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n"
            b"Connection: close\r\n\r\n{"
        )
        response = HTTPResponse(connection)
        response.begin()
        answer = response.read()
        left = connection.recv(1)  # nothing more comes from either side: the receiver hangs up

    assert (response.status, b"got 1001 bytes" in answer, left) == (413, True, b"")


@pytest.mark.parametrize("packed", [False, True])
def test_a_request_that_turns_out_too_large_is_refused(listen: Any, otlp: Otlp, packed: bool) -> None:
    sender = listen(intake={"max_message_bytes": 100_000})
    body = otlp.body(otlp.call(gen_ai__input__messages="x" * 100_000))

    def in_parts() -> Iterator[bytes]:
        yield body

    if packed:
        answer = sender.post(gzip.compress(body), content_encoding="gzip")
    else:  # without a content-length
        answer = sender.client.post("/v1/traces", content=in_parts(), headers={"content-type": PROTOBUF})

    assert answer.status_code == 413
    assert b"more than 100000 bytes" in answer.content
    assert sender.calls() == 0


def test_a_sender_that_hangs_up_is_counted_and_costs_nothing(listen: Any) -> None:
    sender = listen()

    with socket.create_connection(sender.address, timeout=10) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        )

    deadline = time.monotonic() + 10
    while sender.rejected("incomplete") == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sender.rejected("incomplete") == 1
    assert sender.post(b"").status_code == 200


def test_more_requests_than_may_wait_are_told_to_come_back(listen: Any, otlp: Otlp, next_hop: NextHop) -> None:
    sender = listen(forward=str(next_hop.address), intake={"max_concurrent_requests": 1, "max_waiting_requests": 0})
    asked, release = threading.Event(), threading.Event()

    def hang(_body: bytes) -> bytes:
        asked.set()
        release.wait(20)
        return b""

    next_hop.answer = hang
    with ThreadPoolExecutor(1) as others:
        first = others.submit(sender.post, otlp.body(otlp.call(1)))
        assert asked.wait(10)
        second = sender.post(as_json(otlp, n=2), JSON)
        release.set()

    assert first.result().status_code == 200
    assert (second.status_code, second.headers["retry-after"]) == (429, "2")
    assert (second.json()["code"], second.json()["details"]) == (8, [{"@type": RETRY_INFO, "retryDelay": "2s"}])
    assert sender.rejected("overloaded") == 1


def test_what_is_being_received_is_bounded_in_bytes(listen: Any) -> None:
    sender = listen(intake={"max_message_bytes": 10_000, "max_queue_bytes": 10_000})
    half_sent = (
        b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9000\r\n\r\n"
        + b"\0" * 6000
    )

    with socket.create_connection(sender.address, timeout=10) as slow:
        slow.sendall(half_sent)
        statuses: set[int] = set()
        deadline = time.monotonic() + 10
        while 429 not in statuses and time.monotonic() < deadline:
            statuses.add(sender.post(b"\x82\x7d\x88\x27" + b"\0" * 5000).status_code)

    assert 429 in statuses
    deadline = time.monotonic() + 10
    while sender.post(b"\x82\x7d\x88\x27" + b"\0" * 5000).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sender.post(b"\x82\x7d\x88\x27" + b"\0" * 5000).status_code == 200


def test_whoever_has_a_token_may_send(listen: Any, otlp: Otlp) -> None:
    sender = listen(http={"tokens": ["old-token", "new-token"]})
    body = as_json(otlp)

    refused = [
        sender.post(body, JSON),
        sender.post(body, JSON, authorization="Bearer other-token"),
        sender.post(body, JSON, authorization="Basic new-token"),
        sender.post(body, JSON, path="/v1/nothing"),
    ]
    taken = [sender.post(body, JSON, authorization=f"{scheme}-token") for scheme in ("Bearer old", "bearer new")]

    assert [(answer.status_code, answer.headers["www-authenticate"]) for answer in refused] == [(401, "Bearer")] * 4
    assert refused[0].json()["code"] == 16
    assert [answer.status_code for answer in taken] == [200, 200]
    assert sender.rejected("unauthenticated") == 4


def test_a_success_is_what_the_official_messages_read(listen: Any, otlp: Otlp) -> None:
    answer = listen().post(otlp.body(otlp.call()))

    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()


def test_a_request_under_way_is_answered_when_the_receiver_stops(listen: Any, otlp: Otlp, next_hop: NextHop) -> None:
    sender = listen(forward=str(next_hop.address))
    asked, release = threading.Event(), threading.Event()

    def hang(_body: bytes) -> bytes:
        asked.set()
        release.wait(20)
        return b""

    next_hop.answer = hang
    with ThreadPoolExecutor(1) as others:
        under_way = others.submit(sender.post, otlp.body(otlp.call()))
        assert asked.wait(10)
        threading.Timer(0.3, release.set).start()
        sender.running.stop(10.0)

    assert under_way.result().status_code == 200
    with pytest.raises(httpx.ConnectError):
        sender.post(b"")


@pytest.mark.parametrize(("kind", "status"), [(PROTOBUF, 503), ("text/plain", 415)])
def test_whoever_has_not_sent_everything_when_the_receiver_stops_is_told_to_send_again(
    listen: Any, caplog: pytest.LogCaptureFixture, kind: str, status: int
) -> None:
    sender = listen()

    with socket.create_connection(sender.address, timeout=10) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 9000\r\n\r\n\0" % kind.encode()
        )
        time.sleep(0.2)
        sender.running.stop(0.1)
        answer = HTTPResponse(connection)
        answer.begin()

    assert answer.status == status
    assert answer.headers["retry-after"] == ("4" if status == 503 else None)
    assert "Traceback" not in caplog.text


def test_a_stop_does_not_wait_until_a_large_request_has_been_read(listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, release = threading.Event(), threading.Event()

    def unpack(_encoding: str, _body: bytes, _max_bytes: int) -> bytes:
        begun.set()
        release.wait(30)
        return b""

    monkeypatch.setattr(otlp_http, "inflate", unpack)
    sender = listen()
    with ThreadPoolExecutor(1) as others:
        under_way = others.submit(sender.post, b"\0" * 20_000, content_encoding="gzip")
        assert begun.wait(10)
        too_late = threading.Timer(10.0, release.set)
        too_late.start()
        sender.running.stop(0.1)
        in_time = not release.is_set()
        too_late.cancel()
        release.set()

    assert in_time
    assert (under_way.result().status_code, under_way.result().headers["retry-after"]) == (503, "4")
