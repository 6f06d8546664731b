"""What HTTP answers of a next hop mean for the bytes that were sent."""

from __future__ import annotations

import gzip
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
import trustme
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spancost_collector.forward.hop import Failed, Taken
from spancost_collector.forward.over_http import HttpTransport
from spancost_collector.forward.tls import ssl_context

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

PROTOBUF = {"content-type": "application/x-protobuf"}


@dataclass
class Vendor:
    """An OTLP/HTTP receiver that answers as it is told."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(PROTOBUF))
    answer: bytes = b""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, dict[str, str], bytes]])
    connections: int = 0
    hold: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/traces"


@contextmanager
def serving(vendor: Vendor, tls: ssl.SSLContext | None = None) -> Generator[Vendor]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            vendor.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            vendor.requests.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            vendor.hold()
            self.send_response(vendor.status)
            for key, value in vendor.headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(vendor.answer)))
            self.end_headers()
            self.wfile.write(vendor.answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda request, client_address: None  # a client that hangs up is part of the tests
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    vendor.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield vendor
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(Vendor()) as vendor:
        yield vendor


@pytest.fixture
def transport(vendor: Vendor) -> Iterator[HttpTransport]:
    transport = HttpTransport(vendor.url, timeout_seconds=30.0)
    yield transport
    transport.close()


def test_the_bytes_arrive_as_they_are_over_one_connection(transport: HttpTransport, vendor: Vendor) -> None:
    assert [transport.send(b"\x00\xffspans"), transport.send(b"more")] == [Taken(), Taken()]
    assert [(path, body) for path, _, body in vendor.requests] == [
        ("/v1/traces", b"\x00\xffspans"),
        ("/v1/traces", b"more"),
    ]
    assert vendor.requests[0][1]["content-type"] == "application/x-protobuf"
    assert vendor.connections == 1


def test_headers_and_compression_reach_the_next_hop(vendor: Vendor) -> None:
    transport = HttpTransport(vendor.url, timeout_seconds=30.0, headers={"X-Api-Key": "s3cret"}, gzip=True)
    assert transport.send(b"spans " * 100) == Taken()
    transport.close()

    _, headers, body = vendor.requests[0]
    assert (headers["x-api-key"], headers["content-encoding"]) == ("s3cret", "gzip")
    assert len(body) < 100
    assert gzip.decompress(body) == b"spans " * 100


@pytest.mark.parametrize("status", [400, 413, 422, 500])
def test_a_refusal_of_the_bytes_is_final(transport: HttpTransport, vendor: Vendor, status: int) -> None:
    kind = "too_large" if status == 413 else "rejected"
    vendor.status, vendor.answer = status, Status(message="span 3 has no name").SerializeToString()
    assert transport.send(b"x") == Failed(kind, f"HTTP {status}: span 3 has no name")


@pytest.mark.parametrize("status", [401, 403, 404, 405, 408, 429, 502, 503, 504])
def test_a_hop_that_cannot_now_or_a_fault_in_the_set_up_is_not(
    transport: HttpTransport, vendor: Vendor, status: int
) -> None:
    vendor.status, vendor.headers, vendor.answer = status, {"content-type": "text/html"}, b"<h1>no</h1>\n<p>way"
    assert transport.send(b"x") == Failed("unavailable", f"HTTP {status}: <h1>no</h1>")


def test_an_address_that_moved_is_told_and_not_followed(transport: HttpTransport, vendor: Vendor) -> None:
    vendor.status, vendor.headers = 308, {"location": "https://otlp.example.com/v1/traces"}
    assert transport.send(b"x") == Failed(
        "unavailable", "HTTP 308: it is at https://otlp.example.com/v1/traces; put that into the configuration"
    )


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("soon", None), ("-1", None), ("1 Jan 99999999999999999999 00:00:00", None)]
)
def test_retry_after_in_seconds(transport: HttpTransport, vendor: Vendor, value: str, seconds: float | None) -> None:
    vendor.status, vendor.headers = 429, {**PROTOBUF, "retry-after": value}
    answer = transport.send(b"x")
    assert isinstance(answer, Failed)
    assert answer.retry_after_seconds == seconds


def test_retry_after_as_a_date(transport: HttpTransport, vendor: Vendor) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    vendor.status, vendor.headers = 503, {**PROTOBUF, "retry-after": moment}
    answer = transport.send(b"x")
    assert isinstance(answer, Failed)
    assert answer.retry_after_seconds is not None
    assert 50 < answer.retry_after_seconds <= 60


def test_what_a_hop_says_is_one_line_of_a_bounded_length(transport: HttpTransport, vendor: Vendor) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=1, error_message="too old\n\x1b[31m  ERROR" + "!" * 1000)
    vendor.answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()

    assert transport.send(b"a") == Taken(1, "too old [31m ERROR" + "!" * 282)


def test_a_partial_success_is_taken(transport: HttpTransport, vendor: Vendor) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    vendor.answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    assert transport.send(b"x") == Taken(3, "too old")


def test_a_hop_that_answers_without_end_is_not_listened_to(transport: HttpTransport, vendor: Vendor) -> None:
    vendor.answer = b"\xff" * 5_000_000
    assert transport.send(b"x") == Taken(message="answered with what is not OTLP")
    vendor.answer = b""
    assert transport.send(b"y") == Taken()


def test_nobody_there_is_unavailable() -> None:
    transport = HttpTransport("http://127.0.0.1:1/v1/traces", timeout_seconds=2.0)
    answer = transport.send(b"a")
    assert isinstance(answer, Failed)
    assert (answer.kind, answer.reason.partition(":")[0]) == ("unavailable", "ConnectError")
    transport.close()


def test_a_name_that_no_host_can_have_is_unavailable() -> None:
    transport = HttpTransport("http://tempo..svc:4318/v1/traces", timeout_seconds=2.0)
    answer = transport.send(b"a")
    assert isinstance(answer, Failed)
    assert (answer.kind, answer.reason.partition(":")[0]) == ("unavailable", "UnicodeError")
    transport.close()


def test_a_hop_that_does_not_answer_in_time_is_unavailable(vendor: Vendor) -> None:
    late = Event()
    vendor.hold = lambda: late.wait(5)
    transport = HttpTransport(vendor.url, timeout_seconds=0.1)
    answer = transport.send(b"a")
    late.set()
    assert isinstance(answer, Failed)
    assert (answer.kind, answer.reason.partition(":")[0]) == ("unavailable", "ReadTimeout")
    transport.close()


def test_a_connection_that_is_given_up_meanwhile_is_unavailable(vendor: Vendor) -> None:
    arrived, late = Event(), Event()

    def hold() -> None:
        arrived.set()
        late.wait(20)

    vendor.hold = hold
    transport = HttpTransport(vendor.url, timeout_seconds=30.0)
    answers: list[Taken | Failed] = []
    sender = Thread(target=lambda: answers.append(transport.send(b"a")))
    sender.start()
    assert arrived.wait(5)
    late.wait(0.3)  # until it waits for the answer
    transport.close()
    sender.join(5)
    assert not sender.is_alive()
    late.set()
    answers.append(transport.send(b"b"))

    assert [answer.kind for answer in answers if isinstance(answer, Failed)] == ["unavailable", "unavailable"]


def test_a_hop_has_to_show_a_certificate_that_we_trust(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    other.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs = authority.issue_cert("localhost")
    with theirs.private_key_and_cert_chain_pem.tempfile(str(tmp_path)) as chain:
        context.load_cert_chain(chain)

    answers: list[Taken | Failed] = []
    with serving(Vendor(), context) as vendor:
        for ca in ("ca.pem", "other.pem"):
            transport = HttpTransport(
                f"https://localhost:{vendor.port}/v1/traces", timeout_seconds=30.0, tls=ssl_context(tmp_path / ca)
            )
            answers.append(transport.send(b"x"))
            transport.close()

    assert answers[0] == Taken()
    assert isinstance(answers[1], Failed)
    assert "certificate verify failed" in answers[1].reason.lower()
