"""The recording rules and alerts for Prometheus, written from a table of thresholds.

Rules are built by code because nearly all of them share an expression, a label set or a text with others; what comes
out is ordinary YAML that `promtool` checks and that nobody edits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.rules import change, recording
from spancost_collector.rules.alerts import Alerts, at_once, budgets, causes, symptoms
from spancost_collector.rules.document import Group, write
from spancost_collector.rules.ourselves import ourselves

if TYPE_CHECKING:
    from spancost_collector.rules.values import Values

FILE: Final = "spancost.yaml"
"""The name that the rule file has."""

_HEADING: Final = """\
Recording rules and alerts for the spancost receiver; written by `spancost rules`, not to be edited.

They expect the receiver to be scraped as job "{job}":

  scrape_configs:
    - job_name: {job}
      static_configs: [{{targets: ["127.0.0.1:9464"]}}]

Thresholds: `spancost rules --values FILE --out DIR`. Every alert has a section in the runbook."""


def render(values: Values) -> str:
    """The rule file for these thresholds."""
    alerts = Alerts(values)
    groups = (
        *recording.groups(),
        change.group(),
        Group("spancost_causes", [*causes(alerts), *at_once(alerts)]),
        Group("spancost_symptoms", [*symptoms(alerts), *budgets(alerts)]),
        Group("spancost_ourselves", [*ourselves(alerts)]),
    )
    return write(groups, _HEADING.format(job=values["scrape"]["job"]))
