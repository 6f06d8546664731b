"""The compose file starts what it says, and its parts find each other."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests import programs

if TYPE_CHECKING:
    from pathlib import Path

DEPLOY = programs.ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CONFIGURATION = DEPLOY / "compose"


def test_nothing_but_loopback_is_open() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_container_is_read_only_and_without_capabilities() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name


def test_what_is_mounted_is_in_the_repository() -> None:
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]]
    files = [source for source in mounted if source.startswith(".")]

    assert len(files) == 8
    assert [source for source in files if not (DEPLOY / source).exists()] == []
    assert sorted(source for source in mounted if not source.startswith(".")) == sorted(COMPOSE["volumes"])


def test_the_collector_that_runs_is_the_one_that_is_tested() -> None:
    manifest = yaml.safe_load((DEPLOY / "collector" / "builder.yaml").read_text(encoding="utf-8"))

    assert SERVICES["otelcol"]["image"].rpartition(":")[2] == manifest["dist"]["version"]


def test_spans_go_through_spancost_before_they_reach_tempo() -> None:
    collector = SERVICES["otelcol"]["environment"]
    tempo = yaml.safe_load((CONFIGURATION / "tempo.yaml").read_text(encoding="utf-8"))

    assert collector["OTELCOL_SPANCOST"] == "spancost:4317"
    assert SERVICES["spancost"]["environment"]["SPANCOST_FORWARD"] == "otelcol:4327"
    assert collector["OTELCOL_PRICED"] == "0.0.0.0:4327"
    assert collector["TEMPO_ENDPOINT"] == "tempo:4317"
    assert tempo["distributor"]["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] == "0.0.0.0:4317"


def test_prometheus_scrapes_by_the_names_that_the_rules_expect_and_tells_alertmanager() -> None:
    prometheus = yaml.safe_load((CONFIGURATION / "prometheus.yaml").read_text(encoding="utf-8"))
    scraped = {job["job_name"]: job["static_configs"][0]["targets"] for job in prometheus["scrape_configs"]}

    assert scraped == {"spancost": ["spancost:9464"], "otelcol": ["otelcol:8888"]}
    assert prometheus["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]


def test_grafana_has_the_data_sources_that_dashboards_and_exemplars_name() -> None:
    provisioned = yaml.safe_load((CONFIGURATION / "grafana/datasources/spancost.yaml").read_text(encoding="utf-8"))
    sources = {source["uid"]: source for source in provisioned["datasources"]}

    assert {uid: source["url"] for uid, source in sources.items()} == {
        "prometheus": "http://prometheus:9090",
        "tempo": "http://tempo:3200",
    }
    (destination,) = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert destination == {"name": "trace_id", "datasourceUid": "tempo"}
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (programs.ROOT / "dashboards" / home.removeprefix("/etc/grafana/spancost/")).exists()
    for path in (programs.ROOT / "dashboards").glob("*.json"):
        variables = json.loads(path.read_text(encoding="utf-8"))["templating"]["list"]
        assert {each["query"] for each in variables if each["type"] == "datasource"} <= {"prometheus", "tempo"}


@pytest.mark.end_to_end
def test_compose_accepts_the_file_and_would_give_every_service_a_network() -> None:
    done = subprocess.run(
        [programs.require("compose-spec"), "--format=json", "compose.yaml"],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    project = json.loads(done.stdout)
    assert sorted(project["services"]) == ["alertmanager", "grafana", "otelcol", "prometheus", "spancost", "tempo"]
    assert all(service["networks"] == {"default": None} for service in project["services"].values())


@pytest.mark.end_to_end
def test_tempo_accepts_its_configuration() -> None:
    done = subprocess.run(
        [programs.require("tempo"), f"-config.file={CONFIGURATION / 'tempo.yaml'}", "-config.verify=true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.end_to_end
def test_prometheus_accepts_its_configuration(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package `prometheus`)")
    # The rules are where the container mounts them.
    text = (CONFIGURATION / "prometheus.yaml").read_text(encoding="utf-8")
    configuration = tmp_path / "prometheus.yaml"
    configuration.write_text(text.replace("/etc/prometheus/rules", str(programs.ROOT / "dashboards" / "rules")))
    done = subprocess.run(
        [promtool, "check", "config", configuration], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 rule files found" not in done.stdout
