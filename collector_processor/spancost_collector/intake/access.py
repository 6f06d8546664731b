"""Who may send: bearer tokens, compared so that the time it takes tells nothing about them."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from spancost_collector.outcome import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spancost_collector.config import Listener

_SCHEME: Final = "bearer "
REFUSED: Final = Refusal(
    "unauthenticated",
    "no token, or one that is not known here; send `Authorization: Bearer TOKEN`"
    " (OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN)",
)


class Gate:
    """Lets in whoever has one of the tokens; everybody where there are none."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = tuple(token.encode() for token in tokens)
        self.open = not self._tokens
        """Whether nobody is asked."""

    @classmethod
    def of(cls, listener: Listener) -> Gate:
        """The gate of a listener."""
        return cls(token.get_secret_value() for token in listener.tokens)

    def admits(self, authorization: str | None) -> bool:
        """Whether a request with this header may come in."""
        if self.open:
            return True
        if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
            return False
        given = authorization[len(_SCHEME) :].strip().encode(errors="surrogateescape")
        return sum(hmac.compare_digest(given, token) for token in self._tokens) > 0  # all of them, whichever it is
