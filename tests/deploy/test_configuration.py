"""Every spancost.yaml that is shipped is one that the receiver takes, and agrees with what is around it."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml
from tests import programs

DEPLOY = programs.ROOT / "deploy"
SHIPPED = ["image/spancost.yaml", "kubernetes/base/spancost.yaml", "systemd/spancost.yaml"]


def shipped(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


@pytest.mark.end_to_end
@pytest.mark.parametrize("path", SHIPPED)
def test_the_receiver_takes_it_and_says_that_each_setting_is_from_there(path: str) -> None:
    command = [sys.executable, "-m", "spancost_collector", "serve", "--config", path, "--print-config"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPANCOST_")}
    done = subprocess.run(command, cwd=DEPLOY, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert yaml.safe_load(done.stdout)["ledger"] == "/var/lib/spancost/ledger.sqlite3"


def test_the_image_and_the_pod_listen_alike() -> None:
    image, pod = shipped("image/spancost.yaml"), shipped("kubernetes/base/spancost.yaml")

    assert image.items() <= pod.items()
    assert [image[name]["listen"] for name in ("grpc", "http", "web")] == [
        "0.0.0.0:4317",
        "0.0.0.0:4318",
        "0.0.0.0:9464",
    ]


def test_the_pod_may_reach_what_it_forwards_to() -> None:
    policy = shipped("kubernetes/base/networkpolicy.yaml")
    allowed = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    (hop,) = shipped("kubernetes/base/spancost.yaml")["forward"]

    assert int(hop.rpartition(":")[2]) in allowed


def test_the_service_keeps_its_ledger_where_it_may_write_and_stands_where_the_collector_expects_it() -> None:
    settings = shipped("systemd/spancost.yaml")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] # names of systemd have capitals
    unit.read(DEPLOY / "systemd" / "spancost.service", encoding="utf-8")
    collector = (programs.ROOT / "otel-collector.yaml").read_text(encoding="utf-8")

    assert PurePosixPath(settings["ledger"]).parent == PurePosixPath("/var/lib") / unit["Service"]["StateDirectory"]
    assert f"${{env:OTELCOL_SPANCOST:-{settings['grpc']['listen']}}}" in collector
    assert f"${{env:OTELCOL_PRICED:-{settings['forward'][0]}}}" in collector
