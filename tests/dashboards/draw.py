"""Pictures of the dashboards as SVG: `python -m tests.dashboards.draw FOLDER`.

Grafana's published UI packages draw the shipped JSON in headless Chromium, from a real Prometheus that holds twelve
days of a simulated product. It needs node, npm and chromium; the packages are kept in the user's cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.dashboards.history import serving
from tests.dashboards.simulation import recorded_sizes
from tests.dashboards.test_month import TRAFFIC
from tests.dashboards.test_panels import DASHBOARDS, UNTIL

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "spancost" / "pictures"


def main(folder: Path) -> int:
    """Draw every dashboard into `folder`; the exit status."""
    needed = {name: shutil.which(name) for name in ("npm", "node", "chromium", "promtool", "prometheus")}
    missing = [name for name, path in needed.items() if path is None]
    if missing or not TRAFFIC.is_file():
        sys.stderr.write(
            f"pictures: not found: {', '.join([*missing, *([] if TRAFFIC.is_file() else [str(TRAFFIC)])])}\n"
        )
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(DASHBOARDS / "pictures", CACHE, dirs_exist_ok=True)
    names = sorted(path.stem for path in DASHBOARDS.glob("spancost-*.json"))
    public = CACHE / "public"
    public.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(DASHBOARDS / f"{name}.json", public)
    for command in (("npm", "install", "--no-audit", "--no-fund", "--loglevel=error"), ("npx", "vite", "build")):
        subprocess.run(command, cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as work, serving(Path(work), recorded_sizes(TRAFFIC), UNTIL) as address:
        command = ["node", "shoot.mjs", str(folder.resolve()), str(needed["chromium"]), f"http://{address}", str(UNTIL)]
        return subprocess.run([*command, *names], cwd=CACHE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
