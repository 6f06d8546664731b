"""What Mistral's answers have in common, and how it is got out of the SDK's objects, its events and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from spancost.fields import count, pick

Asked: TypeAlias = Mapping[str, Any]
"""The keyword arguments of a call: the SDK takes no others."""


def content_of(part: object) -> object:
    """What an event is about; anything else as it is."""
    data = pick(part, "data")
    return part if data is None or isinstance(data, list) else data


def figure(usage: object, *path: str) -> int | None:
    """A figure that was reported: the SDK's objects say 0 for token counts that were not."""
    *outer, name = path
    holder = pick(usage, *outer)
    reported: object = getattr(holder, "model_fields_set", None)
    return None if isinstance(reported, set) and name not in reported else count(holder, name)
