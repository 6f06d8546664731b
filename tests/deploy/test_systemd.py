"""The systemd unit is one that systemd accepts, and that lets the receiver do little."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests import programs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

UNIT = programs.ROOT / "deploy" / "systemd" / "spancost.service"


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian's package `systemd`)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    # It checks that the program is there.
    text = UNIT.read_text(encoding="utf-8")
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace("ExecStart=/opt/spancost/bin/spancost", f"ExecStart={sys.executable}"))
    done = analyze("verify", "--man=no", unit)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_service_is_as_confined_as_systemd_can_measure() -> None:
    # 10 is not confined at all; systemd calls 2 and less "OK".
    done = analyze("security", "--offline=true", "--threshold=20", "--no-pager", UNIT)

    assert done.returncode == 0, done.stdout
