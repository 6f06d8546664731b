"""What each case costs: once, to the picodollar, worked out by hand from the providers' price lists.

Anthropic, Claude Sonnet 4.5: 3 USD a million in, 0.30 read from the cache, 3.75 written for five minutes, 6 for an
hour, 15 out. Bedrock takes a tenth more within a geography. Gemini 2.5 Pro: 1.25, 0.125 from the cache, 10 out.
GPT-5.6 on the flex tier: 2, 0.20 from the cache, 2.50 written, 10 out. Its small embeddings: 0.02.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

_CLAUDE: Final = Decimal("0.008217")  # 504 * 3 + 2000 * 0.30 + 600 * 3.75 + 400 * 6 + 97 * 15 = 8217 millionths
_BEDROCK: Final = Decimal("0.0090387")  # 504 * 3.30 + 2000 * 0.33 + 600 * 4.125 + 400 * 6.60 + 97 * 16.50
_GEMINI: Final = Decimal("0.0046375")  # (1000 - 600 + 50) * 1.25 + 600 * 0.125 + (100 + 300) * 10
_GPT: Final = Decimal("0.00633")  # (1000 - 400 - 100) * 2 + 400 * 0.20 + 100 * 2.50 + 500 * 10
_EMBEDDING: Final = Decimal("0.00002")  # 1000 * 0.02

TRUTH: Final[dict[str, Decimal]] = {
    "messages": _CLAUDE,
    "messages stream": _CLAUDE,
    "converse": _BEDROCK,
    "converse stream": _BEDROCK,
    "invoke": _BEDROCK,
    "invoke stream": _BEDROCK,
    "gemini": _GEMINI,
    "gemini stream": _GEMINI,
    "chat": _GPT,
    "chat stream": _GPT,
    "responses": _GPT,
    "responses stream": _GPT,
    "embeddings": _EMBEDDING,
}
"""Case -> the one true charge, in USD."""


class Lack(NamedTuple):
    """A fact that an emitter does not send, and what a call costs as far as it says."""

    charges: tuple[Decimal | None, ...]
    """Of each call that is counted; None where nothing can be charged for it."""
    reason: str


def lack(usd: str | None, reason: str) -> Lack:
    return Lack((None if usd is None else Decimal(usd),), reason)
