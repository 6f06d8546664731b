"""The committed dashboards: up to date, valid by Grafana's own schemas, and usable however they get into Grafana."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FOLDER = Path(__file__).parents[2] / "dashboards"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
SCHEMAS = (
    Path(os.environ.get("SPANCOST_RECORDINGS", FOLDER.parents[1] / "shared" / "data")).resolve() / "grafana-schemas"
)
every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def panels(path: Path) -> list[dict[str, Any]]:
    return load(path)["panels"]


def graphs(path: Path) -> list[dict[str, Any]]:
    return [panel for panel in panels(path) if panel["type"] != "row"]


def test_what_is_committed_is_what_the_build_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(FOLDER / "build.py"), str(tmp_path)], check=True, timeout=60)
    written = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*.*")}

    assert {name for name in written if name.suffix == ".json"} == {Path(path.name) for path in DASHBOARDS}
    for name, path in written.items():
        assert path.read_text(encoding="utf-8") == (FOLDER / name).read_text(encoding="utf-8"), "run `make dashboards`"


@every_dashboard
def test_panels_have_numbers_of_their_own_and_do_not_overlap(path: Path) -> None:
    numbers = [panel["id"] for panel in panels(path)]
    cells = [
        (x, y)
        for panel in panels(path)
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(numbers) == len(set(numbers))
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))


@every_dashboard
def test_every_panel_says_what_it_shows_and_asks_the_chosen_data_source(path: Path) -> None:
    for panel in graphs(path):
        assert panel["description"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references)) > 0


@every_dashboard
def test_the_data_source_is_a_variable_that_names_none(path: Path) -> None:
    dashboard = load(path)
    first, *others = dashboard["templating"]["list"]

    assert (first["type"], first["name"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert not first.get("current", {}).get("value")
    assert all(variable["datasource"]["uid"] == "${datasource}" for variable in others)
    assert "__inputs" not in dashboard  # only the import dialog fills these in: a provisioned copy would stay empty


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason=f"Grafana's JSON schemas are not at {SCHEMAS}")
@every_dashboard
def test_a_dashboard_is_valid_by_grafanas_schemas(path: Path) -> None:
    shell = schema("dashboard")
    # Both are typed as objects there, and Grafana takes any value.
    shell["definitions"]["MatcherConfig"]["properties"]["options"] = {}
    shell["definitions"]["DynamicConfigValue"]["properties"]["value"] = {}

    assert complaints(shell, "Dashboard", load(path)) == []
    for panel in graphs(path):
        of_type = schema(panel["type"])
        found = complaints(of_type, "Options", panel.get("options", {}))
        if "FieldConfig" in of_type["definitions"]:
            found += complaints(of_type, "FieldConfig", panel["fieldConfig"]["defaults"].get("custom") or {})
        for target in panel["targets"]:
            found += complaints(schema("prometheus"), "Dataquery", target)
        assert found == [], panel["title"]


def schema(name: str) -> dict[str, Any]:
    return load(SCHEMAS / f"main.{name}.json")


def complaints(schema: dict[str, Any], definition: str, value: Any) -> list[str]:
    validator = jsonschema.Draft7Validator({**schema, "$ref": f"#/definitions/{definition}"})
    # The stub of a deprecated overload has no types.
    errors = validator.iter_errors(value)  # pyright: ignore[reportUnknownMemberType]
    return [f"{error.json_path}: {error.message}" for error in errors]
