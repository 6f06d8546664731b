"""Recording rules and alerts: known metrics only, documented, and tested by promtool."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from spancost_collector.labels import DIMENSIONS, TENANT
from spancost_collector.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

FOLDER = Path(__file__).parents[2] / "dashboards"
RULES = FOLDER / "rules" / "spancost.yaml"
RUNBOOK = FOLDER / "runbook.md"

_METRIC = re.compile(r"\bspancost_[a-z0-9_]+\b")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\\?\"")


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def exposed() -> set[str]:
    names = {metric.name for metric in METRICS}
    suffixes = ("_bucket", "_sum", "_count")
    return names | {metric.name + suffix for metric in METRICS if metric.kind == "histogram" for suffix in suffixes}


def promql() -> ModuleType:
    spec = importlib.util.spec_from_file_location("promql", FOLDER / "promql.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", [RULES, *sorted(FOLDER.glob("*.json"))], ids=lambda path: path.name)
def test_only_metrics_and_labels_that_the_receiver_has_are_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = set(_METRIC.findall(text)) - {"spancost_hour", "spancost_alerts"}
    grouped = {name.strip() for names in _GROUPING.findall(text) for name in names.split(",") if name.strip()}
    labels = {*DIMENSIONS, TENANT, "job", "instance", "le"} | {label for metric in METRICS for label in metric.labels}

    assert used
    assert used <= exposed()
    assert grouped | set(_MATCHER.findall(text)) <= labels


def test_alerts_read_only_series_that_are_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    read = {name for alert in alerts() for name in re.findall(r"\bspancost:[a-z0-9_:]+", str(alert))}

    assert read
    assert read <= recorded


def test_recorded_series_and_dashboards_rise_by_the_same_rule() -> None:
    increase = promql().increase
    for rule in rules():
        if "record" not in rule:
            continue
        metric = rule["record"].replace("spancost:", "spancost_").replace(":increase1h", "_total")
        expected = f"sum without (job, instance) ({increase(metric, '', '1h')})"
        assert "".join(rule["expr"].split()) == "".join(expected.split())


def test_every_alert_has_a_section_in_the_runbook_and_a_unit_test() -> None:
    headings = {line.removeprefix("## ") for line in RUNBOOK.read_text(encoding="utf-8").splitlines()}
    tests = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / "rules" / "tests").glob("*.yaml"))
    for alert in alerts():
        name = alert["alert"]
        assert alert["annotations"]["runbook_url"] == f"dashboards/runbook.md#{name.lower()}"
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert name in headings
        assert f"alertname: {name}" in tests


@pytest.mark.end_to_end
def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", "--lint-fatal", str(RULES))


@pytest.mark.end_to_end
def test_promtool_passes_the_unit_tests_of_the_rules() -> None:
    tests = sorted(str(path) for path in (FOLDER / "rules" / "tests").glob("*.yaml"))
    assert tests
    promtool("test", "rules", *tests)


def promtool(*arguments: str) -> None:
    program = shutil.which("promtool")
    if program is None:
        missing = "promtool is not installed (Debian's package `prometheus` has it)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
