"""Runs an app in an environment of its own and reads what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))


def seen_by(app: str, folder: Path, *packages: str) -> dict[str, Any]:
    """What the app in this file, which lies here, saw of its calls beside these packages."""
    python = str(folder / "bin" / "python")
    _run(UV, "venv", "--quiet", "--python", sys.executable, str(folder))
    _run(UV, "pip", "install", "--quiet", "--python", python, *packages, "opentelemetry-sdk", str(ROOT))
    return json.loads(_run(python, str(Path(__file__).with_name(app))).splitlines()[-1])


def _run(*command: str) -> str:
    # Without the second, LiteLLM looks for prices on the network.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
