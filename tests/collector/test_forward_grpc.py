"""What gRPC statuses of a next hop mean for the bytes that were sent, and how we introduce ourselves to it."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import grpc
import pytest
import trustme
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spancost_collector.forward.hop import Failed, Taken
from spancost_collector.forward.over_grpc import GrpcTransport
from spancost_collector.forward.tls import grpc_credentials
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from tests.collector.conftest import NextHop


SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@contextmanager
def serving(
    export: Callable[[bytes, grpc.ServicerContext], bytes],
    *,
    port: int = 0,
    credentials: grpc.ServerCredentials | None = None,
) -> Generator[int]:
    """A TraceService that does `export`; its port."""
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(export)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),))
        address = f"127.0.0.1:{port}"
        bound = (
            server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
        )
        server.start()
        yield bound
        server.stop(None).wait()


@pytest.fixture
def transport(next_hop: NextHop) -> Iterator[GrpcTransport]:
    transport = GrpcTransport(str(next_hop.address), timeout_seconds=30.0)
    yield transport
    transport.close()


def retry_info(seconds: float | None) -> bytes:
    """The serialised google.rpc.Status of a refusal that asks for a retry."""
    detail = Any()
    delay = None if seconds is None else Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))
    detail.Pack(RetryInfo(retry_delay=delay))
    return Status(code=8, details=[detail]).SerializeToString()


def test_the_bytes_arrive_as_they_are(transport: GrpcTransport, next_hop: NextHop) -> None:
    assert transport.send(b"\x00\xffspans") == Taken()
    assert next_hop.bodies == [b"\x00\xffspans"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, "unavailable"),
        (grpc.StatusCode.ABORTED, "unavailable"),
        (grpc.StatusCode.OUT_OF_RANGE, "unavailable"),
        (grpc.StatusCode.UNAUTHENTICATED, "unavailable"),
        (grpc.StatusCode.UNIMPLEMENTED, "unavailable"),
        (grpc.StatusCode.INVALID_ARGUMENT, "rejected"),
        (grpc.StatusCode.INTERNAL, "rejected"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "too_large"),
    ],
)
def test_only_a_refusal_of_the_bytes_is_final(
    transport: GrpcTransport, next_hop: NextHop, code: grpc.StatusCode, kind: str
) -> None:
    next_hop.answer = lambda _body: code
    assert transport.send(b"x") == Failed(kind, f"{code.name}: said the next hop")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("asked", "expected"), [(2.5, 2.5), (0.0, 0.0), (None, 0.0)])
def test_an_exhausted_next_hop_that_asks_for_a_retry_gets_one_when_it_wants_it(
    transport: GrpcTransport, next_hop: NextHop, asked: float | None, expected: float
) -> None:
    next_hop.answer = lambda _body: grpc.StatusCode.RESOURCE_EXHAUSTED
    next_hop.details = retry_info(asked)
    assert transport.send(b"x") == Failed("unavailable", "RESOURCE_EXHAUSTED: said the next hop", expected)


def test_details_that_are_no_status_are_not_believed(transport: GrpcTransport, next_hop: NextHop) -> None:
    next_hop.answer = lambda _body: grpc.StatusCode.UNAVAILABLE
    next_hop.details = b"\xff\xffgoogle.rpc.RetryInfo"
    assert transport.send(b"x") == Failed("unavailable", "UNAVAILABLE: said the next hop")


def test_a_partial_success_is_taken(transport: GrpcTransport, next_hop: NextHop) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    next_hop.answer = lambda _body: ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    assert transport.send(b"x") == Taken(3, "too old")


def test_an_answer_that_is_not_otlp_is_taken_all_the_same(transport: GrpcTransport, next_hop: NextHop) -> None:
    next_hop.answer = lambda _body: b"\xff"
    assert transport.send(b"x") == Taken(message="answered with what is not OTLP")


def test_headers_and_compression_reach_the_next_hop() -> None:
    seen: dict[str, str | bytes] = {}

    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        seen.update(dict(context.invocation_metadata()))
        seen["body"] = body
        return b""

    with serving(export) as port:
        transport = GrpcTransport(
            f"127.0.0.1:{port}", timeout_seconds=30.0, headers={"X-Scope-OrgID": "acme"}, gzip=True
        )
        assert transport.send(b"spans " * 100) == Taken()
        transport.close()

    assert seen["x-scope-orgid"] == "acme"
    assert seen["body"] == b"spans " * 100


def test_a_deadline_is_unavailable() -> None:
    def export(_body: bytes, _context: grpc.ServicerContext) -> bytes:
        time.sleep(0.4)
        return b""

    with serving(export) as port:
        transport = GrpcTransport(f"127.0.0.1:{port}", timeout_seconds=0.1)
        answer = transport.send(b"x")
        assert isinstance(answer, Failed)
        assert (answer.kind, answer.reason.partition(":")[0]) == ("unavailable", "DEADLINE_EXCEEDED")
        transport.close()


@contextmanager
def relay(target: int) -> Generator[tuple[int, threading.Event]]:
    """A port that leads to `target`. Where the event is set, connections from before it carry nothing any more.

    As when the machine at the other end is gone: nobody says that they are closed.
    """
    silent = threading.Event()
    open_sockets: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket, dies: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not (dies and silent.is_set()):
                    sink.sendall(data)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", target))
                open_sockets.extend((near, far))
                dies = not silent.is_set()
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=(*pair, dies), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], silent
        listener.shutdown(socket.SHUT_RDWR)
    for one in open_sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def test_after_a_deadline_another_connection_is_made() -> None:
    bodies: list[bytes] = []

    def export(body: bytes, _context: grpc.ServicerContext) -> bytes:
        bodies.append(body)
        return b""

    with serving(export) as target, relay(target) as (port, silent):
        transport = GrpcTransport(f"127.0.0.1:{port}", timeout_seconds=2.0)
        assert transport.send(b"first") == Taken()
        silent.set()
        assert transport.send(b"into the dark") == Failed("unavailable", "DEADLINE_EXCEEDED: Deadline Exceeded")
        assert transport.send(b"second") == Taken()
        transport.close()

    assert bodies == [b"first", b"second"]


def test_a_next_hop_that_comes_back_is_found_again_soon() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    transport = GrpcTransport(f"127.0.0.1:{port}", timeout_seconds=2.0)
    for _ in range(20):
        answer = transport.send(b"a")
        assert isinstance(answer, Failed)
        assert answer.kind == "unavailable"

    with serving(lambda _body, _context: b"", port=port):
        deadline = time.monotonic() + 5
        while transport.send(b"a") != Taken():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        transport.close()


def test_a_connection_that_was_given_up_is_unavailable(transport: GrpcTransport) -> None:
    transport.close()
    answer = transport.send(b"a")
    assert isinstance(answer, Failed)
    assert answer.kind == "unavailable"


def test_a_next_hop_that_asks_for_a_certificate_gets_ours_and_has_to_show_its_own(tmp_path: Path) -> None:
    authority, ours = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = ours.issue_cert("spancost")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    theirs = authority.issue_cert("localhost")
    server = grpc.ssl_server_credentials(
        [(theirs.private_key_pem.bytes(), theirs.cert_chain_pems[0].bytes())],
        root_certificates=ours.cert_pem.bytes(),
        require_client_auth=True,
    )
    files = (tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem")

    with serving(lambda _body, _context: b"", credentials=server) as port:
        answers: list[Taken | Failed] = []
        for credentials in (grpc_credentials(*files), grpc_credentials(files[0]), None):
            transport = GrpcTransport(f"localhost:{port}", timeout_seconds=30.0, credentials=credentials)
            answers.append(transport.send(b"x"))
            transport.close()

    assert answers[0] == Taken()
    assert [answer.kind for answer in answers[1:] if isinstance(answer, Failed)] == ["unavailable", "unavailable"]


def test_what_is_wrong_with_a_certificate_is_said_to_the_end(tmp_path: Path) -> None:
    trusted, unknown = trustme.CA(), trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    theirs = unknown.issue_cert("127.0.0.1")
    server = grpc.ssl_server_credentials([(theirs.private_key_pem.bytes(), theirs.cert_chain_pems[0].bytes())])

    with serving(lambda _body, _context: b"", credentials=server) as port:
        credentials = grpc_credentials(tmp_path / "ca.pem")
        transport = GrpcTransport(f"127.0.0.1:{port}", timeout_seconds=30.0, credentials=credentials)
        answer = transport.send(b"x")
        transport.close()

    assert isinstance(answer, Failed)
    assert "CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate" in answer.reason


def test_files_that_are_no_certificates_are_named_at_the_start(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    with pytest.raises(ConfigError, match=r"forward: tls\.ca: .*wrong\.pem: .*; name a PEM file of certificates"):
        grpc_credentials(wrong)
    with pytest.raises(ConfigError, match=r"forward: tls\.cert: .*missing\.pem with tls\.key None: No such file"):
        grpc_credentials(cert=tmp_path / "missing.pem")


def test_a_deadline_leaves_another_call_that_is_under_way_its_answer() -> None:
    first_is_over = threading.Event()

    def export(_body: bytes, _context: grpc.ServicerContext) -> bytes:
        first_is_over.wait(20)
        return b""

    with serving(export) as target, ThreadPoolExecutor(2) as threads:
        transport = GrpcTransport(f"127.0.0.1:{target}", timeout_seconds=2.0)
        first = threads.submit(transport.send, b"first")
        time.sleep(1.0)
        second = threads.submit(transport.send, b"second")
        assert first.result(20) == Failed("unavailable", "DEADLINE_EXCEEDED: Deadline Exceeded")
        first_is_over.set()

        assert second.result(20) == Taken()
        transport.close()
