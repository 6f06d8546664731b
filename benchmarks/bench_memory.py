"""How much memory a receiver holds, and what a call costs it, while calls go on coming in: both have to level off.

A real `spancost serve` takes calls that are all different, by traces, users and features, until SPANCOST_BENCH_CALLS of
them (500,000 unless told) are in its ledger; after each tenth its resident memory and its CPU are read. What it
remembers on purpose is bounded by `election.max_calls`, so the curve rises until then. The ledger is checked to hold
every call.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

CALLS = int(os.environ.get("SPANCOST_BENCH_CALLS", "500000"))
SPANS = 512
NOON_NS = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_TRACE = b"trace-0000000000"
_SPAN = b"span-000"
_START = 0x1111111111111111
_USER = "user-00000000"


class Template:
    """A request whose ids, times and users are written into its bytes, which is as fast as sending has to be."""

    def __init__(self, spans: int = SPANS, *, every: int = 1) -> None:
        """Of its `spans` one in `every` is a model call."""
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        scope.scope.name = "benchmark"
        texts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-2024-08-06",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "user.id": _USER,
        }
        request_texts = {"http.request.method": "GET", "http.route": "/articles/{id}", "user.id": _USER}
        for n in range(spans):
            span = scope.spans.add(trace_id=_TRACE, span_id=_SPAN, name="chat gpt-4o")
            span.start_time_unix_nano = _START
            span.end_time_unix_nano = NOON_NS + 3_600_000_000_000
            if n % every:
                for key, text in request_texts.items():
                    span.attributes.append(KeyValue(key=key, value=AnyValue(string_value=text)))
                continue
            for key, text in {**texts, "spancost.feature": f"feature {n % 20}"}.items():
                span.attributes.append(KeyValue(key=key, value=AnyValue(string_value=text)))
            for key, tokens in {"gen_ai.usage.input_tokens": 1000 + n, "gen_ai.usage.output_tokens": 100}.items():
                span.attributes.append(KeyValue(key=key, value=AnyValue(int_value=tokens)))
        self._bytes = bytearray(request.SerializeToString())
        self._places = [
            tuple(match.start() for match in re.finditer(re.escape(marker), self._bytes))
            for marker in (_TRACE, _SPAN, struct.pack("<Q", _START), _USER.encode())
        ]

    def fill(self, first: int) -> bytes:
        """The request with the calls from number `first` on; four calls to a trace."""
        body = self._bytes
        for n, (trace, span, start, user) in enumerate(zip(*self._places, strict=True), first):
            struct.pack_into(">QQ", body, trace, 1, n // 4 + 1)
            struct.pack_into(">Q", body, span, n + 1)
            struct.pack_into("<Q", body, start, NOON_NS + n * 1_000_000)
            body[user : user + len(_USER)] = b"user-%08d" % (n % 10_000_000)
        return bytes(body)


def resident_mebibytes(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.sqlite3"
        command = [sys.executable, "-m", "spancost_collector", "serve", "--ledger", str(ledger)]
        for listener in ("--listen", "--http-listen", "--web-listen"):
            command += [listener, "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as receiver:
            assert receiver.stdout is not None
            ready = re.search(r"OTLP/gRPC on (\S+),", receiver.stdout.readline())
            assert ready is not None
            try:
                send(ready[1], receiver.pid)
            finally:
                receiver.send_signal(signal.SIGTERM)
        with closing(sqlite3.connect(ledger)) as connection:
            (kept,) = connection.execute("SELECT COUNT(*) FROM charges").fetchone()
        requests = -(-CALLS // SPANS)
        assert kept == requests * SPANS, f"{kept} calls in the ledger, {requests * SPANS} were acknowledged"


def send(address: str, process: int) -> None:
    template = Template()
    print(f"{0:>12,} calls {resident_mebibytes(process):8.0f} MiB")
    next_report = CALLS / 10
    reported, used = 0, cpu_seconds(process)
    with grpc.insecure_channel(address, options=[("grpc.max_send_message_length", -1)]) as channel:
        export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
        for first in range(0, CALLS, SPANS):
            export(template.fill(first), timeout=60)
            if first + SPANS >= next_report:
                next_report += CALLS / 10
                sent, so_far = first + SPANS, cpu_seconds(process)
                microseconds = (so_far - used) / (sent - reported) * 1e6
                print(
                    f"{sent:>12,} calls {resident_mebibytes(process):8.0f} MiB {microseconds:8.1f} us a call",
                    flush=True,
                )
                reported, used = sent, so_far


if __name__ == "__main__":
    main()
