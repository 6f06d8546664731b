"""The next hop gets everything in few calls, and what it will not take is nobody else's problem."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from spancost_collector.forward import Forwarder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.conftest import NextHop, Otlp

    from spancost_collector.outcome import Refusal


@dataclass
class Counts:
    failed: int = 0
    rejected: int = 0
    rejected_spans: int = 0

    def forward_failed(self, requests: int) -> None:
        self.failed += requests

    def forward_rejected(self, requests: int) -> None:
        self.rejected += requests

    def forward_rejected_spans(self, spans: int) -> None:
        self.rejected_spans += spans


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def forward(next_hop: NextHop, counts: Counts) -> Iterator[Forwarder]:
    forwarder = Forwarder(str(next_hop.address), counts=counts, timeout_seconds=5.0, max_bytes=1000)
    yield forwarder
    forwarder.close()


def kinds(answers: list[Refusal | None]) -> list[str | None]:
    return [answer and answer.kind for answer in answers]


def test_requests_travel_together_up_to_the_limit(forward: Forwarder, next_hop: NextHop, otlp: Otlp) -> None:
    bodies = [otlp.body(otlp.call(n)) for n in range(1, 9)]  # 299 bytes each: three fit into 1000

    assert forward(bodies) == [None] * 8

    assert [len(body) // len(bodies[0]) for body in next_hop.bodies] == [3, 3, 2]
    assert [span.span_id[-1] for span in next_hop.spans()] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_request_above_the_limit_travels_alone(forward: Forwarder, next_hop: NextHop) -> None:
    assert forward([b"\x7a\x01x", b"\x7a\xd0\x0f" + b"x" * 2000, b"\x7a\x01y"]) == [None] * 3
    assert [len(body) for body in next_hop.bodies] == [3, 2003, 3]


def test_one_rejected_request_does_not_take_the_others_with_it(
    forward: Forwarder, next_hop: NextHop, counts: Counts
) -> None:
    next_hop.answer = lambda body: grpc.StatusCode.INVALID_ARGUMENT if b"poison" in body else b""

    answers = forward([b"one", b"poison", b"two"])

    assert kinds(answers) == [None, "rejected", None]
    assert next_hop.bodies == [b"one", b"two"]
    assert (counts.rejected, counts.failed) == (1, 0)
    assert answers[1] is not None
    assert "said the next hop" in answers[1].reason


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, "unavailable"),
        (grpc.StatusCode.ABORTED, "unavailable"),
        (grpc.StatusCode.UNAUTHENTICATED, "unavailable"),
        (grpc.StatusCode.UNIMPLEMENTED, "unavailable"),
        (grpc.StatusCode.INVALID_ARGUMENT, "rejected"),
        (grpc.StatusCode.INTERNAL, "rejected"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "rejected"),
    ],
)
def test_only_a_refusal_of_the_bytes_is_final(
    forward: Forwarder, next_hop: NextHop, code: grpc.StatusCode, kind: str
) -> None:
    next_hop.answer = lambda _body: code
    assert kinds(forward([b"x"])) == [kind]


def test_an_exhausted_next_hop_that_asks_for_a_retry_gets_one(forward: Forwarder, next_hop: NextHop) -> None:
    next_hop.answer = lambda _body: grpc.StatusCode.RESOURCE_EXHAUSTED
    next_hop.details = b"\x08\x08\x1a\x2c\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x00"
    assert kinds(forward([b"x"])) == ["unavailable"]


def test_spans_that_the_next_hop_leaves_out_are_counted(forward: Forwarder, next_hop: NextHop, counts: Counts) -> None:
    response = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    )
    next_hop.answer = lambda _body: response.SerializeToString()

    assert forward([b"a", b"b"]) == [None, None]
    assert counts.rejected_spans == 3


def test_nobody_there_is_unavailable(counts: Counts) -> None:
    forwarder = Forwarder("127.0.0.1:1", counts=counts, timeout_seconds=2.0, max_bytes=1000)
    assert kinds(forwarder([b"a", b"b"])) == ["unavailable", "unavailable"]
    assert counts.failed == 2
    forwarder.close()


def take(_body: bytes, _context: grpc.ServicerContext) -> bytes:
    return b""


def test_a_next_hop_that_comes_back_is_found_again_soon(counts: Counts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    forwarder = Forwarder(f"127.0.0.1:{port}", counts=counts, timeout_seconds=2.0, max_bytes=1000)
    for _ in range(20):
        assert kinds(forwarder([b"a"])) == ["unavailable"]

    threads = ThreadPoolExecutor(1)
    server = grpc.server(threads)
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(take)
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    deadline = time.monotonic() + 5
    while forwarder([b"a"]) != [None]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    forwarder.close()
    server.stop(None).wait()
    threads.shutdown()


def test_a_connection_that_was_given_up_is_unavailable(forward: Forwarder) -> None:
    forward.close()
    assert kinds(forward([b"a"])) == ["unavailable"]
