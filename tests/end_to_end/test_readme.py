"""Every command of the README does what the README says, in a fresh environment, on its default ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PROVIDER = "http://127.0.0.1:8089"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def run(command: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", command], env=environment, cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing answers on {url}"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def background() -> Iterator[list[subprocess.Popen[bytes]]]:
    started = list[subprocess.Popen[bytes]]()
    yield started
    with ExitStack() as stack:
        for process in started:
            stack.callback(process.wait, 30)
            process.terminate()


def start(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def test_the_commands_are_the_ones_that_are_tested_here() -> None:
    assert [line for block in blocks("sh") for line in block.splitlines()] == [
        "make demo",
        "pip install '.[collector]'",
        "spancost serve",
        "pip install openai",
        "opentelemetry-instrument --service_name shop python app.py",
        "spancost report --by feature,user,model --since 1h",
        "curl http://127.0.0.1:9464/metrics",
        "make test",
    ]
    assert "python -m spancost.demo.provider" in README


def test_make_demo_prints_the_report_that_the_readme_shows() -> None:
    (shown,) = (block for block in blocks("text") if block.startswith("feature"))
    printed = run("make demo", dict(os.environ), ROOT)

    assert shown in printed


def test_an_app_of_ones_own_shows_in_the_report_and_in_the_metrics(
    tmp_path: Path, background: list[subprocess.Popen[bytes]]
) -> None:
    run(f"{sys.executable} -m venv {tmp_path}/venv", dict(os.environ), ROOT)
    environment = {
        "PATH": f"{tmp_path}/venv/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "OPENAI_BASE_URL": f"{PROVIDER}/v1",
        "OPENAI_API_KEY": "any",
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "UV_"))},
    }
    run("pip install '.[collector]'", environment, ROOT)
    run("pip install openai", environment, tmp_path)
    (tmp_path / "app.py").write_text(blocks("python")[0])
    bin_folder = tmp_path / "venv/bin"
    background.append(start([str(bin_folder / "spancost"), "serve"], environment))
    background.append(start([str(bin_folder / "python"), "-m", "spancost.demo.provider"], environment))
    wait_for("http://127.0.0.1:9464/readyz")
    wait_for(PROVIDER)

    answer = run("opentelemetry-instrument --service_name shop python app.py", environment, tmp_path)
    report = run("spancost report --by feature,user,model --since 1h", environment, tmp_path).splitlines()
    metrics = run("curl -sS http://127.0.0.1:9464/metrics", environment, tmp_path)

    # 6 words in at 0.15 and 64 out at 0.60 USD the million: 0.0000009 + 0.0000384.
    assert answer.strip()
    assert report[1].split() == ["search", "u42", "gpt-4o-mini", "1", "0", "6", "64", "0.000039"]
    (calls,) = (line for line in metrics.splitlines() if line.startswith("spancost_calls_total{"))
    assert dict(re.findall(r'(\w+)="([^"]*)"', calls)) == {
        "feature": "search",
        "task": "rerank",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "environment": "",
        "release": "",
        "service": "shop",
        "outcome": "ok",
    }
    assert calls.endswith(" 1.0")
    assert "u42" not in metrics


def test_the_snippets_about_who_pays_run() -> None:
    for snippet in blocks("python")[1:]:
        done = subprocess.run([sys.executable, "-c", f"import spancost\n{snippet}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
