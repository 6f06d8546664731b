"""The Kubernetes manifests build, hold to the API's schemas, and run a pod that can do little."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests import programs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

KUBERNETES = programs.ROOT / "deploy" / "kubernetes"


def built(folder: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [programs.require("kustomize"), "build", KUBERNETES / folder],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("version", ["1.30.0", "1.37.0"])
def test_every_object_holds_to_the_schemas_of_old_and_new_clusters(version: str, tmp_path: Path) -> None:
    manifest = tmp_path / "all.yaml"
    manifest.write_text(yaml.safe_dump_all(built("base")))
    command = [programs.require("kubernetes-validate"), "--strict", "--kubernetes-version", version, manifest]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(" passed for resource ") == 5


def test_the_pod_is_not_root_and_writes_only_to_its_volumes() -> None:
    (stateful,) = (each for each in built("base") if each["kind"] == "StatefulSet")
    pod = stateful["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/var/lib/spancost", "/tmp"}


def test_the_service_and_the_probes_name_ports_that_the_container_has() -> None:
    objects = {each["kind"]: each for each in built("base")}
    (container,) = objects["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    named = [port["targetPort"] for port in objects["Service"]["spec"]["ports"]]
    named += [container[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
    named += [port["port"] for rule in objects["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]

    assert set(named) == set(ports)
    assert ports == {"otlp-grpc": 4317, "otlp-http": 4318, "web": 9464}


def test_a_selector_finds_the_pod() -> None:
    objects = {each["kind"]: each for each in built("base")}
    labels = objects["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        objects["Service"]["spec"]["selector"],
        objects["StatefulSet"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]

    for selector in selectors:
        assert selector.items() <= labels.items()


def test_the_service_monitor_scrapes_the_service_as_the_job_that_the_rules_expect() -> None:
    objects = {each["kind"]: each for each in built("servicemonitor")}
    monitor, service = objects["ServiceMonitor"]["spec"], objects["Service"]

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "spancost"
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= {
        port["name"] for port in service["spec"]["ports"]
    }
    # Else the operator's own label `service` would take the place of the one that says who made a call.
    assert [endpoint["honorLabels"] for endpoint in monitor["endpoints"]] == [True]
