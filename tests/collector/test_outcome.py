"""A sender that may try again is told when."""

from __future__ import annotations

import json

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from spancost_collector.outcome import Refusal, grpc_status, http_status

LATER = Refusal("unavailable", "the next hop asked for a pause", 20)


def test_grpc_carries_the_pause_as_retry_info() -> None:
    status = grpc_status(LATER)

    ((key, value),) = status.trailing_metadata
    (detail,) = Status.FromString(value).details
    info = RetryInfo()
    assert detail.Unpack(info)
    assert (key, status.code, info.retry_delay.seconds) == (
        "grpc-status-details-bin",
        grpc.StatusCode.UNAVAILABLE,
        20,
    )


def test_http_carries_it_as_a_header_and_in_the_status() -> None:
    status = http_status(LATER, as_json=True)
    assert (status.code, status.retry_after) == (503, 20)
    assert json.loads(status.body)["details"] == [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "20s"}
    ]


def test_where_nobody_asked_for_a_pause_the_refusal_has_its_own() -> None:
    away, busy = Refusal("unavailable", "the next hop is away"), Refusal("overloaded", "the queue is full")
    assert (http_status(away, as_json=False).retry_after, http_status(busy, as_json=False).retry_after) == (4, 2)


def test_what_cannot_be_mended_by_waiting_has_no_pause() -> None:
    refusal = Refusal("rejected", "not OTLP", 20)
    assert grpc_status(refusal).trailing_metadata == ()
    assert http_status(refusal, as_json=True).retry_after is None
    assert json.loads(http_status(refusal, as_json=True).body) == {"code": 3, "message": "not OTLP"}
