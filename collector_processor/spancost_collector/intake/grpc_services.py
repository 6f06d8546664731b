"""What a gRPC server offers beside its own service: health that is true when it is asked, reflection, a locked door.

Health is for probes, which have no token and must be answered while every other thread is busy; the rest asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from spancost_collector.intake.access import REFUSED, Gate
from spancost_collector.outcome import Refusal, grpc_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import ThreadPoolExecutor

    from spancost_collector.metrics.receiver import ReceiverMetrics

    Handler = grpc.RpcMethodHandler[Any, Any]

_HEALTH_METHODS: Final = f"/{health.SERVICE_NAME}/"
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class InPool(Generic[_Request, _Response]):
    """A behaviour that runs on threads of its own, however busy the server's are."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        behaviour: Callable[[_Request, grpc.ServicerContext], _Response],
    ) -> None:
        self.experimental_thread_pool = threads  # the name under which gRPC looks for it
        self._behaviour = behaviour

    def __call__(self, request: _Request, context: grpc.ServicerContext) -> _Response:
        """Answer one call."""
        return self._behaviour(request, context)


def refuse(refusal: Refusal, metrics: ReceiverMetrics, context: grpc.ServicerContext) -> None:
    """End a call with a refusal, and count it."""
    metrics.rejected[refusal.kind].inc()
    status = grpc_status(refusal)
    context.set_code(status.code)
    context.set_details(status.message)
    context.set_trailing_metadata(status.trailing_metadata)


def refusing(refusal: Refusal, metrics: ReceiverMetrics, threads: ThreadPoolExecutor) -> Handler:
    """A handler that refuses every call without reading what is sent."""

    def behave(_unread: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        refuse(refusal, metrics, context)
        return b""

    return cast("Handler", grpc.stream_unary_rpc_method_handler(InPool(threads, behave)))


class Door(grpc.ServerInterceptor):
    """Refuses calls without a token before anything of them is read."""

    def __init__(self, gate: Gate, metrics: ReceiverMetrics, threads: ThreadPoolExecutor) -> None:
        self._gate = gate
        self._refuse = refusing(REFUSED, metrics, threads)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler of a call, or one that refuses it."""
        if not handler_call_details.method.startswith(_HEALTH_METHODS):
            given = dict(handler_call_details.invocation_metadata or ()).get("authorization")
            if not self._gate.admits(given if isinstance(given, str) else None):
                return self._refuse
        return continuation(handler_call_details)


class TrueHealth(health.HealthServicer):
    """The standard health service; `Check` finds out, `Watch` hears what checks have found."""

    def __init__(self, check: Callable[[], object | None], service: str, threads: ThreadPoolExecutor) -> None:
        super().__init__()
        self._ask = check
        self._services = ("", service)
        self.show(serving=False)
        self.Check = InPool(threads, self._check)

    def show(self, *, serving: bool) -> None:
        """Say so to everybody who watches."""
        status = health_pb2.HealthCheckResponse.ServingStatus
        for service in self._services:
            self.set(service, status.SERVING if serving else status.NOT_SERVING)

    def _check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        self.show(serving=self._ask() is None)
        return super().Check(request, context)


def add_health(server: grpc.Server, true_health: TrueHealth) -> None:
    """Offer the standard health service."""
    health_pb2_grpc.add_HealthServicer_to_server(true_health, server)  # pyright: ignore[reportUnknownMemberType]


def add_reflection(server: grpc.Server, threads: ThreadPoolExecutor) -> None:
    """Offer reflection; a client may keep its stream open, so it has threads of its own to hold."""
    traces = trace_service_pb2.DESCRIPTOR.services_by_name["TraceService"].full_name
    servicer: Any = reflection.ReflectionServicer([traces, health.SERVICE_NAME, reflection.SERVICE_NAME])
    servicer.ServerReflectionInfo = InPool(threads, servicer.ServerReflectionInfo)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)  # pyright: ignore[reportUnknownMemberType]
