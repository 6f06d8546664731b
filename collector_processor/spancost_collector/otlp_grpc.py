"""OTLP over gRPC, in: raw bytes to the worker, its answer to a status.

The generated stubs are not used: a handler without a deserialiser costs half as much, and the request is parsed by
`decode`, which keeps what it does not know.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import grpc

from spancost_collector.outcome import Refusal, grpc_status
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from spancost_collector.config import Address
    from spancost_collector.metrics import ReceiverMetrics
    from spancost_collector.worker import Worker

_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
_ACCEPTED: Final = b""
"""An ExportTraceServiceResponse that has nothing to say."""
_LONGEST_WAIT_SECONDS: Final = 300.0
"""For senders without a deadline of their own; more than all of the pipeline's own deadlines together."""
_OVERLOADED: Final = Refusal("overloaded", "the receiver's queue is full; send again")


class OtlpGrpcServer:
    """The TraceService on one address."""

    def __init__(
        self,
        worker: Worker,
        metrics: ReceiverMetrics,
        *,
        listen: Address,
        max_message_bytes: int,
        max_concurrent_requests: int,
    ) -> None:
        """Take the address.

        Raises:
            ConfigError: it cannot be listened on.
        """
        self._worker = worker
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(max_concurrent_requests, thread_name_prefix="spancost-otlp")
        self._server = grpc.server(
            self._threads,
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.so_reuseport", 0),
            ],
        )
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(self._export)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler}),))
        try:
            self.port: int = self._server.add_insecure_port(str(listen))
        except RuntimeError as error:
            self._threads.shutdown()
            raise ConfigError(f"listen: cannot listen on {listen}; free the port, or choose another address") from error

    def start(self) -> None:
        """Begin to accept requests."""
        self._server.start()

    def stop(self, grace: float) -> None:
        """Accept nothing more, and wait up to `grace` seconds for the requests that are under way."""
        self._server.stop(grace).wait()
        self._threads.shutdown(wait=False)

    def _export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        if not context.is_active():  # the sender gave up while this waited for a thread, and will send again
            return _ACCEPTED
        arrived = time.perf_counter()
        answer = self._worker.submit(body)
        refusal = _OVERLOADED if answer is None else _wait(answer, context)
        self._metrics.request_seconds.observe(time.perf_counter() - arrived)
        if refusal is not None:
            self._metrics.rejected[refusal.kind].inc()
            status = grpc_status(refusal)
            context.set_code(status.code)
            context.set_details(status.message)
            context.set_trailing_metadata(status.trailing_metadata)
        return _ACCEPTED


def _wait(answer: Future[Refusal | None], context: grpc.ServicerContext) -> Refusal | None:
    """The worker's answer, or a refusal once the sender's own deadline has passed."""
    try:
        return answer.result(min(context.time_remaining(), _LONGEST_WAIT_SECONDS))
    except (TimeoutError, CancelledError):
        return Refusal("unavailable", "no answer within the sender's deadline; send again")
