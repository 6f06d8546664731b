"""The next hop: enriched requests go on to another OTLP receiver, several in one call.

Requests are concatenated, which is valid OTLP (repeated fields concatenate) and saves most of a call's fixed cost.
What the next hop answers is one of three things:

- taken: also where it reports a partial success; OTLP forbids sending again, so the spans it rejected are counted;
- unavailable: no connection, a deadline, or a fault in the set-up (credentials, a missing service) that resending
  survives once it is mended. The sender sends again, and the ledger counts nothing twice;
- rejected: it will never take these bytes. A concatenation that is rejected is sent again request by request, so
  only the sender of the offending one is refused, and is told why.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol, cast

import grpc
from google.protobuf.message import DecodeError

from spancost_collector import otlp_pb2 as otlp
from spancost_collector.outcome import STATUS_DETAILS, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_log: Final = logging.getLogger(__name__)

EXPORT_METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

# The bytes are at fault, whoever sends them. RESOURCE_EXHAUSTED belongs here unless it comes with a RetryInfo: the
# message is larger than the next hop accepts. https://opentelemetry.io/docs/specs/otlp/#failures
_REJECTED: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)


class ForwardCounts(Protocol):
    """Where the forwarder counts what the next hop did not take."""

    def forward_failed(self, requests: int) -> None:
        """The next hop could not be asked, or could not take the requests now."""
        ...

    def forward_rejected(self, requests: int) -> None:
        """The next hop will never take the requests."""
        ...

    def forward_rejected_spans(self, spans: int) -> None:
        """The next hop took a request except for so many spans."""
        ...


class Forwarder:
    """Sends requests to one next hop."""

    def __init__(self, target: str, *, counts: ForwardCounts, timeout_seconds: float, max_bytes: int) -> None:
        self._target = target
        self._counts = counts
        self._timeout = timeout_seconds
        self._max_bytes = max_bytes
        self._channel = grpc.insecure_channel(
            target,
            options=[
                ("grpc.max_send_message_length", -1),
                # Senders are waiting: without these, gRPC looks away for up to two minutes after an outage.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )
        self._export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(EXPORT_METHOD)

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Send `bodies` on; one answer for each, None where the next hop took it."""
        answers: list[Refusal | None] = []
        for chunk in self._chunks(bodies):
            refusal = self._send(b"".join(chunk))
            if refusal is not None and refusal.kind == "rejected" and len(chunk) > 1:
                one_by_one = [self._send(body) for body in chunk]
                answers.extend(one_by_one)
                self._count(one_by_one)
            else:
                answers.extend([refusal] * len(chunk))
                self._count([refusal] * len(chunk))
        return answers

    def check(self) -> Refusal | None:
        """Why the next hop would not take a request at this moment, found out with an empty one."""
        return self._send(b"")

    def close(self) -> None:
        """Give up the connection; a call under way ends as unavailable."""
        self._channel.close()

    def _chunks(self, bodies: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        start, size = 0, 0
        for index, body in enumerate(bodies):
            if index > start and size + len(body) > self._max_bytes:
                yield bodies[start:index]
                start, size = index, 0
            size += len(body)
        if bodies:
            yield bodies[start:]

    def _send(self, body: bytes) -> Refusal | None:
        try:
            response = self._export(body, timeout=self._timeout)
        except grpc.RpcError as error:
            return self._refusal(error)
        except ValueError as error:  # the channel was closed
            return Refusal("unavailable", f"next hop {self._target}: {error}; send again")
        self._read_partial_success(response)
        return None

    def _refusal(self, error: grpc.RpcError) -> Refusal:
        code, details, retry = _read_error(error)
        said = f"next hop {self._target}: {code.name}: {details}"
        if code in _REJECTED and not retry:
            return Refusal("rejected", f"{said}; it will not take this request")
        return Refusal("unavailable", f"{said}; send again")

    def _read_partial_success(self, response: bytes) -> None:
        if not response:
            return
        try:
            partial = otlp.ExportResponse.FromString(response).partial_success
        except DecodeError:
            _log.warning("next hop %s: took the spans and answered with what is not OTLP", self._target)
            return
        if partial.rejected_spans > 0:
            self._counts.forward_rejected_spans(partial.rejected_spans)
            _log.warning(
                "next hop %s: %d spans not taken: %s", self._target, partial.rejected_spans, partial.error_message
            )

    def _count(self, answers: Sequence[Refusal | None]) -> None:
        failed = sum(1 for answer in answers if answer is not None and answer.kind == "unavailable")
        rejected = sum(1 for answer in answers if answer is not None and answer.kind == "rejected")
        if failed:
            self._counts.forward_failed(failed)
        if rejected:
            self._counts.forward_rejected(rejected)


def _read_error(error: grpc.RpcError) -> tuple[grpc.StatusCode, str, bool]:
    """Code, what the peer said, and whether it asks for a retry."""
    if not isinstance(error, grpc.Call):
        return grpc.StatusCode.UNAVAILABLE, str(error), False
    metadata = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    retry = any(
        key == STATUS_DETAILS and isinstance(value, bytes) and b"google.rpc.RetryInfo" in value
        for key, value in metadata
    )
    return error.code(), error.details() or "no details", retry
