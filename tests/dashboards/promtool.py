"""Prometheus' own tools: where they are, or why a test is skipped, and how the shipped rules are run in them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RULES: Final = Path(__file__).parents[2] / "dashboards" / "rules" / "spancost.yaml"


def promtool_path() -> str:
    return tool("promtool", "prometheus")


def tool(name: str, package: str) -> str:
    """The path of a program; without it the test is skipped, and fails in CI."""
    program = shutil.which(name)
    if program is None:
        missing = f"{name} is not installed (Debian's package `{package}` has it)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return program


def promtool(*arguments: str | Path) -> None:
    """Run promtool; what it says is the failure."""
    command = [promtool_path(), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alert_test(
    folder: Path,
    series: Mapping[str, str],
    *,
    interval: str,
    evaluation: str,
    silent: Mapping[str, Sequence[str]],
    fires: Mapping[str, Mapping[str, Mapping[str, str]]],
    labels: Mapping[str, str],
) -> None:
    """Run the shipped rules over `series`.

    `silent` is a time -> the alerts that do not fire then; `fires` a time -> alert -> its annotations, word for word,
    for the one set of `labels`.
    """
    cases: list[object] = [
        *({"alertname": name, "eval_time": at, "exp_alerts": []} for at, names in silent.items() for name in names),
        *(
            {
                "alertname": name,
                "eval_time": at,
                "exp_alerts": [{"exp_labels": dict(labels), "exp_annotations": dict(annotations)}],
            }
            for at, alerts in fires.items()
            for name, annotations in alerts.items()
        ),
    ]
    run(folder, series, interval=interval, evaluation=evaluation, alert_rule_test=cases)


def run(folder: Path, series: Mapping[str, str], *, interval: str, evaluation: str, **tests: object) -> None:
    """Run promtool's own kinds of `tests` with the shipped rules over `series`."""
    groups: list[dict[str, str]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": evaluation,
        "group_eval_order": [group["name"] for group in groups],
        "tests": [{"interval": interval, "input_series": inputs, **tests}],
    }
    path = folder / "alerts.test.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    promtool("test", "rules", path)
