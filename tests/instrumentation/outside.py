"""Environments beside other packages than the tests have: made once, kept in the user's cache, brought up to date."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))


def python_beside(*packages: str) -> Path:
    """The interpreter of an environment that has these packages and this project, as it is in this folder now."""
    key = sha256(repr((ROOT, sys.version, packages)).encode()).hexdigest()[:16]
    folder = user_cache_path("spancost") / "test-environments" / key
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not python.exists():
            run(UV, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
        run(UV, "pip", "install", "--quiet", "--python", str(python), *packages, "opentelemetry-sdk", "-e", str(ROOT))
    return python


def seen_by(app: str, *packages: str) -> dict[str, Any]:
    """What the app in this file, which lies here, saw of its calls beside these packages."""
    return json.loads(run(str(python_beside(*packages)), str(Path(__file__).with_name(app))).splitlines()[-1])


def run(*command: str, **variables: str) -> str:
    """What the command printed; it must succeed."""
    # Without the second, LiteLLM looks for prices on the network.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "LITELLM_LOCAL_MODEL_COST_MAP": "True", **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
