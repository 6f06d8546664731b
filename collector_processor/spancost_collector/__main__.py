"""`spancost` on the command line; says what to install where only the app side is there."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave the process with its exit status."""
    try:
        from spancost_collector.cli import run
    except ModuleNotFoundError as error:
        sys.stderr.write(f"spancost: {error.name} is not installed. Run: pip install 'spancost[collector]'\n")
        raise SystemExit(2) from None
    raise SystemExit(run())


if __name__ == "__main__":
    main()
