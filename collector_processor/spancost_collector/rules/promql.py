"""The PromQL that rules and dashboards share, written once.

`increase()` alone does not see the value that a counter is born with: a feature's first call, or the one call that a
model gets in a day, would never show. spancost's counters are born in mid-flight all the time, so every sum over
time goes through `increase` below.
"""

from __future__ import annotations

from typing import Final

LOOKBACK: Final = "6h"
"""How long a series may be missing and still not count as born when it comes back."""


def increase(metric: str, selector: str, window: str) -> str:
    """How much each series of a counter rose in the window, first value included.

    The first value counts only if its target was being scraped before the series appeared: a Prometheus that meets a
    receiver with a long history does not take that history for the last hour's spend. Receivers of several clusters
    may have one job and instance, and differ in labels that only whoever stores them together knows.
    """
    series = f"{metric}{{{selector}}}" if selector else metric
    born = (
        f"(\n    (min_over_time({series}[{window}]) unless last_over_time({series}[{LOOKBACK}] offset {window}))"
        f"\n    and (count_over_time({series}[{window}])"
        f" < on (job, instance) group_left () min by (job, instance) (sum_over_time(up[{window}])))\n  )"
    )
    rise = f"increase({series}[{window}])"
    return f"(\n  {rise} + {born}\n)\nor {rise}\nor {born}"


def total(metric: str, selector: str, window: str, *by: str) -> str:
    """The rise of a counter in the window, summed by some labels."""
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouping} ({increase(metric, selector, window)})"
