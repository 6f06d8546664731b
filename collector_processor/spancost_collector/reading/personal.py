"""Personal identifiers made unrecognisable: the same person stays the same key, and nobody can tell whose it is.

HMAC-SHA256 with a salt of the operator's own: without the salt a list of likely addresses cannot be tried against it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from spancost_pricing import ConfigError

_SHORTEST_SALT: Final = 16
_LENGTH: Final = 32
"""Hexadecimal digits kept: 128 bits never meet by chance."""


class Disguise:
    """Replaces an identifier by its keyed hash."""

    def __init__(self, salt: str) -> None:
        """Take the salt.

        Raises:
            ConfigError: it is too short to keep anything secret.
        """
        if len(salt) < _SHORTEST_SALT:
            raise ConfigError(
                f"salt of personal identifiers: got {len(salt)} characters; expected at least {_SHORTEST_SALT},"
                " e.g. from `openssl rand -hex 16`"
            )
        self._salt = salt.encode()

    def __call__(self, identifier: str) -> str:
        """The first half of the keyed hash, in hexadecimal."""
        return hmac.new(self._salt, identifier.encode(), hashlib.sha256).hexdigest()[:_LENGTH]
