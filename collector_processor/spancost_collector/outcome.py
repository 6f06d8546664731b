"""How an export ends for its sender, and the one place where that becomes a gRPC status.

OTLP senders drop what is refused for good and send the rest again, so the difference between the two is money.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import grpc

from spancost_collector import otlp_pb2 as otlp

RefusalKind = Literal["malformed", "rejected", "unavailable", "overloaded", "internal"]
"""Why an export was not acknowledged.

`malformed`: not OTLP. `rejected`: the next hop refuses these very bytes. `unavailable`: the ledger or the next hop
cannot take them now. `overloaded`: the queue is full. `internal`: a fault of ours."""

STATUS_DETAILS: Final = "grpc-status-details-bin"
"""The trailing metadata that holds a serialised google.rpc.Status."""

_CODES: Final[dict[RefusalKind, grpc.StatusCode]] = {
    "malformed": grpc.StatusCode.INVALID_ARGUMENT,
    "rejected": grpc.StatusCode.INVALID_ARGUMENT,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "overloaded": grpc.StatusCode.UNAVAILABLE,
    "internal": grpc.StatusCode.INTERNAL,
}
_RETRY_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """An export that is not acknowledged."""

    kind: RefusalKind
    reason: str
    """Where, what, and what to do; sent to the sender."""


@dataclass(frozen=True, slots=True)
class GrpcStatus:
    """What goes over the wire for a refusal."""

    code: grpc.StatusCode
    message: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


def grpc_status(refusal: Refusal) -> GrpcStatus:
    """The gRPC status of a refusal; retryable ones carry a RetryInfo, as OTLP asks."""
    code = _CODES[refusal.kind]
    if code is not grpc.StatusCode.UNAVAILABLE:
        return GrpcStatus(code, refusal.reason, ())
    number, _ = code.value
    status = otlp.RpcStatus(code=number, message=refusal.reason)
    retry = otlp.RetryInfo()
    retry.retry_delay.seconds = _RETRY_SECONDS
    detail = status.details.add()
    detail.type_url = "type.googleapis.com/google.rpc.RetryInfo"
    detail.value = retry.SerializeToString()
    return GrpcStatus(code, refusal.reason, ((STATUS_DETAILS, status.SerializeToString()),))
