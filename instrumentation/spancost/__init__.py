"""Auto-instrumentation of the provider SDKs: every paid call, once, with who pays for it.

import spancost

spancost.instrument()  # not needed under `opentelemetry-instrument`
with spancost.attribution(feature="search", user="u42"):
    client.chat.completions.create(...)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spancost.attribution import attribution
from spancost.registry import instrument, uninstrument

if TYPE_CHECKING:
    from spancost.forecast import estimate
else:

    def __getattr__(name: str) -> object:
        # Estimating needs the price book, which most apps never open: half a second and a hundred megabytes.
        if name == "estimate":
            from spancost.forecast import estimate

            return estimate
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["attribution", "estimate", "instrument", "uninstrument"]
