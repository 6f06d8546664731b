"""Killed between commit and acknowledgement, the receiver loses nothing and counts nothing twice."""

from __future__ import annotations

import threading
from concurrent import futures
from decimal import Decimal
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.end_to_end.load import batch, reported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end


class NextHop:
    """An OTLP/gRPC trace backend that can be told to hold its answers back."""

    def __init__(self) -> None:
        self.received = list[ExportTraceServiceRequest]()
        self.arrived = threading.Event()
        self.release = threading.Event()
        self.release.set()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        handler = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        self._server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    "opentelemetry.proto.collector.trace.v1.TraceService", {"Export": handler}
                )
            ]
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def _export(self, request: ExportTraceServiceRequest, _context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        self.arrived.set()
        self.release.wait(30)
        self.received.append(request)
        return ExportTraceServiceResponse()

    def stop(self) -> None:
        self.release.set()
        self._server.stop(None).wait()


@pytest.fixture
def next_hop() -> Iterator[NextHop]:
    hop = NextHop()
    yield hop
    hop.stop()


def test_a_kill_between_commit_and_acknowledgement_loses_and_doubles_nothing(
    serve: Callable[..., Serve], next_hop: NextHop
) -> None:
    hop = ("--forward", f"127.0.0.1:{next_hop.port}")
    first = serve(*hop)
    first.send(batch(1, 50))
    next_hop.arrived.clear()
    next_hop.release.clear()
    outcome = list[grpc.StatusCode]()

    def send_and_fail() -> None:
        with pytest.raises(grpc.RpcError) as raised:
            first.send(batch(51, 50))
        outcome.append(raised.value.code())

    sender = threading.Thread(target=send_and_fail)
    sender.start()
    assert next_hop.arrived.wait(10)  # committed, for the next hop is asked after the commit; not acknowledged
    first.kill()
    next_hop.release.set()
    sender.join(10)

    assert outcome == [grpc.StatusCode.UNAVAILABLE]
    assert reported(first.ledger) == (100, Decimal("0.35"))

    second = serve(*hop)
    restored = sum(second.samples("spancost_calls_total").values())
    second.send(batch(51, 50))
    counted = sum(second.samples("spancost_calls_total").values())
    spent = sum(second.samples("spancost_cost_usd_total").values())
    assert second.stop() == 0

    assert (restored, counted) == (100, 100)
    assert spent == pytest.approx(0.35)
    assert reported(second.ledger) == (100, Decimal("0.35"))
    forwarded = {span.span_id for r in next_hop.received for s in r.resource_spans[0].scope_spans for span in s.spans}
    assert forwarded == {n.to_bytes(8, "big") for n in range(1, 101)}


def test_a_next_hop_that_is_down_makes_the_sender_try_again_and_costs_nothing_extra(
    serve: Callable[..., Serve], next_hop: NextHop
) -> None:
    next_hop.stop()
    receiver = serve("--forward", f"127.0.0.1:{next_hop.port}")
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as raised:
            receiver.send(batch(1, 10))
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert receiver.stop() == 0

    assert reported(receiver.ledger) == (10, Decimal("0.035"))


def test_a_terminated_receiver_answers_what_it_took(serve: Callable[..., Serve], next_hop: NextHop) -> None:
    receiver = serve("--forward", f"127.0.0.1:{next_hop.port}")
    next_hop.arrived.clear()
    next_hop.release.clear()
    answered = threading.Event()

    def send() -> None:
        receiver.send(batch(1, 10))
        answered.set()

    sender = threading.Thread(target=send)
    sender.start()
    assert next_hop.arrived.wait(10)
    receiver.process.terminate()
    threading.Timer(0.3, next_hop.release.set).start()

    assert receiver.process.wait(timeout=30) == 0
    sender.join(10)
    assert answered.is_set()
    assert reported(receiver.ledger) == (10, Decimal("0.035"))
