"""The built wheel installs on its own: light without extras, whole with `collector`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))


def run(*command: str, status: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", str(out), str(ROOT))
    (built,) = out.glob("*.whl")
    return built


def environment(folder: Path, requirement: str) -> Path:
    run(UV, "venv", "--quiet", "--python", sys.executable, str(folder))
    run(UV, "pip", "install", "--quiet", "--python", str(folder), requirement)
    return folder / "bin"


def test_the_base_install_is_light_and_says_what_the_command_line_needs(wheel: Path, tmp_path: Path) -> None:
    bin_folder = environment(tmp_path / "base", str(wheel))
    python = str(bin_folder / "python")
    names = run(UV, "pip", "freeze", "--python", python).splitlines()
    installed = {line.partition("==")[0].partition(" @")[0] for line in names}

    assert installed.isdisjoint({"grpcio", "protobuf", "opentelemetry-sdk", "typer", "rich", "starlette", "openai"})
    # No SDK is there: nothing to instrument, and not an error.
    run(python, "-c", "import spancost; spancost.instrument(); spancost.uninstrument()")
    said = run(str(bin_folder / "spancost"), "report", status=2)
    assert "pip install 'spancost[collector]'" in said


def test_the_collector_extra_brings_the_command_line(wheel: Path, tmp_path: Path) -> None:
    bin_folder = environment(tmp_path / "collector", f"spancost[collector] @ {wheel.as_uri()}")
    command = str(bin_folder / "spancost")

    assert "serve" in run(command, "--help")
    assert run(command, "--version").strip() == "0.1.0"
    assert (bin_folder / "opentelemetry-instrument").exists()
    call = ("--provider", "openai", "--model", "gpt-4o-2024-08-06", "--at", "2026-11-20", "--input-tokens", "1000")
    assert '"cost_usd": "0.0025"' in run(command, "price", *call, "--json")
    assert "upper" in run(command, "estimate", "--provider", "openai", "--model", "gpt-5", str(ROOT / "README.md"))
    missing = run(command, "report", "--ledger", str(tmp_path / "none.sqlite3"), status=2)
    assert missing.startswith("spancost: ")
    assert missing.count("\n") == 1
