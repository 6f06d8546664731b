"""Auto-instrumentation of the provider SDKs: every paid call, once, with who pays for it.

import spancost

spancost.instrument()  # not needed under `opentelemetry-instrument`
with spancost.attribution(feature="search", user="u42"):
    client.chat.completions.create(...)
"""

from __future__ import annotations

from spancost.attribution import attribution
from spancost.registry import instrument, uninstrument

__all__ = ["attribution", "instrument", "uninstrument"]
