"""The configured next hops, put together: which transport each one speaks, and whether an answer waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost_collector.forward.best_effort import PERSISTENT, BestEffort
from spancost_collector.forward.forwarder import Forwarder
from spancost_collector.forward.hop import BRIEF, Hop
from spancost_collector.forward.over_grpc import GrpcTransport
from spancost_collector.forward.over_http import HttpTransport
from spancost_collector.forward.tls import grpc_credentials, ssl_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spancost_collector.config import NextHop
    from spancost_collector.forward.hop import Transport
    from spancost_collector.metrics import ReceiverMetrics


def open_next_hops(configured: Sequence[NextHop], metrics: ReceiverMetrics) -> Forwarder | None:
    """A forwarder to every configured next hop; None where there is none.

    Raises:
        ConfigError: a certificate cannot be used.
    """
    if not configured:
        return None
    required: list[Hop] = []
    best_effort: list[BestEffort] = []
    for one, transport in [(one, _transport(one)) for one in configured]:
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


def _transport(hop: NextHop) -> Transport:
    headers = {name: value.get_secret_value() for name, value in hop.headers.items()}
    files = (None, None, None) if hop.tls is None else (hop.tls.ca, hop.tls.cert, hop.tls.key)
    packed = hop.compression == "gzip"
    if hop.protocol == "grpc":
        return GrpcTransport(
            str(hop.address),
            timeout_seconds=hop.timeout_seconds,
            headers=headers,
            gzip=packed,
            credentials=grpc_credentials(*files) if hop.secure else None,
        )
    return HttpTransport(
        hop.url,
        timeout_seconds=hop.timeout_seconds,
        headers=headers,
        gzip=packed,
        tls=ssl_context(*files) if hop.secure else None,
    )
