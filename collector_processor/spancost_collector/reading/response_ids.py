"""The provider's own response id, where a gateway has wrapped it.

LiteLLM puts what it needs to route the next call around the id of a response, and hands that to whoever called: so its
own spans, those of an SDK that talks to its proxy, and ours around its library would name one response in two ways.
"""

from __future__ import annotations

import base64
import re
from typing import Final

WRAPPED: Final = "resp_bGl0ZWxsbTp"
"""How `litellm:` begins in base64, behind the mark of a response."""
_INNER_ID: Final = re.compile(r"response_id:([^;\s]+)")


def unwrapped(response_id: str) -> str:
    """The id inside one that begins with `WRAPPED`; the same where there is none."""
    encoded = response_id.removeprefix("resp_").encode()
    try:
        routed = base64.b64decode(encoded + b"=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return response_id
    inner = _INNER_ID.search(routed)
    return response_id if inner is None else inner[1]
