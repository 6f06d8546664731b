"""How an export ends for its sender, and the one place where that becomes a gRPC or an HTTP status.

OTLP senders drop what is refused for good and send the rest again, so the difference between the two is money.
https://opentelemetry.io/docs/specs/otlp/#failures
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

import grpc

from spancost_collector import otlp_pb2 as otlp

RefusalKind = Literal[
    "malformed",
    "rejected",
    "unavailable",
    "overloaded",
    "internal",
    "too_large",
    "incomplete",
    "unauthenticated",
    "not_taken",
    "not_understood",
    "wrong_method",
    "looped",
]
"""Why an export was not acknowledged.

`malformed`: not OTLP. `rejected`: the next hop refuses these very bytes. `unavailable`: the ledger or the next hop
cannot take them now. `overloaded`: more waits than may. `internal`: a fault of ours. `too_large`: more bytes than are
accepted. `incomplete`: it never arrived as a whole. `unauthenticated`: no token, or a wrong one. `not_taken`: a signal
that has nowhere to go. `not_understood`: a content type or encoding that is not OTLP's. `wrong_method`: not a POST.
`looped`: what this receiver sent itself."""
REFUSAL_KINDS: Final[tuple[RefusalKind, ...]] = get_args(RefusalKind)

STATUS_DETAILS: Final = "grpc-status-details-bin"
"""The trailing metadata that holds a serialised google.rpc.Status."""
# The SDKs' exporters wait over HTTP for as long as they are told, five times at most and ten seconds in all: a pause of
# one second has them give up after five seconds, one of two or four after eight. Where they are given more than ten
# seconds, five longer pauses outlast more.
BUSY_SECONDS: Final = 2
"""When to send again to who is there and has no room."""
_AWAY_SECONDS: Final = 4
"""When to send again what needs something that is away."""
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An export that is not acknowledged."""

    kind: RefusalKind
    reason: str
    """Where, what, and what to do; sent to the sender."""
    retry_seconds: int | None = None
    """When to send again, where that can help; None where nobody asked for a pause, and the kind has its own."""


QUEUE_FULL: Final = Refusal("overloaded", "the receiver's queue is full; send again")
FAULT: Final = Refusal("internal", "a fault in the receiver, which has logged it; the request was not acknowledged")
STOPPING: Final = Refusal("unavailable", "the receiver is stopping; send again")


class _Answer(NamedTuple):
    grpc: grpc.StatusCode
    http: int
    retry_seconds: int | None = None
    """None where sending again cannot help."""

    def pause(self, refusal: Refusal) -> int | None:
        """When to send again, in seconds."""
        asked = refusal.retry_seconds
        return self.retry_seconds if self.retry_seconds is None or asked is None else asked


_ANSWERS: Final[dict[RefusalKind, _Answer]] = {
    "malformed": _Answer(grpc.StatusCode.INVALID_ARGUMENT, 400),
    "rejected": _Answer(grpc.StatusCode.INVALID_ARGUMENT, 400),
    "unavailable": _Answer(grpc.StatusCode.UNAVAILABLE, 503, _AWAY_SECONDS),
    "overloaded": _Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 429, BUSY_SECONDS),
    "internal": _Answer(grpc.StatusCode.INTERNAL, 500),
    "too_large": _Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
    "incomplete": _Answer(grpc.StatusCode.CANCELLED, 408),
    "unauthenticated": _Answer(grpc.StatusCode.UNAUTHENTICATED, 401),
    "not_taken": _Answer(grpc.StatusCode.UNIMPLEMENTED, 404),
    "not_understood": _Answer(grpc.StatusCode.INVALID_ARGUMENT, 415),
    "wrong_method": _Answer(grpc.StatusCode.UNIMPLEMENTED, 405),
    "looped": _Answer(grpc.StatusCode.PERMISSION_DENIED, 508),
}


@dataclass(frozen=True, slots=True)
class GrpcStatus:
    """What goes over the wire for a refusal."""

    code: grpc.StatusCode
    message: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class HttpStatus:
    """What goes over the wire for a refusal."""

    code: int
    body: bytes
    """A google.rpc.Status."""
    retry_after: int | None
    """Seconds; None where sending again cannot help."""


def grpc_status(refusal: Refusal) -> GrpcStatus:
    """The gRPC status of a refusal; retryable ones carry a RetryInfo, as OTLP asks."""
    answer = _ANSWERS[refusal.kind]
    pause = answer.pause(refusal)
    if pause is None:
        return GrpcStatus(answer.grpc, refusal.reason, ())
    details = _status(refusal, answer, pause).SerializeToString()
    return GrpcStatus(answer.grpc, refusal.reason, ((STATUS_DETAILS, details),))


def http_status(refusal: Refusal, *, as_json: bool) -> HttpStatus:
    """The HTTP status of a refusal."""
    answer = _ANSWERS[refusal.kind]
    pause = answer.pause(refusal)
    status = _status(refusal, answer, pause)
    body = _json(status, pause) if as_json else status.SerializeToString()
    return HttpStatus(answer.http, body, pause)


def _status(refusal: Refusal, answer: _Answer, pause: int | None) -> otlp.RpcStatus:
    number, _ = answer.grpc.value
    status = otlp.RpcStatus(code=number, message=refusal.reason)
    if pause is not None:
        retry = otlp.RetryInfo()
        retry.retry_delay.seconds = pause
        detail = status.details.add()
        detail.type_url = _RETRY_INFO
        detail.value = retry.SerializeToString()
    return status


def _json(status: otlp.RpcStatus, pause: int | None) -> bytes:
    """By hand: protobuf's own writer would have to know the messages that `details` may hold."""
    document: dict[str, object] = {"code": status.code, "message": status.message}
    if pause is not None:
        document["details"] = [{"@type": _RETRY_INFO, "retryDelay": f"{pause}s"}]
    return json.dumps(document).encode()
