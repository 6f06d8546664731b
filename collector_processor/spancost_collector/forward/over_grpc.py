"""OTLP/gRPC to a next hop: raw bytes out, and a status read as what it means for these bytes."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, cast

import grpc
from google.protobuf.message import DecodeError

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.forward.hop import Failed, Taken, one_line
from spancost_collector.outcome import STATUS_DETAILS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXPORT_TRACES: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
EXPORT_METRICS: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

# The bytes are at fault, whoever sends them. RESOURCE_EXHAUSTED belongs here unless it comes with a RetryInfo: the
# message is larger than the next hop accepts. https://opentelemetry.io/docs/specs/otlp/#failures
_REJECTED: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)


class GrpcTransport:
    """One channel to `target`, `host:port`."""

    def __init__(
        self,
        target: str,
        *,
        method: str = EXPORT_TRACES,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        gzip: bool = False,
        proxied: bool = True,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Make the channel, in clear text without `credentials`; it connects when it is first used.

        Where it may be `proxied`, it goes through the proxy that the environment names, if it does.
        """
        self.name = target
        self._timeout = timeout_seconds
        self._metadata = tuple((name.lower(), value) for name, value in (headers or {}).items())
        options = [
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", int(proxied)),
            # Senders are waiting: without these, gRPC looks away for up to two minutes after an outage.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            # A new channel is a new connection.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        compression = grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression

        def connect() -> grpc.Channel:
            if credentials is None:
                return grpc.insecure_channel(target, options, compression)
            return grpc.secure_channel(target, credentials, options, compression)

        self._connect = connect
        self._method = method
        self._closed = False
        self._lock = Lock()
        self._use(connect())

    def send(self, body: bytes) -> Taken | Failed:
        """Hand over one request."""
        export = self._export
        try:
            response = export(body, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            failed = _failed(error)
            if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                self._leave(export)
            return failed
        except ValueError as error:  # the channel was closed
            return Failed("unavailable", str(error))
        return read_response(response)

    def close(self) -> None:
        """Give up the connection; a call under way ends as unavailable."""
        with self._lock:
            self._closed = True
            self._channel.close()

    def _use(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(self._method)

    def _leave(self, export: grpc.UnaryUnaryMultiCallable[bytes, bytes]) -> None:
        """Ask over another connection from now on: the other end of this one may be gone, and TCP takes a quarter of an
        hour to notice. It is not closed, because another thread may wait for an answer on it, and ends with the last.
        """
        with self._lock:
            if not self._closed and self._export is export:
                self._use(self._connect())


def read_response(response: bytes) -> Taken:
    """What an ExportTraceServiceResponse says about a request that was taken."""
    try:
        partial = otlp.ExportResponse.FromString(response).partial_success
    except DecodeError:
        return Taken(message="answered with what is not OTLP")
    return Taken(partial.rejected_spans, one_line(partial.error_message))


def _failed(error: grpc.RpcError) -> Failed:
    if not isinstance(error, grpc.Call):
        return Failed("unavailable", str(error))
    code = error.code()
    said = f"{code.name}: {one_line(error.details() or 'no details')}"
    retry_after = _retry_after(error)
    if code in _REJECTED and retry_after is None:
        return Failed("too_large" if code is grpc.StatusCode.RESOURCE_EXHAUSTED else "rejected", said)
    return Failed("unavailable", said, retry_after)


def _retry_after(call: grpc.Call) -> float | None:
    """Seconds of the RetryInfo; 0 where it names none, None where there is no RetryInfo."""
    metadata = cast("Iterable[tuple[str, str | bytes]]", call.trailing_metadata() or ())
    for key, value in metadata:
        if key != STATUS_DETAILS or not isinstance(value, bytes):
            continue
        try:
            details = otlp.RpcStatus.FromString(value).details
            for detail in details:
                if detail.type_url.endswith("google.rpc.RetryInfo"):
                    delay = otlp.RetryInfo.FromString(detail.value).retry_delay
                    return max(0.0, delay.seconds + delay.nanos / 1e9)
        except DecodeError:
            return None
    return None
