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

from spancost_collector.metrics.conventions import CLIENT_METRICS, OLD
from spancost_collector.metrics.labels import DIMENSIONS, MAX_COMBINATIONS, MAX_HISTOGRAM_COMBINATIONS
from spancost_collector.metrics.table import METRICS, READ, Metric, most_series
from spancost_collector.rules import FILE, render
from spancost_collector.rules.values import default_values

DASHBOARDS: Final = (overview, feature, tenants, models, change, budgets, agents, receiver)

_METRICS: Final = """\
# Metrics

What `/metrics` shows. Written by `make dashboards` from the receiver's own table.

*dimensions* stands for the labels {dimensions}, and `tenant` where the configuration says so. Each takes a bounded
number of values (`labels.max_values`), and all of them together a bounded number of combinations
(`labels.max_combinations`, `labels.max_histogram_combinations`). What comes after that is shown as `__other__` and
counted; sums stay exact. A combination too many first loses task, release, service and tenant, then everything.
Users, sessions and traces are never labels. *At most* is the number of series that a metric can ever be with the
default bounds, those that say when a counter or histogram was created (`_created`) included; what a product really
has is far less.

Counters about calls continue from the ledger after a restart; histograms and the receiver's own counters begin at
zero. A call that is described again, better, is corrected in counters and in the ledger; a histogram keeps what it
has observed, because nothing can be taken out of one.

| metric | kind | labels | at most | meaning |
|---|---|---|---|---|
"""
_CONVENTIONS: Final = """
## Client metrics of the GenAI conventions

With `metrics.conventions`, which is off by default. Over OTLP they have the conventions' own names. The provider is
who bills, and `error_type` is `_OTHER` for every call that failed.

| metric | generation | kind | labels | over OTLP | meaning |
|---|---|---|---|---|---|
"""
_READ: Final = """
## Read and not shown

Rules and dashboards also read these. The receiver does not show them; they have data once whoever sets budgets, or
routes calls to another model, writes them, and errors once the metrics of the instrumented apps are collected, too.

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
        most = most_series(
            metric, max_combinations=MAX_COMBINATIONS, max_histogram_combinations=MAX_HISTOGRAM_COMBINATIONS
        )
        bound = "some for each next hop" if most is None else f"{most:,}"
        lines.append(f"| `{metric.name}` | {metric.kind} | {_labels(metric)} | {bound} | {metric.help} |\n")
    lines.append(_CONVENTIONS)
    for metric in CLIENT_METRICS:
        generation = "old" if metric in OLD else "new"
        shown = (f"`{metric.name}`", generation, metric.kind, _labels(metric), f"`{metric.convention}`", metric.help)
        lines.append(f"| {' | '.join(shown)} |\n")
    lines.append(_READ)
    lines += [f"| `{metric.name}` | {metric.kind} | {_labels(metric)} | {metric.help} |\n" for metric in READ]
    return "".join(lines)


def _labels(metric: Metric) -> str:
    return ", ".join([*(["*dimensions*"] if metric.dimensions else []), *(f"`{label}`" for label in metric.labels)])


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
