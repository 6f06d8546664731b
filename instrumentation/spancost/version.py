"""Under which name and version the spans and metrics of the app side are emitted."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

SCOPE: Final = "spancost"
"""The instrumentation scope of everything that runs inside the app."""

VERSION: Final = version("spancost")
"""The installed version."""
