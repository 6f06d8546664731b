"""OTLP over gRPC, in: raw bytes to the worker, its answer to a status.

The generated stubs are not used: a handler without a deserialiser costs half as much, and the request is parsed by
`decode`, which keeps what it does not know. An export is taken as a stream of one message, which is the same on the
wire: only so does a request that gRPC itself turns away, for being too large, get here to be counted.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Semaphore
from typing import TYPE_CHECKING, Any, Final, cast

import grpc

from spancost_collector.config import Address
from spancost_collector.intake.access import Gate
from spancost_collector.intake.arrivals import ARRIVAL_SECONDS, Arrivals
from spancost_collector.intake.grpc_services import Door, TrueHealth, add_health, add_reflection, refuse, refusing
from spancost_collector.intake.listener_tls import Certificate
from spancost_collector.intake.signals import SIGNALS, TRACES
from spancost_collector.outcome import QUEUE_FULL, Refusal
from spancost_collector.own_requests import HEADER, LOOPED
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from spancost_collector.config import Grpc, Intake
    from spancost_collector.intake.signals import Destinations, Submit
    from spancost_collector.metrics.receiver import ReceiverMetrics

    Handler = grpc.RpcMethodHandler[Any, Any]

_ACCEPTED: Final = b""
"""An ExportTraceServiceResponse that has nothing to say."""
_LONGEST_WAIT_SECONDS: Final = 300.0
"""For senders without a deadline of their own; more than all of the pipeline's own deadlines together."""
IDLE_SECONDS: Final = 600.0
"""How long a connection may stay without a call; who has more to say afterwards connects again by itself."""
_TOO_MANY: Final = Refusal("overloaded", "too many requests are under way; send again")
_NO_MESSAGE: Final = Refusal("incomplete", "the sender gave up before the request was complete")


class OtlpGrpcServer:
    """OTLP's services, health and reflection on one address."""

    def __init__(
        self,
        destinations: Destinations,
        metrics: ReceiverMetrics,
        check: Callable[[], Refusal | None],
        *,
        listener: Grpc,
        listen: Address,
        intake: Intake,
        mark: str,
        shared: bool,
    ) -> None:
        """Take the address, which other processes may have as well where it is `shared`.

        `mark` is the receiver's own (`own_requests`).

        Raises:
            ConfigError: it cannot be listened on, or its certificate cannot be used.
        """
        credentials = None if listener.tls is None else Certificate(listener.tls, "grpc").for_grpc()
        self._threads = ThreadPoolExecutor(intake.max_concurrent_requests, thread_name_prefix="spancost-otlp")
        self._spare = ThreadPoolExecutor(2, thread_name_prefix="spancost-otlp-spare")
        gate = Gate.of(listener)
        self._server = grpc.server(
            self._threads,
            options=[
                ("grpc.max_receive_message_length", int(intake.max_message_bytes)),
                ("grpc.so_reuseport", int(shared)),
                ("grpc.max_connection_idle_ms", round(IDLE_SECONDS * 1000)),
            ],
            interceptors=[] if gate.open else [Door(gate, metrics, self._spare)],
        )
        self._arrivals = Arrivals(ARRIVAL_SECONDS)
        exports = _Exports(destinations, metrics, intake, self._spare, self._arrivals, mark)
        self._server.add_generic_rpc_handlers((exports,))
        self.health = TrueHealth(check, TRACES.service, self._spare)
        add_health(self._server, self.health)
        self._curious = ThreadPoolExecutor(2, thread_name_prefix="spancost-otlp-reflection")
        if listener.reflection:
            add_reflection(self._server, self._curious)
        try:
            if credentials is None:
                port = self._server.add_insecure_port(str(listen))
            else:
                port = self._server.add_secure_port(str(listen), credentials)
        except RuntimeError as error:
            self._give_up_threads()
            raise ConfigError(
                f"grpc.listen: cannot listen on {listen}; free the port, choose another address, or say off"
            ) from error
        self.address = Address(listen.host, port)

    def start(self) -> None:
        """Begin to accept requests."""
        self._arrivals.start()
        self._server.start()

    def stop(self, grace: float) -> None:
        """Accept nothing more, and wait up to `grace` seconds for the requests that are under way."""
        self.health.enter_graceful_shutdown()
        self._server.stop(grace).wait()
        self._arrivals.stop()
        self._give_up_threads()

    def _give_up_threads(self) -> None:
        for threads in (self._threads, self._spare, self._curious):
            threads.shutdown(wait=False)


class _Exports(grpc.GenericRpcHandler):
    """`Export` of each signal: taken where it has somewhere to go, and refused with a reason where not."""

    def __init__(
        self,
        destinations: Destinations,
        metrics: ReceiverMetrics,
        intake: Intake,
        spare: ThreadPoolExecutor,
        arrivals: Arrivals,
        mark: str,
    ) -> None:
        self._metrics = metrics
        self._arrivals = arrivals
        self._room = Semaphore(intake.max_concurrent_requests + intake.max_waiting_requests)
        self._own = (HEADER, mark)
        self._looped = refusing(LOOPED, metrics, spare)
        self._too_many = refusing(_TOO_MANY, metrics, spare)
        self._taken: dict[str, Handler] = {}
        self._refused: dict[str, Handler] = {}
        for signal in SIGNALS:
            submit = destinations.get(signal)
            method = f"/{signal.service}/Export"
            if submit is None:
                self._refused[method] = refusing(signal.not_taken, metrics, spare)
            else:
                self._taken[method] = self._handler(submit)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """What answers a call, decided before anything of its message is read."""
        handler = self._taken.get(handler_call_details.method)
        if handler is None:
            return self._refused.get(handler_call_details.method)
        if self._own in (handler_call_details.invocation_metadata or ()):
            return self._looped
        return handler if self._room.acquire(blocking=False) else self._too_many

    def _handler(self, submit: Submit) -> Handler:
        def export(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            try:
                self._export(submit, messages, context)
            finally:
                self._room.release()
            return _ACCEPTED

        return cast("Handler", grpc.stream_unary_rpc_method_handler(export))

    def _export(self, submit: Submit, messages: Iterator[bytes], context: grpc.ServicerContext) -> None:
        try:
            with self._arrivals.awaiting(context):
                body = next(messages, None)
        except grpc.RpcError:
            body = None
        if body is None:  # mostly nobody hears this: the sender is gone, or gRPC has told it that this is too large
            refuse(_NO_MESSAGE, self._metrics, context)
            return
        arrived = time.perf_counter()
        answer = submit(body)
        refusal = QUEUE_FULL if answer is None else _wait(answer, context)
        self._metrics.request_seconds.observe(time.perf_counter() - arrived)
        if refusal is not None:
            refuse(refusal, self._metrics, context)


def _wait(answer: Future[Refusal | None], context: grpc.ServicerContext) -> Refusal | None:
    """The worker's answer, or a refusal once the sender's own deadline has passed."""
    try:
        return answer.result(min(context.time_remaining(), _LONGEST_WAIT_SECONDS))
    except (TimeoutError, CancelledError):
        answer.cancel()
        return Refusal("unavailable", "no answer within the sender's deadline; send again")
