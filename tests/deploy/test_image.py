"""What the Dockerfile does, done without an engine: install, then run as a user without a name on a read-only tree.

The instructions are read from the file and carried out in namespaces of Linux, at the paths and ports of the image.
What this cannot show is that the base image has what it takes.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.end_to_end

DOCKERFILE = programs.ROOT / "deploy" / "Dockerfile"
TOOLS = ("unshare", "setpriv", "ip", "mount")


@dataclass
class Stage:
    """The instructions after one FROM."""

    environment: dict[str, str] = field(default_factory=dict[str, str])
    instructions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.instructions if each == name]

    def only(self, name: str) -> str:
        (found,) = self.all(name)
        return found


def stages() -> list[Stage]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = list[Stage]()
    for line in text.replace("\\\n", " ").splitlines():
        name, _, value = line.partition(" ")
        if name == "FROM":
            found.append(Stage())
        elif name == "ENV":
            found[-1].environment |= dict(pair.split("=", 1) for pair in shlex.split(value))
        elif name:
            found[-1].instructions.append((name, value.strip()))
    return found


BUILD, FINAL = stages()


def in_a_tree_of_its_own(folder: Path, script: str, *, network: bool) -> subprocess.CompletedProcess[str]:
    """Run as root, with /opt of the folder in place of the machine's."""
    private = ["--mount"] if network else ["--mount", "--net"]
    outside = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run(
        ["unshare", *private, "sh", "-euc", f"mount --bind {folder}/opt /opt\n{script}"],
        env=outside,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def copy(sources: list[str], target: Path) -> None:
    for source in sources:
        origin = programs.ROOT / source
        if origin.is_dir():
            shutil.copytree(origin, target / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(origin, target)


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """What the stages leave: /opt, /etc and /var/lib, where every user can read them."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None or os.geteuid() != 0 or not all(map(shutil.which, TOOLS)):
        pytest.skip(f"needs root, {', '.join(TOOLS)}, and a python3 that every user can run")
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    if subprocess.run([python, "-c", check], check=False).returncode != 0:
        pytest.skip(f"{python} is older than 3.11")
    with tempfile.TemporaryDirectory(prefix="spancost-image.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for each in ("src", "opt", "etc", "lib"):
            (folder / each).mkdir()
        for copied in BUILD.all("COPY"):
            copy(copied.split()[:-1], folder / "src")
        (install,) = (run for run in BUILD.all("RUN") if run.startswith("uv sync"))
        environment = BUILD.environment | {"UV_PYTHON": python, "UV_NO_CACHE": "0"}
        command = f"""
            cd {folder}/src
            env {shlex.join(f"{key}={value}" for key, value in environment.items())} {sys.executable} -m {install}
        """
        done = in_a_tree_of_its_own(folder, command, network=True)
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(folder / "src")
        (configuration,) = (copied for copied in FINAL.all("COPY") if not copied.startswith("--from=build"))
        source, target = configuration.split()
        place = folder / Path(target).relative_to("/")
        place.parent.mkdir()
        shutil.copy2(programs.ROOT / source, place)
        ledgers = folder / "lib" / "spancost"
        ledgers.mkdir()
        shutil.chown(ledgers, 65532, 65532)
        yield folder


def test_it_serves_as_a_user_without_a_name_where_it_can_write_to_the_ledgers_folder_only(image: Path) -> None:
    user, group = FINAL.only("USER").split(":")
    serve = shlex.join(_list(FINAL.only("ENTRYPOINT")) + _list(FINAL.only("CMD")))
    healthy = shlex.join(_list(FINAL.only("HEALTHCHECK").partition("CMD ")[2]))
    environment = FINAL.environment | {"PATH": FINAL.environment["PATH"].replace("$PATH", "/usr/bin:/bin")}
    done = in_a_tree_of_its_own(
        image,
        f"""
        mount --bind {image}/lib /var/lib
        mount --bind {image}/etc /etc
        for each in / /opt /etc; do mount -o remount,ro,bind $each; done
        ip link set lo up
        cd /
        as_user() {{
            setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs --bounding-set=-all \\
                env -i {shlex.join(f"{key}={value}" for key, value in environment.items())} "$@"
        }}
        as_user {serve} & server=$!
        tries=0
        until as_user {healthy} 2>/dev/null; do
            tries=$((tries + 1)); [ $tries -lt 150 ] || exit 1
            sleep 0.2
        done
        as_user python -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9464/metrics').read().decode())"
        kill $(cat /proc/$server/task/*/children) && wait $server
        """,
        network=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "OTLP/gRPC on 0.0.0.0:4317, OTLP/HTTP on http://0.0.0.0:4318, web on http://0.0.0.0:9464" in done.stdout
    assert "# TYPE spancost_calls_total counter" in done.stdout
    (ledger,) = (image / "lib" / "spancost").glob("*.sqlite3")
    assert ledger.name == "ledger.sqlite3"
    assert ledger.stat().st_uid == 65532


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(
        [programs.require("hadolint"), DOCKERFILE], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def _list(text: str) -> list[str]:
    return json.loads(text)
