"""Metrics and health over HTTP.

`/healthz` says that the process answers; `/readyz` says whether an export would be acknowledged now, by asking the
thread that would have to do it. Where tokens are configured, everything but these two asks for one: probes have none.
However many ask for the metrics, they are written by one thread at a time: many would keep calls from being charged,
and each would take the memory of all metrics.
"""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Final

from prometheus_client.exposition import gzip_accepted
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from spancost_collector.exposition.negotiation import choose
from spancost_collector.intake.access import REFUSED, Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from spancost_collector.outcome import Refusal

    Encode = Callable[[Collector], bytes]

_FOR_PROBES: Final = frozenset({"/healthz", "/readyz"})
_FASTEST: Final = 1
"""Of gzip's levels: it leaves a fifteenth of metrics, and the best a twenty-fifth in ten times the time."""


def create_app(registry: CollectorRegistry, ready: Callable[[], Refusal | None], gate: Gate) -> Starlette:
    """The HTTP endpoints over what the receiver counts and what it says about itself."""
    scrapes = _Scrapes(registry)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose(request.headers.get("accept", ""))
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if gzip_accepted(request.headers.get("accept-encoding", "")):
            encode = _compressed(encode)
            headers["Content-Encoding"] = "gzip"
        return Response(await scrapes(encode, tuple(headers.values())), headers=headers)

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readiness(request: Request) -> Response:
        problem = await asyncio.to_thread(ready)
        if problem is None:
            return PlainTextResponse("ready\n")
        return PlainTextResponse(f"not ready: {problem.reason}\n", status_code=503)

    return Starlette(
        routes=[Route("/metrics", metrics), Route("/healthz", health), Route("/readyz", readiness)],
        middleware=[] if gate.open else [Middleware(_Guarded, gate=gate)],
    )


class _Scrapes:
    """Writes metrics once for all who wait for them in a format; never from before somebody asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._turn = asyncio.Lock()
        self._waiting: dict[tuple[str, ...], asyncio.Task[bytes]] = {}
        """What the answer says of its form -> what has not begun yet."""

    async def __call__(self, encode: Encode, form: tuple[str, ...]) -> bytes:
        task = self._waiting.get(form)
        if task is None:
            task = self._waiting[form] = asyncio.create_task(self._write(encode, form))
        return await asyncio.shield(task)

    async def _write(self, encode: Encode, form: tuple[str, ...]) -> bytes:
        async with self._turn:
            del self._waiting[form]
            return await asyncio.to_thread(encode, self._registry)


def _compressed(encode: Encode) -> Encode:
    def compress(registry: Collector) -> bytes:
        return gzip.compress(encode(registry), _FASTEST)

    return compress


class _Guarded:
    """Asks for a token before anything else."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _FOR_PROBES:
            headers = dict[bytes, bytes](scope["headers"])
            if not self._gate.admits(headers.get(b"authorization", b"").decode("latin-1")):
                refused = PlainTextResponse(f"{REFUSED.reason}\n", 401, {"WWW-Authenticate": "Bearer"})
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)
