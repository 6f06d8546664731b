"""Every query of every panel has something to show: a real Prometheus with twelve days of a product in it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.dashboards.history import serving
from tests.dashboards.promtool import run
from tests.dashboards.simulation import recorded_sizes
from tests.dashboards.test_month import TRAFFIC

pytestmark = pytest.mark.end_to_end

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
UNTIL = 1_795_176_000  # 2026-11-20T12:00:00Z
VARIABLES = {
    **dict.fromkeys(("$environment", "$feature", "$provider", "$model", "$service"), ".*"),
    "$__rate_interval": "2h",
    "$__range": "24h",
}


@pytest.mark.skipif(not TRAFFIC.is_file(), reason=f"no recorded traffic at {TRAFFIC}")
def test_every_query_of_every_panel_returns_data(tmp_path: Path) -> None:
    asked = 0
    empty: list[tuple[str, str, str]] = []
    with serving(tmp_path, recorded_sizes(TRAFFIC), UNTIL) as address:
        for path in sorted(DASHBOARDS.glob("*.json")):
            for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
                for target in panel.get("targets", []):
                    asked += 1
                    if not query(address, target["expr"]):
                        empty.append((path.stem, panel["title"], target["refId"]))

    print(f"{asked} queries of {len(list(DASHBOARDS.glob('*.json')))} dashboards")
    assert empty == []


def test_agents_whose_calls_a_subscription_covers_are_there_and_have_spent_nothing(tmp_path: Path) -> None:
    agent = 'job="spancost", instance="a:9464", service="claude-code", model="m"'
    series = {
        'up{job="spancost", instance="a:9464"}': "1x200",
        f'spancost_calls_total{{{agent}, outcome="ok"}}': "_x100 3x100",
        f'spancost_tokens_total{{{agent}, token_class="input"}}': "_x100 900x100",
        f'spancost_imputed_usd_total{{{agent}, token_class="input"}}': "_x100 0.5x100",
    }
    nought = ("Spend today", "Month to date", "Cost per call", "Read from the cache")

    shows(
        tmp_path,
        series,
        "spancost-agents",
        {**{title: {"{}": 0.0} for title in nought}, "Calls": {"{}": 3.0}, "Covered by subscriptions": {"{}": 0.5}},
    )


def test_what_a_next_hop_refuses_or_does_not_get_is_shown_with_its_name(tmp_path: Path) -> None:
    hop = 'job="spancost", instance="a:9464", next_hop="tempo:4317"'
    series = {
        'up{job="spancost", instance="a:9464"}': "1x200",
        f"spancost_receiver_forward_rejected_requests_total{{{hop}}}": "0x150 2x50",
        f'spancost_receiver_forward_dropped_requests_total{{{hop}, reason="queue_full"}}': "0x150 5x50",
    }

    shows(
        tmp_path,
        series,
        "spancost-receiver",
        {"Refused per hour": {'{next_hop="tempo:4317"}': 2.0, '{next_hop="tempo:4317", reason="queue_full"}': 5.0}},
    )


def shows(folder: Path, series: dict[str, str], dashboard: str, panels: dict[str, dict[str, float]]) -> None:
    """Every query of these panels together gives these samples, to a tenth, 200 minutes in."""
    written = json.loads((DASHBOARDS / f"{dashboard}.json").read_text(encoding="utf-8"))
    queries = {panel["title"]: [each["expr"] for each in panel.get("targets", [])] for panel in written["panels"]}
    tests = [
        {
            "expr": f"round(({') or ('.join(map(substituted, queries[title]))}), 0.1)",
            "eval_time": "199m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        for title, samples in panels.items()
    ]
    run(folder, series, interval="1m", evaluation="1m", promql_expr_test=tests)


def query(address: str, expr: str) -> list[Any]:
    expr = substituted(expr)
    url = f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': expr, 'time': UNTIL})}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        pytest.fail(f"{expr}: {error.read().decode()}")


def substituted(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr
