"""What a call probably used, for streams that ended before the provider said.

A dropped stream is paid for all the same, so a rough figure that is marked as an estimate beats none. Four characters
to a token is the providers' own rule of thumb for English text; only lengths are looked at, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from spancost.fields import items, pick

CHARACTERS_PER_TOKEN: Final = 4
_EMBEDDED: Final = "data:"
"""Start of an image or a file inside the request: its characters are not text."""


def tokens(characters: int) -> int:
    """About how many tokens a text of this length is."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def characters(value: object) -> int:
    """Length of all the text inside a JSON-like value, keys and embedded files aside."""
    if isinstance(value, str):
        return 0 if value.startswith(_EMBEDDED) else len(value)
    if isinstance(value, Mapping):
        return sum(characters(part) for part in cast("Mapping[str, object]", value).values())
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return sum(characters(part) for part in cast("Sequence[object]", value))
    return 0


def message_characters(content: object) -> int:
    """Length of the text in messages that may be an SDK's objects as well as JSON, content inside content."""
    if isinstance(content, str):
        return characters(content)
    inner = items(content) or [pick(content, name) for name in ("content", "message", "text") if pick(content, name)]
    return sum(message_characters(part) for part in inner)
