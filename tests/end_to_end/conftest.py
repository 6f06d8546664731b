"""A real `spancost serve` process on loopback, and a sender of real OTLP."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_READY = re.compile(r"OTLP/gRPC on (?P<otlp>\S+), OTLP/HTTP on http://(?P<http>\S+), web on http://(?P<web>\S+),")


@dataclass
class Serve:
    """One running receiver."""

    process: subprocess.Popen[str]
    otlp: str
    http: str
    web: str
    ledger: Path
    _channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        self._channel = grpc.insecure_channel(self.otlp, options=[("grpc.max_send_message_length", -1)])

    def send(self, request: ExportTraceServiceRequest, *, seconds: float = 30.0) -> ExportTraceServiceResponse:
        export = self._channel.unary_unary(
            EXPORT,
            request_serializer=ExportTraceServiceRequest.SerializeToString,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        return export(request, timeout=seconds)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.web}{path}", timeout=10) as answer:
            return answer.read().decode()

    def samples(self, name: str) -> dict[str, float]:
        """Label text -> value of one metric on /metrics."""
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        return {line.rpartition(" ")[0].removeprefix(name): float(line.rpartition(" ")[2]) for line in lines}

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for thread in threads for child in thread.read_text(encoding="ascii").split()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=30)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        self._channel.close()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serve]]:
    """Starts a receiver on free ports; further arguments go to `spancost serve`."""
    with receivers(tmp_path) as start:
        yield start


@contextmanager
def receivers(folder: Path) -> Generator[Callable[..., Serve]]:
    """Starts receivers that keep their ledger in a folder, and stops them in the end."""
    running = list[Serve]()

    def start(*arguments: str) -> Serve:
        ledger = folder / "ledger.sqlite3"
        log = (folder / f"serve-{len(running)}.log").open("w+")
        command = [sys.executable, "-m", "spancost_collector", "serve", "--ledger", str(ledger)]
        for listener in ("--listen", "--http-listen", "--web-listen"):
            command += [listener, "127.0.0.1:0"]
        command += arguments
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        match = _READY.search(line)
        log.seek(0)
        assert match, f"spancost serve did not start: {line!r} {log.read()}"
        log.close()
        running.append(Serve(process, match["otlp"], match["http"], match["web"], ledger))
        return running[-1]

    try:
        yield start
    finally:
        for one in running:
            one.close()
