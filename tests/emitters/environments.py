"""Where emitters run: an environment for each set of pinned packages, made once and kept in the user's cache.

Emitters do not go together with each other, nor with the packages that the tests themselves need. What the pinned ones
depend on is taken as it was on one day. A folder is named after all that decides what is in it, and is only used once
it is whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[2]
_APPS: Final = Path(__file__).with_name("apps")
_INSTALL_SECONDS: Final = 900
_BEFORE: Final = "2026-11-22T00:00:00Z"
"""Nothing that was published later is installed: what is measured does not change because of somebody's release."""
_EXPORT: Final = ("opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2")


class Environment(Protocol):
    """Packages, and how the app runs beside them."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Each with its version."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The programs that must be installed."""
        ...

    def command(self) -> list[str]:
        """What starts the app; the packages are there when it returns."""
        ...


@dataclass(frozen=True)
class Python:
    """Packages of PyPI, beside this project."""

    packages: tuple[str, ...]
    export: tuple[str, ...] = _EXPORT
    """The OpenTelemetry SDK and its exporter, for those that pin older ones."""
    needs: tuple[str, ...] = ()

    def command(self) -> list[str]:
        folder = _made(repr((ROOT, sys.version, _BEFORE, self)), self._install)
        return [str(folder / "bin" / "python"), str(_APPS / "app.py")]

    def _install(self, folder: Path) -> None:
        uv = [sys.executable, "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], folder.parent)
        install = [*uv, "pip", "install", "--quiet", "--exclude-newer", _BEFORE]
        install += ["--python", str(folder / "bin" / "python")]
        _run([*install, *self.packages, *self.export, "--editable", str(ROOT)], folder.parent)


@dataclass(frozen=True)
class Node:
    """Packages of npm, with the OpenTelemetry SDK."""

    packages: tuple[str, ...]
    export: tuple[str, ...] = (
        "@opentelemetry/exporter-trace-otlp-proto@0.223.1",
        "@opentelemetry/sdk-trace-node@2.12.0",
    )
    needs: tuple[str, ...] = ("node", "npm")

    def command(self) -> list[str]:
        folder = _made(repr((_BEFORE, self)), self._install)
        app = folder / "app.mjs"
        # Packages are looked for beside the file that imports them.
        shutil.copyfile(_APPS / "vercel.mjs", app)
        return ["node", str(app)]

    def _install(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps({"private": True, "type": "module"}), encoding="utf-8")
        quietly = ("--no-audit", "--no-fund", "--no-save", "--loglevel=error")
        _run(["npm", "install", "--before", _BEFORE, *quietly, *self.packages, *self.export], folder)


def _made(identity: str, install: Callable[[Path], None]) -> Path:
    """The folder of this identity, installed into if it is new; what is half done is thrown away."""
    folder = user_cache_path("spancost", appauthor=False) / "emitters" / sha256(identity.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    whole = folder.with_suffix(".whole")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            whole.write_text(identity, encoding="utf-8")
    return folder


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
