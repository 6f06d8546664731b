"""Writes the dashboards as JSON: `python dashboards/build.py [FOLDER]`, by default into its own folder.

The JSON is committed, because Grafana reads nothing else; a test builds it again and compares. Metric names come
from the receiver's own table, so a renamed metric breaks this build and not a graph.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from overview import overview

DASHBOARDS: Final = {"overview.json": overview}


def write(folder: Path) -> None:
    """Write every dashboard into `folder`."""
    for name, build in DASHBOARDS.items():
        text = JSONEncoder(sort_keys=True, indent=2).encode(build())
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
