"""`spancost demo`: hands over to the demo, which is a program of its own on the app side."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from spancost_pricing import ConfigError


def demo(
    work_dir: Annotated[
        Path | None, typer.Option(help="Where the demo's ledger goes; a new temporary folder by default.")
    ] = None,
) -> None:
    """Watch it work: real SDKs, a local provider, the receiver, the report. No key, no network."""
    missing = [name for name in ("openai", "anthropic", "google.genai") if find_spec(name.split(".")[0]) is None]
    if missing:
        raise ConfigError(f"the demo runs real SDKs and misses {', '.join(missing)}. Run: pip install 'spancost[demo]'")
    arguments = [sys.executable, "-m", "spancost.demo"]
    if work_dir is not None:
        arguments += ["--work-dir", str(work_dir)]
    os.execv(sys.executable, arguments)
