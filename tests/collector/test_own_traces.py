"""The receiver's own traces, as a trace backend gets them."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    import pytest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from tests.collector.conftest import Launch, NextHop, Otlp


def spans_in(bodies: list[bytes]) -> dict[str, Span]:
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    (resource_spans,) = [one for request in requests for one in request.resource_spans]
    assert {pair.key: pair.value.string_value for pair in resource_spans.resource.attributes}[
        "service.name"
    ] == "spancost"
    return {span.name: span for scope_spans in resource_spans.scope_spans for span in scope_spans.spans}


def test_a_group_of_requests_is_a_trace_with_its_stages(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    running = launch(own_traces={"endpoint": str(next_hop.address)})
    assert running.export(otlp.body(otlp.call(1), otlp.call(2))) is grpc.StatusCode.OK
    running.stop()

    found = spans_in(next_hop.bodies)

    group = found["process requests"]
    facts = {pair.key: pair.value.int_value for pair in group.attributes}
    assert facts["spancost.requests"] == 1
    assert facts["spancost.bytes"] == len(otlp.body(otlp.call(1), otlp.call(2)))
    assert {name: span.parent_span_id == group.span_id for name, span in found.items()} == {
        "process requests": False,
        "read": True,
        "charge": True,
    }
    assert [pair.value.int_value for pair in found["charge"].attributes] == [2]


def test_the_log_says_that_a_backend_does_not_take_them(
    launch: Launch, next_hop: NextHop, otlp: Otlp, caplog: pytest.LogCaptureFixture
) -> None:
    next_hop.answer = lambda _body: grpc.StatusCode.UNAUTHENTICATED
    running = launch(own_traces={"endpoint": str(next_hop.address)})
    assert running.export(otlp.body(otlp.call(1))) is grpc.StatusCode.OK
    running.stop()

    (said,) = [message for message in caplog.messages if "takes no requests" in message]
    assert said.startswith(f"next hop {next_hop.address}: takes no requests: UNAUTHENTICATED")


def test_a_share_of_none_makes_no_trace(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    running = launch(own_traces={"endpoint": str(next_hop.address), "ratio": 0})
    assert running.export(otlp.body(otlp.call(1))) is grpc.StatusCode.OK
    running.stop()

    assert next_hop.bodies == []


def test_stopping_does_not_wait_for_a_backend_that_hangs(launch: Launch, next_hop: NextHop, otlp: Otlp) -> None:
    late = Event()
    answered: list[bool] = []

    def hold(_body: bytes) -> bytes:
        answered.append(late.wait(5))
        return b""

    next_hop.answer = hold
    running = launch(own_traces={"endpoint": str(next_hop.address), "timeout_seconds": 30})
    assert running.export(otlp.body(otlp.call(1))) is grpc.StatusCode.OK
    running.stop(0.2)
    assert answered == []
    late.set()
