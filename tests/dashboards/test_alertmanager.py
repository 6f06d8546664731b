"""The sample configuration in a real Alertmanager: one notification for one incident: the cause, not its symptoms."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.dashboards.promtool import tool
from tests.started import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.end_to_end

SAMPLE = Path(__file__).parents[2] / "dashboards" / "alertmanager.yaml"
WHO = {"environment": "prod", "feature": "chat"}


@contextmanager
def team(folder: Path) -> Generator[tuple[str, Queue[dict[str, Any]]]]:
    """An Alertmanager on the sample configuration with shorter waits, and what it sends."""
    sent: Queue[dict[str, Any]] = Queue()

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.put({**json.loads(body), "path": self.path})
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: what arrived is in the queue."""

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    configuration: dict[str, Any] = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    for route in (configuration["route"], *configuration["route"]["routes"]):
        route["group_wait"] = "2s"
    for receiver in configuration["receivers"]:
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = webhook["url"].replace(":9099", f":{server.server_port}")
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    log = folder / "alertmanager.log"
    command = [tool("prometheus-alertmanager", "prometheus-alertmanager"), f"--config.file={path}"]
    command += [f"--storage.path={folder / 'data'}", "--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield wait_until_ready(log), sent
        finally:
            process.terminate()
            process.wait(timeout=30)
            server.shutdown()
            server.server_close()


def post(address: str, *alerts: dict[str, str]) -> None:
    body = json.dumps([{"labels": labels, "annotations": {"summary": labels["alertname"]}} for labels in alerts])
    request = urllib.request.Request(
        f"http://{address}/api/v2/alerts", body.encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()


def states(address: str) -> dict[str, str]:
    with urllib.request.urlopen(f"http://{address}/api/v2/alerts", timeout=10) as answer:
        return {
            f"{alert['labels']['alertname']} {alert['labels'].get('feature', '')}".strip(): alert["status"]["state"]
            for alert in json.load(answer)
        }


def test_an_incident_is_one_notification_that_names_its_cause(tmp_path: Path) -> None:
    symptom = {"kind": "symptom", "severity": "warning"}
    with team(tmp_path) as (address, sent):
        post(
            address,
            {"alertname": "SpancostSpendSpike", **symptom, **WHO},
            {"alertname": "SpancostCostPerCallJumped", **symptom, **WHO},
            {"alertname": "SpancostContextGrew", "kind": "cause", "severity": "warning", **WHO},
            {"alertname": "SpancostSpendSpike", **symptom, **WHO, "feature": "search"},
            {"alertname": "SpancostDailySpendHigh", **symptom},
            {"alertname": "SpancostReceiverDown", "kind": "ourselves", "severity": "critical", "instance": "a"},
        )
        notified = sorted(
            (
                message["path"],
                message["groupLabels"].get("feature", ""),
                *(alert["labels"]["alertname"] for alert in message["alerts"]),
            )
            for message in [sent.get(timeout=60) for _ in range(4)]
        )
        seen = states(address)
        time.sleep(2)
        with pytest.raises(Empty):
            sent.get_nowait()

    assert notified == [
        ("/on-call", "", "SpancostReceiverDown"),
        ("/team", "", "SpancostDailySpendHigh"),
        ("/team", "chat", "SpancostContextGrew"),
        ("/team", "search", "SpancostSpendSpike"),
    ]
    assert {name for name, state in seen.items() if state == "suppressed"} == {
        "SpancostSpendSpike chat",
        "SpancostCostPerCallJumped chat",
    }


def test_an_alert_about_no_feature_waits_for_no_other_one(tmp_path: Path) -> None:
    ourselves = {"kind": "ourselves", "severity": "critical"}
    with team(tmp_path) as (address, sent):
        notified: list[list[str]] = []
        for alert in (
            {"alertname": "SpancostReceiverFailing", **ourselves, "instance": "a"},
            {"alertname": "SpancostReceiverDown", **ourselves, "instance": "b"},
            {"alertname": "SpancostUnpricedCalls", **ourselves, "severity": "warning"},
            {"alertname": "SpancostStalePrices", **ourselves, "severity": "warning"},
        ):
            post(address, alert)
            notified.append([each["labels"]["alertname"] for each in sent.get(timeout=30)["alerts"]])

    assert notified == [
        ["SpancostReceiverFailing"],
        ["SpancostReceiverDown"],
        ["SpancostUnpricedCalls"],
        ["SpancostStalePrices"],
    ]
