"""A real Prometheus of a current release, with a configuration of the test's own."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from tests import programs
from tests.started import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path


class Server:
    """Its HTTP API."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, query: str) -> list[dict[str, Any]]:
        url = f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def figure(self, query: str) -> float | None:
        found = self.ask(query)
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def wait_for(self, query: str, is_there: Callable[[float], bool]) -> float:
        deadline = time.monotonic() + 30
        while (found := self.figure(query)) is None or not is_there(found):
            assert time.monotonic() < deadline, f"{query}: {found}"
            time.sleep(0.1)
        return found


@contextmanager
def prometheus_server(folder: Path, configuration: object, options: Iterable[str] = ()) -> Generator[Server]:
    """A current Prometheus with this configuration."""
    path, log = folder / "prometheus.yaml", folder / "prometheus.log"
    path.write_text(yaml.safe_dump(configuration))
    command = [str(programs.require("prometheus")), f"--config.file={path}", "--web.listen-address=127.0.0.1:0"]
    command += [f"--storage.tsdb.path={folder / 'prometheus'}", *options]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield Server(wait_until_ready(log))
        finally:
            process.terminate()
            process.wait(timeout=30)
