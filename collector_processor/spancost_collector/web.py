"""Metrics and health over HTTP.

`/healthz` says that the process answers; `/readyz` says whether an export would be acknowledged now, by asking the
thread that would have to do it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from threading import Thread
from typing import TYPE_CHECKING, Final

import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry
    from starlette.requests import Request

    from spancost_collector.config import Address
    from spancost_collector.outcome import Refusal

_log: Final = logging.getLogger(__name__)


def create_app(registry: CollectorRegistry, ready: Callable[[], Refusal | None]) -> Starlette:
    """The HTTP endpoints over what the receiver counts and what it says about itself."""

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readiness(request: Request) -> Response:
        problem = await asyncio.to_thread(ready)
        if problem is None:
            return PlainTextResponse("ready\n")
        return PlainTextResponse(f"not ready: {problem.reason}\n", status_code=503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", health), Route("/readyz", readiness)])


class WebServer:
    """Serves an application from a thread of its own."""

    def __init__(self, app: Starlette, *, listen: Address) -> None:
        """Take the address.

        Raises:
            ConfigError: it cannot be listened on.
        """
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(listen)
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"web_listen: cannot listen on {listen} ({error.strerror}); free the port, or choose another address"
            ) from error
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(app, lifespan="off", ws="none", access_log=False, log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._run, name="spancost-web", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what is under way and give the address up."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:
            _log.exception("the web server stopped")
