"""Print every disagreement between our book and the second table; fail on one that nobody has explained."""

from __future__ import annotations

import sys

from spancost_pricing import load_book

from .report import Report
from .second_table import TableError, fetch


def main() -> int:
    try:
        table = fetch()
    except TableError as error:
        print(f"the second table cannot be had here: {error}", file=sys.stderr)
        return 2
    report = Report.of(load_book(), table)
    for line in report.lines():
        print(line)
    return 1 if report.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
