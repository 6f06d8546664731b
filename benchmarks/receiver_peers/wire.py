"""Both ends of whatever is measured: a sender that keeps so many requests in flight, and a sink that counts."""

from __future__ import annotations

import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
_UNLIMITED: Final = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
_SECONDS: Final = 300.0


class Sink:
    """The next hop: takes everything, and knows how many spans came and which of them had a cost."""

    def __init__(self) -> None:
        self.spans = 0
        self.costs = list[float]()
        self._arrived = threading.Condition()
        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=_UNLIMITED)
        handler = grpc.unary_unary_rpc_method_handler(
            self._export, request_deserializer=bytes, response_serializer=bytes
        )
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler})])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def wait_for(self, spans: int) -> None:
        """Return when so many have come."""
        deadline = time.monotonic() + _SECONDS
        with self._arrived:
            while self.spans < spans:
                remaining = deadline - time.monotonic()
                assert remaining > 0, f"{self.spans} of {spans} spans arrived"
                self._arrived.wait(remaining)

    def stop(self) -> None:
        self._server.stop(None).wait()

    def _export(self, body: bytes, _context: grpc.ServicerContext) -> bytes:
        request = ExportTraceServiceRequest.FromString(body)
        spans = [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
        # One span of each request is looked at, so that the sink stays out of the way.
        cost = [pair.value.double_value for pair in spans[0].attributes if pair.key == "spancost.cost.usd"]
        with self._arrived:
            self.spans += len(spans)
            self.costs += cost
            self._arrived.notify_all()
        return b""


def send(address: str, requests: Sequence[bytes], concurrent: int) -> None:
    """Send every request, again where the answer asks for it, and return when all are acknowledged."""
    slots = threading.Semaphore(concurrent)
    failures = list[BaseException]()
    with (
        grpc.insecure_channel(address, options=_UNLIMITED) as channel,
        futures.ThreadPoolExecutor(concurrent) as pool,
    ):
        export = channel.unary_unary(f"/{_SERVICE}/Export", request_serializer=bytes, response_deserializer=bytes)

        def one(body: bytes) -> None:
            try:
                _export(export, body)
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                slots.release()

        for body in requests:
            slots.acquire()
            pool.submit(one, body)
    if failures:
        raise failures[0]


def _export(export: Callable[..., bytes], body: bytes) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            export(body, timeout=_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            retry = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
            if not retry or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
