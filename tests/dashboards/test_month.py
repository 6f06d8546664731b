"""A month as it might be: each kind of trouble is named once and rightly, and a month without any is silent.

The rules run in Prometheus' own engine (promtool) over a simulated product whose calls are as large as recorded ones.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.dashboards.promtool import promtool_path
from tests.dashboards.simulation import DAYS, Feature, State, month, recorded_sizes

from spancost_collector.rules import render
from spancost_collector.rules.values import load_values

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.end_to_end

TRAFFIC = (
    Path(os.environ.get("SPANCOST_RECORDINGS", Path(__file__).parents[3] / "shared" / "data")).resolve()
    / "traffic"
    / "AzureLLMInferenceTrace_conv.rows_1-11619.csv"
)
USUAL = State()
QUIET = [Feature(f"quiet_{number}") for number in range(3)]
TROUBLE = {
    "longer_answers": (replace(USUAL, output=2.5), {("SpancostOutputGrew", "output tokens per call")}),
    "longer_prompt": (replace(USUAL, context=2.5, opening=2.5), {("SpancostPromptGrew", "input tokens per call")}),
    "longer_chats": (replace(USUAL, context=2.5), {("SpancostContextGrew", "conversation context")}),
    "dearer_model": (replace(USUAL, large=0.6), {("SpancostModelMixMoved", "model mix")}),
    "dearer_tokens": (replace(USUAL, price=1.4), {("SpancostPriceChanged", "price")}),
    "launch": (replace(USUAL, load=3.5), {("SpancostTrafficGrew", "traffic")}),
    "broken_cache": (replace(USUAL, cached=0.05), {("SpancostCacheHitsFell", "cache")}),
    "runaway": (
        replace(USUAL, calls_per_workflow=8.0, longest_workflow=600.0),
        {("SpancostCallsPerWorkflowGrew", "calls per workflow"), ("SpancostRunawayLoop", "calls per workflow")},
    ),
    "provider_down": (replace(USUAL, failing=0.6), {("SpancostErrorStorm", "errors")}),
}
LOAD_TEST = Feature("search", State(load=0.02), State(load=4.0), environment="staging")
# The staging feature has grown by traffic, and it is not production: both are true, and both are said.
GLOBAL = {
    ("SpancostNonProductionSpend", "environment", ""),
    ("SpancostTrafficGrew", "traffic", "search"),
    ("SpancostTopSpender", "one spender", ""),
}
_FIRED = re.compile(r"\{(alertname=[^}]*)\}")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@pytest.mark.skipif(not TRAFFIC.is_file(), reason=f"no recorded traffic at {TRAFFIC}")
def test_every_incident_of_a_month_is_named_with_its_cause_and_no_other(tmp_path: Path) -> None:
    features = [
        Feature(name, trouble=state, day=8.4 + 2.1 * number)
        for number, (name, (state, _)) in enumerate(TROUBLE.items())
    ]
    newborn = Feature("newborn", born=16.3)
    series = month([*QUIET, *features, newborn, LOAD_TEST], recorded_sizes(TRAFFIC), seed=1, big_user_on=20)
    expected = {
        *((alert, cause, name) for name, (_, named) in TROUBLE.items() for alert, cause in named),
        ("SpancostNewFeature", "new feature", "newborn"),
        *GLOBAL,
    }

    fired = alerts_of(series, tmp_path)

    causes = {(alert["alertname"], alert["cause"], alert.get("feature", "")) for alert in fired if "cause" in alert}
    right = len(causes & expected)
    print(f"causes named: precision {right / len(causes):.3f}, recall {right / len(expected):.3f}, of {len(expected)}")
    assert causes == expected
    # A symptom is allowed where there was trouble, and nowhere else.
    symptoms = {alert.get("feature", "") for alert in fired if alert["kind"] == "symptom"}
    assert symptoms <= {*TROUBLE, "search"}


@pytest.mark.skipif(not TRAFFIC.is_file(), reason=f"no recorded traffic at {TRAFFIC}")
def test_a_month_without_trouble_is_silent(tmp_path: Path) -> None:
    weekend_feature = Feature("batch", workflows_a_day=400.0)
    series = month([*QUIET, weekend_feature], recorded_sizes(TRAFFIC), seed=2)

    assert alerts_of(series, tmp_path) == []


def alerts_of(series: Iterable[tuple[str, list[str]]], folder: Path) -> list[dict[str, str]]:
    """The labels of every alert that fired at any time of the month."""
    values = load_values()
    values["spend"]["daily_usd"] = values["spend"]["feature_daily_usd"] = 100_000
    rules = folder / "rules.yaml"
    rules.write_text(render(values), encoding="utf-8")
    groups = [group["name"] for group in yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]]
    inputs = [{"series": name, "values": " ".join(each)} for name, each in series]
    # promtool says what it got only where it differs from what was expected.
    unexpected = {"expr": 'count_over_time(ALERTS{alertstate="firing"}[30d])', "eval_time": f"{DAYS}d"}
    impossible = {"expr": "vector(1)", "eval_time": "0", "exp_samples": [{"labels": "{}", "value": 2}]}
    document = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1h",
        "group_eval_order": groups,
        "tests": [{"interval": "30m", "input_series": inputs, "promql_expr_test": [unexpected, impossible]}],
    }
    test = folder / "month.test.json"
    test.write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run(
        [promtool_path(), "test", "rules", str(test)], capture_output=True, text=True, timeout=900, check=False
    )
    assert 'expr: "vector(1)"' in done.stderr, done.stdout + done.stderr
    return [dict(_LABEL.findall(labels)) for labels in _FIRED.findall(done.stderr)]
