"""`python -m spancost.demo [--work-dir DIR]`, and what `spancost demo` hands over to."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NoReturn

from spancost_pricing import ConfigError, SpancostError

_NEEDED: Final = ("openai", "anthropic", "google-genai", "opentelemetry-distro", "uvicorn", "starlette", "rich")


def main() -> int:
    """Run the demo; the exit status."""
    parser = argparse.ArgumentParser(
        prog="spancost demo",
        description="Watch it work: real SDKs, a local provider, the receiver, the report. No key, no network.",
    )
    parser.add_argument(
        "--work-dir",
        type=Path,
        help="where the ledger and the logs go; a new temporary folder by default",
    )
    work_dir: Path | None = parser.parse_args().work_dir
    if missing := [name for name in _NEEDED if not _installed(name)]:
        sys.stderr.write(f"spancost demo: {', '.join(missing)} not installed. Run: pip install 'spancost[demo]'\n")
        return 2
    # Only now: the walkthrough imports what was just looked for.
    from spancost.demo.walkthrough import run

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        run(work_dir or Path(tempfile.mkdtemp(prefix="spancost-demo-")))
    except SpancostError as error:
        sys.stderr.write(f"spancost demo: {error}\n")
        return 2 if isinstance(error, ConfigError) else 1
    return 0


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _stop(number: int, _frame: object) -> NoReturn:
    """Leave through every `finally`, so that no child outlives the demo."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    raise SystemExit(main())
