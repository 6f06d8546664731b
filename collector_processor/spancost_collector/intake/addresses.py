"""Taking an address to listen on: alone, or so that several processes of one user can listen on it together.

Of a shared address the system gives each new connection to one of those who listen. Sharing is by consent of all, so
a second receiver would be let in as well, and have half of the spans: whoever takes an address for its processes
makes sure first that nobody listens there.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING, Final

from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from spancost_collector.config import Address

_LETTING_GO_SECONDS: Final = 3.0
"""How long the processes of a receiver that was killed may still listen."""
_PAUSE_SECONDS: Final = 0.1


def listening(listen: Address, name: str, *, shared: bool) -> socket.socket:
    """A socket that listens on the address; `name` is the listener's in the configuration.

    Raises:
        ConfigError: it cannot be had.
    """
    try:
        taken = _bound(listen, shared=shared)
        try:
            taken.listen()
        except OSError:
            taken.close()
            raise
    except OSError as error:
        raise _refused(listen, name, error) from error
    return taken


def reserved(listen: Address, name: str) -> socket.socket:
    """A socket that keeps an address for processes that are to share it, and never listens itself.

    Raises:
        ConfigError: somebody listens there, or it cannot be had.
    """
    deadline = time.monotonic() + _LETTING_GO_SECONDS
    while True:
        try:
            _bound(listen, shared=False).close()
            return _bound(listen, shared=True)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise _refused(listen, name, error) from error
        time.sleep(_PAUSE_SECONDS)


def _bound(listen: Address, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(listen)
    except OSError:
        taken.close()
        raise
    return taken


def _refused(listen: Address, name: str, error: OSError) -> ConfigError:
    return ConfigError(
        f"{name}.listen: cannot listen on {listen} ({error.strerror});"
        " free the port, choose another address, or say off"
    )
