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


def query(address: str, expr: str) -> list[Any]:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    url = f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': expr, 'time': UNTIL})}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        pytest.fail(f"{expr}: {error.read().decode()}")
