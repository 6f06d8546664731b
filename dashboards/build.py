"""Writes what Grafana, Prometheus and readers get: `python dashboards/build.py [FOLDER]`, by default its own folder.

Dashboards as JSON, the rules with the default thresholds, and the list of metrics. All of it is committed, because
nothing else can be loaded; a test builds it again and compares. Metric names come from the receiver's own table, so a
renamed metric breaks this build and not a graph.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from agents import agents
from budgets import budgets
from change import change
from feature import feature
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from models import models
from overview import overview
from receiver import receiver
from tenants import tenants

from spancost_collector.labels import DIMENSIONS
from spancost_collector.metrics import METRICS
from spancost_collector.rules import FILE, render
from spancost_collector.rules.values import default_values

DASHBOARDS: Final = (overview, feature, tenants, models, change, budgets, agents, receiver)

_METRICS: Final = """\
# Metrics

What `/metrics` shows. Written by `make dashboards` from the receiver's own table.

*dimensions* stands for the labels {dimensions}, and `tenant` where the configuration says so.
Each takes a bounded number of values (`labels.max_values`); what comes after that is shown as `__other__` and counted.
Users, sessions and traces are never labels. Counters about calls continue from the ledger after a restart; histograms
and the receiver's own counters begin at zero.

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def write(folder: Path) -> None:
    """Write everything into `folder`, dashboards under their uids."""
    for build in DASHBOARDS:
        built = build()
        text = JSONEncoder(sort_keys=True, indent=2).encode(built)
        (folder / f"{built.uid}.json").write_text(text + "\n", encoding="utf-8")
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / FILE).write_text(render(default_values()), encoding="utf-8")
    (folder / "metrics.md").write_text(metrics_page(), encoding="utf-8")


def metrics_page() -> str:
    """The list of metrics."""
    lines = [_METRICS.format(dimensions=", ".join(f"`{name}`" for name in DIMENSIONS))]
    for metric in METRICS:
        labels = [*(["*dimensions*"] if metric.dimensions else []), *(f"`{label}`" for label in metric.labels)]
        lines.append(f"| `{metric.name}` | {metric.kind} | {', '.join(labels)} | {metric.help} |\n")
    return "".join(lines)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
