"""The telemetry dialects that the receiver reads, one table per file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.dialects.otel import OTEL

if TYPE_CHECKING:
    from spancost_collector.dialect import Dialect

DIALECTS: Final[tuple[Dialect, ...]] = (OTEL,)
"""In the order in which they are asked: the first that recognises a span reads it."""
