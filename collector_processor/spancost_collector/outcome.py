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
]
"""Why an export was not acknowledged.

`malformed`: not OTLP. `rejected`: the next hop refuses these very bytes. `unavailable`: the ledger or the next hop
cannot take them now. `overloaded`: more waits than may. `internal`: a fault of ours. `too_large`: more bytes than are
accepted. `incomplete`: it never arrived as a whole. `unauthenticated`: no token, or a wrong one. `not_taken`: a signal
that has nowhere to go. `not_understood`: a content type or encoding that is not OTLP's. `wrong_method`: not a POST."""
REFUSAL_KINDS: Final[tuple[RefusalKind, ...]] = get_args(RefusalKind)

STATUS_DETAILS: Final = "grpc-status-details-bin"
"""The trailing metadata that holds a serialised google.rpc.Status."""
RETRY_SECONDS: Final = 1
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An export that is not acknowledged."""

    kind: RefusalKind
    reason: str
    """Where, what, and what to do; sent to the sender."""
    retry_seconds: int = RETRY_SECONDS
    """When to send again, where that can help."""


class _Answer(NamedTuple):
    grpc: grpc.StatusCode
    http: int
    retry: bool = False


_ANSWERS: Final[dict[RefusalKind, _Answer]] = {
    "malformed": _Answer(grpc.StatusCode.INVALID_ARGUMENT, 400),
    "rejected": _Answer(grpc.StatusCode.INVALID_ARGUMENT, 400),
    "unavailable": _Answer(grpc.StatusCode.UNAVAILABLE, 503, retry=True),
    "overloaded": _Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 429, retry=True),
    "internal": _Answer(grpc.StatusCode.INTERNAL, 500),
    "too_large": _Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
    "incomplete": _Answer(grpc.StatusCode.CANCELLED, 408),
    "unauthenticated": _Answer(grpc.StatusCode.UNAUTHENTICATED, 401),
    "not_taken": _Answer(grpc.StatusCode.UNIMPLEMENTED, 404),
    "not_understood": _Answer(grpc.StatusCode.INVALID_ARGUMENT, 415),
    "wrong_method": _Answer(grpc.StatusCode.UNIMPLEMENTED, 405),
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
    if not answer.retry:
        return GrpcStatus(answer.grpc, refusal.reason, ())
    details = _status(refusal, answer).SerializeToString()
    return GrpcStatus(answer.grpc, refusal.reason, ((STATUS_DETAILS, details),))


def http_status(refusal: Refusal, *, as_json: bool) -> HttpStatus:
    """The HTTP status of a refusal."""
    answer = _ANSWERS[refusal.kind]
    status = _status(refusal, answer)
    body = _json(status, refusal.retry_seconds if answer.retry else None) if as_json else status.SerializeToString()
    return HttpStatus(answer.http, body, refusal.retry_seconds if answer.retry else None)


def _status(refusal: Refusal, answer: _Answer) -> otlp.RpcStatus:
    number, _ = answer.grpc.value
    status = otlp.RpcStatus(code=number, message=refusal.reason)
    if answer.retry:
        retry = otlp.RetryInfo()
        retry.retry_delay.seconds = refusal.retry_seconds
        detail = status.details.add()
        detail.type_url = _RETRY_INFO
        detail.value = retry.SerializeToString()
    return status


def _json(status: otlp.RpcStatus, retry_seconds: int | None) -> bytes:
    """By hand: protobuf's own writer would have to know the messages that `details` may hold."""
    document: dict[str, object] = {"code": status.code, "message": status.message}
    if retry_seconds is not None:
        document["details"] = [{"@type": _RETRY_INFO, "retryDelay": f"{retry_seconds}s"}]
    return json.dumps(document).encode()
