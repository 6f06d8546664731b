"""Dependencies point one way: instrumentation -> pricing <- collector_processor; pricing knows neither."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "pricing/spancost_pricing": {"spancost_pricing"},
    "instrumentation/spancost": {"spancost_pricing", "spancost"},
    "collector_processor/spancost_collector": {"spancost_pricing", "spancost_collector"},
}
OURS = {"spancost", "spancost_pricing", "spancost_collector"}
IMPURE = {"opentelemetry", "socket", "urllib", "http", "requests", "httpx2", "grpc", "time", "asyncio"}


def imported(source: str) -> set[str]:
    """The top-level names that a module imports, wherever in it the import stands."""
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} holds no module"
    return found


@pytest.mark.parametrize("folder", PACKAGES)
def test_the_two_ends_meet_only_in_pricing(folder: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): forbidden
        for path in modules(folder)
        if (forbidden := (imported(path.read_text()) & OURS) - PACKAGES[folder])
    }

    assert wrong == {}


def test_pricing_knows_no_telemetry_no_network_and_no_clock() -> None:
    wrong = {
        str(path.relative_to(ROOT)): impure
        for path in modules("pricing/spancost_pricing")
        if (impure := imported(path.read_text()) & IMPURE)
    }

    assert wrong == {}


def test_an_import_hidden_in_a_function_is_seen() -> None:
    assert imported("def f():\n    from spancost_collector.ledger.writer import Ledger\n") == {"spancost_collector"}


def test_the_base_install_stays_light() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {requirement.split(">")[0].split("=")[0].split("<")[0].strip() for requirement in project["dependencies"]}

    assert names == {"genai-prices", "opentelemetry-api", "opentelemetry-instrumentation", "pyyaml", "wrapt"}


def test_every_sdk_module_has_its_entry_point_under_a_name_of_our_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    registered = project["entry-points"]["opentelemetry_instrumentor"]
    folder = ROOT / "instrumentation/spancost/sdks"
    sdks = {path.stem for path in folder.iterdir() if path.name[0] not in "_."}

    assert {name: target.partition(":")[0] for name, target in registered.items()} == {
        f"spancost_{sdk}": f"spancost.sdks.{sdk}" for sdk in sdks
    }
