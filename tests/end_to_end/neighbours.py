"""The real programs that spancost stands between, started on loopback and ended with the test.

The Collector runs `otel-collector.yaml` as it is in the repository: only addresses and the folder of its queue come
from the environment, as the file offers. Tempo and Prometheus run the compose file's configuration, with other
addresses and folders.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests import programs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_SECONDS = 120.0


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on; all are held until all are known, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def wait_until(what: str, holds: Callable[[], bool], seconds: float = _SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


class Neighbour:
    """A running program whose output is in a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self, url: str) -> None:
        """Return when `url` answers."""

        def answers() -> bool:
            assert self._process.poll() is None, f"ended at once: {self.output()[-4000:]}"
            try:
                fetch(url)
            except OSError:
                return False
            return True

        wait_until(f"{url} answers", answers)

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=30)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass(frozen=True)
class Ports:
    """Where everything listens."""

    apps: int
    apps_http: int
    spancost: int
    priced: int
    own_metrics: int
    traces_in: int
    traces_web: int
    traces_internal: int
    prometheus: int

    @classmethod
    def free(cls) -> Ports:
        return cls(*free_ports(9))


class Neighbourhood:
    """The Collector, the trace backend and Prometheus of one test, on ports of their own."""

    def __init__(self, folder: Path) -> None:
        self.ports = Ports.free()
        self._folder = folder
        self._running = list[Neighbour]()

    def collector(self) -> Neighbour:
        """Start the Collector; a second one finds the queue that the first one left."""
        ports = self.ports
        found = self._start(
            [str(programs.require("otelcol")), f"--config={programs.ROOT / 'otel-collector.yaml'}"],
            "otelcol",
            OTELCOL_STORAGE=str(self._folder / "queue"),
            OTELCOL_GRPC=f"127.0.0.1:{ports.apps}",
            OTELCOL_HTTP=f"127.0.0.1:{ports.apps_http}",
            OTELCOL_PRICED=f"127.0.0.1:{ports.priced}",
            OTELCOL_SPANCOST=f"127.0.0.1:{ports.spancost}",
            OTELCOL_METRICS_PORT=str(ports.own_metrics),
            TEMPO_ENDPOINT=f"127.0.0.1:{ports.traces_in}",
        )
        found.wait_until_ready(f"http://127.0.0.1:{ports.own_metrics}/metrics")
        return found

    def trace_backend(self) -> TraceBackend:
        """Start Tempo as the compose file does."""
        ports = self.ports
        configuration = _shipped("tempo.yaml")
        configuration["server"] |= {
            "http_listen_address": "127.0.0.1",
            "http_listen_port": ports.traces_web,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": ports.traces_internal,
        }
        configuration["distributor"]["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] = (
            f"127.0.0.1:{ports.traces_in}"
        )
        # It waits for other ingesters, of which there are none, before it is ready.
        configuration["ingester"] = {"lifecycler": {"address": "127.0.0.1", "min_ready_duration": "0s"}}
        configuration["storage"]["trace"] |= {
            "wal": {"path": str(self._folder / "tempo" / "wal")},
            "local": {"path": str(self._folder / "tempo" / "blocks")},
        }
        path = self._folder / "tempo.yaml"
        path.write_text(yaml.safe_dump(configuration))
        running = self._start([str(programs.require("tempo")), f"-config.file={path}"], "tempo")
        running.wait_until_ready(f"http://127.0.0.1:{ports.traces_web}/ready")
        return TraceBackend(f"http://127.0.0.1:{ports.traces_web}")

    def prometheus(self, receiver: str) -> Prometheus:
        """Start Prometheus as the compose file does, every second and with nobody to tell."""
        configuration = _shipped("prometheus.yaml")
        configuration["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        configuration["rule_files"] = [str(programs.ROOT / "dashboards" / "rules" / "*.yaml")]
        configuration["alerting"] = {}
        targets = {"spancost": receiver, "otelcol": f"127.0.0.1:{self.ports.own_metrics}"}
        for job in configuration["scrape_configs"]:
            job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
        path = self._folder / "prometheus.yaml"
        path.write_text(yaml.safe_dump(configuration))
        address = f"127.0.0.1:{self.ports.prometheus}"
        command = [str(programs.require("prometheus")), f"--config.file={path}", f"--web.listen-address={address}"]
        command += [f"--storage.tsdb.path={self._folder / 'prometheus'}", "--enable-feature=exemplar-storage"]
        running = self._start(command, "prometheus")
        running.wait_until_ready(f"http://{address}/-/ready")
        return Prometheus(f"http://{address}/api/v1")

    def stop(self) -> None:
        for each in reversed(self._running):
            each.kill()  # Tempo would take half a minute to end, and no test is about how they do

    def _start(self, command: Sequence[str], name: str, **environment: str) -> Neighbour:
        found = Neighbour(command, environment, self._folder / f"{name}.log")
        self._running.append(found)
        return found


class TraceBackend:
    """Tempo's API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def spans(self, trace_id: str) -> list[Span]:
        """The spans of a trace, none while it has not arrived."""
        try:
            found = fetch(f"{self._url}/api/traces/{trace_id}", Accept="application/protobuf")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 404:
                pytest.fail(f"{trace_id}: {error}")
            return []
        # Tempo's Trace message has the wire form of an export request.
        trace = ExportTraceServiceRequest.FromString(found)
        return [span for resource in trace.resource_spans for scope in resource.scope_spans for span in scope.spans]


class Prometheus:
    """The HTTP API of Prometheus."""

    def __init__(self, api: str) -> None:
        self._api = api

    def value(self, expr: str) -> float | None:
        """The only sample of an instant query."""
        result = self._get("query", query=expr)["result"]
        if not result:
            return None
        (series,) = result
        return float(series["value"][1])

    def exemplars(self, expr: str) -> list[dict[str, str]]:
        """The labels of each exemplar of the last minutes."""
        now = time.time()
        series = self._get("query_exemplars", query=expr, start=str(now - 300), end=str(now + 1))
        return [exemplar["labels"] for one in series for exemplar in one["exemplars"]]

    def _get(self, path: str, **parameters: str) -> Any:
        try:
            return json.loads(fetch(f"{self._api}/{path}?{urllib.parse.urlencode(parameters)}"))["data"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{parameters}: {error.read().decode()}")


def _shipped(name: str) -> dict[str, Any]:
    return yaml.safe_load((programs.ROOT / "deploy" / "compose" / name).read_text(encoding="utf-8"))


def fetch(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return answer.read()
