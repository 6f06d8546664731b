"""The private key of a certificate: an encrypted one is an error.

OpenSSL would ask the terminal for its password, at the start and again, in the middle of the work, whenever a
certificate is renewed; gRPC cannot read such a key at all.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import SSLContext


def show(context: SSLContext, cert: Path, key: Path | None) -> None:
    """Have a context show a certificate.

    Raises:
        OSError: a file cannot be used.
    """
    context.load_cert_chain(cert, key, _encrypted)


def _encrypted() -> NoReturn:
    raise OSError(errno.EINVAL, "the key is encrypted")
