"""The configured next hops, put together: which transport each one speaks, and whether an answer waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost_collector.forward.best_effort import PERSISTENT, BestEffort
from spancost_collector.forward.forwarder import Forwarder
from spancost_collector.forward.hop import BRIEF, Hop
from spancost_collector.forward.over_grpc import EXPORT_TRACES, GrpcTransport
from spancost_collector.forward.over_http import HttpTransport
from spancost_collector.forward.tls import grpc_credentials, ssl_context
from spancost_collector.own_requests import HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.config import NextHop, Target
    from spancost_collector.forward.hop import Transport
    from spancost_collector.metrics.receiver import ReceiverMetrics


def open_next_hops(configured: Sequence[NextHop], metrics: ReceiverMetrics, mark: str) -> Forwarder | None:
    """A forwarder to every configured next hop; None where there is none. `mark` is the receiver's own.

    Raises:
        ConfigError: a certificate cannot be used.
    """
    if not configured:
        return None
    required: list[Hop] = []
    best_effort: list[BestEffort] = []
    for one, transport in [(one, open_transport(one, EXPORT_TRACES, mark=mark)) for one in configured]:
        hop = Hop(
            transport,
            counts=metrics.next_hop(transport.name),
            max_bytes=one.max_request_bytes,
            patience=BRIEF if one.required else PERSISTENT,
        )
        if one.required:
            required.append(hop)
        else:
            drops = metrics.forward_drops(hop.name)
            queued = BestEffort(hop, max_bytes=one.max_queue_bytes, dropped=drops)
            metrics.watch_forward_queue(hop.name, lambda queued=queued: queued.size)
            best_effort.append(queued)
    return Forwarder(required, best_effort)


def open_transport(target: Target, method: str, *, section: str = "forward", mark: str = "") -> Transport:
    """The way to an OTLP receiver, as `section` of the configuration has it; `method` is what is called over gRPC.

    What is sent carries `mark`, if there is one, by which the receiver that sends it knows it again (`own_requests`).

    Raises:
        ConfigError: a certificate cannot be used.
    """
    headers = {name: value.get_secret_value() for name, value in target.headers.items()}
    if mark:
        headers[HEADER] = mark
    files = (None, None, None) if target.tls is None else (target.tls.ca, target.tls.cert, target.tls.key)
    packed = target.compression == "gzip"
    proxied = not target.address.loopback  # a proxy of the environment's has another loopback than we
    if target.protocol == "grpc":
        return GrpcTransport(
            str(target.address),
            method=method,
            timeout_seconds=target.timeout_seconds,
            headers=headers,
            gzip=packed,
            proxied=proxied,
            credentials=grpc_credentials(*files, section=section) if target.secure else None,
        )
    return HttpTransport(
        target.url,
        timeout_seconds=target.timeout_seconds,
        headers=headers,
        gzip=packed,
        proxied=proxied,
        tls=ssl_context(*files, section=section) if target.secure else None,
    )
