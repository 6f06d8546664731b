"""Other instrumentations, each in an environment of its own: they do not install beside each other.

The environments are kept in the user's cache, so that only the first run waits for them. One that cannot be made is
said, with the reason, and left out.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console

_PROJECT: Final = Path(__file__).resolve().parents[2]
_UV: Final = Path(sys.executable).with_name("uv")


class Kit(NamedTuple):
    """What has to be installed to measure a peer, beside this project."""

    peer: str
    sdk: str
    requirements: tuple[str, ...]


KITS: Final = (
    Kit("genai-openai", "openai", ("opentelemetry-instrumentation-genai-openai==1.3b0", "openai<4")),
    Kit("openai-v2", "openai", ("opentelemetry-instrumentation-openai-v2==2.4b0", "openai<3")),
    Kit("openllmetry", "openai", ("opentelemetry-instrumentation-openai==0.62.4", "openai<4")),
    Kit("openinference", "openai", ("openinference-instrumentation-openai==0.1.66", "openai<4")),
    Kit("openlit", "openai", ("openlit==1.45.0", "openai<3")),
    Kit("genai-anthropic", "anthropic", ("opentelemetry-instrumentation-genai-anthropic==1.3b0", "anthropic<3")),
    Kit("openllmetry", "anthropic", ("opentelemetry-instrumentation-anthropic==0.62.4", "anthropic<3")),
    Kit("openinference", "anthropic", ("openinference-instrumentation-anthropic==3.1.0", "anthropic<3")),
    Kit("opentelemetry", "google_genai", ("opentelemetry-instrumentation-google-genai==1.3b0", "google-genai<3")),
    Kit("openinference", "google_genai", ("openinference-instrumentation-google-genai==1.4.14", "google-genai<4")),
)


class UnavailableError(Exception):
    """A peer cannot be measured here."""


def python_of(kit: Kit) -> Path:
    """The interpreter of an environment with the peer, its SDK and this project."""
    named = "\n".join((str(_PROJECT), sys.version, *kit.requirements))
    place = _cache() / f"{kit.sdk}-{kit.peer}-{hashlib.sha256(named.encode()).hexdigest()[:12]}"
    python = place / "bin" / "python"
    ready = place / ".ready"
    if not ready.exists():
        with Console(stderr=True).status(f"installing {' '.join(kit.requirements)}"):
            _run(_UV, "venv", "--quiet", "--clear", "--python", sys.executable, place)
            _run(
                *(_UV, "pip", "install", "--quiet", "--prerelease", "if-necessary-or-explicit", "--python", python),
                *("--editable", _PROJECT, "opentelemetry-sdk", "rich", *kit.requirements),
            )
        ready.touch()
    return python


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "spancost" / "benchmark-peers"


def _run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise UnavailableError(" ".join(said)[:300] or f"{command[0]} ended with {done.returncode}")
