"""The built wheel installs on its own: light without extras, whole with `collector`, and on a newer Python, too."""

from __future__ import annotations

import os
import shutil
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


def environment(folder: Path, requirement: str, python: str = sys.executable) -> Path:
    run(UV, "venv", "--quiet", "--python", python, str(folder))
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


def test_all_of_it_works_on_the_newest_python_of_this_machine(wheel: Path, tmp_path: Path) -> None:
    python = newest_python()
    if python is None:
        pytest.skip(f"no Python newer than {sys.version_info.major}.{sys.version_info.minor} is installed here")
    bin_folder = environment(tmp_path / "newest", f"spancost[demo] @ {wheel.as_uri()}", python)

    shown = run(str(bin_folder / "spancost"), "demo", "--work-dir", str(tmp_path / "demo"))

    assert "The shop made 19 calls; every one is in the ledger." in shown
    (total,) = (line.split() for line in shown.splitlines() if line.startswith("total "))
    assert total == ["total", "19", "2", "39,068", "3,342", "0.058088"]


def newest_python() -> str | None:
    """The newest interpreter beyond our own that is on the path or under pyenv, and runs."""
    named = [found for minor in range(12, 20) if (found := shutil.which(f"python3.{minor}"))]
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    newest, chosen = sys.version_info[:2], None
    for python in (*named, *map(str, managed.glob("3.*/bin/python3"))):
        asked = [python, "-c", "import sys; print(*sys.version_info[:2], sys.version_info.releaselevel)"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        major, minor, level = answer.stdout.split() if answer.returncode == 0 else ("0", "0", "")
        if level == "final" and (int(major), int(minor)) > newest:
            newest, chosen = (int(major), int(minor)), python
    return chosen
