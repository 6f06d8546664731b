"""An address, an application, and the thread with the event loop that serves the one on the other."""

from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from spancost_collector.config import Address
from spancost_collector.intake.addresses import listening
from spancost_collector.intake.http_protocol import HttpProtocol
from spancost_collector.intake.listener_tls import Certificate

if TYPE_CHECKING:
    import socket
    import ssl

    from spancost_collector.config import Listener

_log: Final = logging.getLogger(__name__)

_LONGEST_GRACE_SECONDS: Final = 3600
_KEEP_ALIVE_SECONDS: Final = 120
"""Much longer than the pause between two exports, or a sender would often write to a connection that is just closed."""
_AT_ONCE: Final = 1
"""How many connections are taken at a time. Where no file is left for one, asyncio logs that and plans to try again so
many times, and so does each of those tries."""
_WAITING_CONNECTIONS: Final = 2048
"""How many may wait to be taken."""


class _Server(uvicorn.Server):
    """Has more connections wait than are taken at a time, which are one number to asyncio."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(_WAITING_CONNECTIONS)


class HttpListener:
    """Serves an ASGI application over HTTP/1.1, with TLS where the configuration has a certificate."""

    def __init__(self, app: Any, listener: Listener, *, listen: Address, name: str, shared: bool = False) -> None:
        """Take the address, which other processes may have as well where it is `shared`.

        `name` is the listener's in the configuration.

        Raises:
            ConfigError: it cannot be listened on, or its certificate cannot be used.
        """
        context = None if listener.tls is None else Certificate(listener.tls, name).for_http()
        self._socket = listening(listen, name, shared=shared)
        self.address = Address(listen.host, self._socket.getsockname()[1])

        def use_context(_config: uvicorn.Config, _default: object) -> ssl.SSLContext:
            assert context is not None
            return context

        self._config = uvicorn.Config(
            app,
            http=HttpProtocol,
            backlog=_AT_ONCE,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            ssl_context_factory=None if context is None else use_context,
        )
        self._server = _Server(self._config)
        self._thread = Thread(target=self._run, name=f"spancost-{name}", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self, grace: float) -> None:
        """Accept nothing more; what is under way has about `grace` seconds. Does not wait."""
        self._config.timeout_graceful_shutdown = min(max(1, round(grace)), _LONGEST_GRACE_SECONDS)
        self._server.should_exit = True

    def join(self, seconds: float | None = None) -> None:
        """Wait until everything has been answered, or for so long, and give the address up."""
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._socket.close()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except Exception:
            _log.exception("the server on %s stopped", self.address)
