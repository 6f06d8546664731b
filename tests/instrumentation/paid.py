"""Who pays for a call, as its span says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

KEYS = ("spancost.feature", "spancost.task", "spancost.tenant", "user.id", "session.id")


def paid_by(span: ReadableSpan) -> dict[str, Any]:
    """The attribution on a span."""
    return {key: value for key, value in (span.attributes or {}).items() if key in KEYS}
