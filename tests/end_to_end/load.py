"""Senders that never give up, a next hop that misbehaves, and what must be true of both ends afterwards."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from tests.end_to_end.conftest import EXPORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON_NS = 1_795_176_000 * 1_000_000_000  # 2026-11-20T12:00:00Z
CALL_USD = Decimal("0.0035")
"""1,000 tokens in at 2.50 and 100 out at 10 US dollars a million."""

_FINAL = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNIMPLEMENTED})
"""What a sender drops its spans after."""


def batch(first: int, count: int) -> ExportTraceServiceRequest:
    """`count` calls of 1,000 tokens in and 100 out on gpt-4o, each `CALL_USD`, with the numbers from `first` as ids."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for n in range(first, first + count):
        span = scope.spans.add(trace_id=n.to_bytes(16, "big"), span_id=n.to_bytes(8, "big"), name="chat gpt-4o")
        span.start_time_unix_nano = NOON_NS + n
        span.end_time_unix_nano = NOON_NS + n + 1_000_000
        for key, text in {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-2024-08-06",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "spancost.feature": "search",
        }.items():
            span.attributes.append(KeyValue(key=key, value=AnyValue(string_value=text)))
        for key, tokens in {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}.items():
            span.attributes.append(KeyValue(key=key, value=AnyValue(int_value=tokens)))
    return request


class Load:
    """Sends batches until told to stop, each until it is acknowledged; some again later, and none in order."""

    def __init__(self, target: str, *, seed: int, senders: int = 4, calls: int = 16) -> None:
        self._target = target
        self._calls = calls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._next = 1
        self.sent = set[int]()
        """The calls of every batch that was begun; all acknowledged once `stop` has returned."""
        self.final = list[str]()
        """Refusals after which a real sender would have dropped its spans."""
        self.retries = 0
        self.repeats = 0
        """Batches sent again although they had been acknowledged."""
        self._threads = [threading.Thread(target=self._send_all, args=(seed + n,), daemon=True) for n in range(senders)]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 60.0) -> None:
        """Begin nothing new, and wait until everything is acknowledged."""
        self._stopping.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), f"not everything was acknowledged within {seconds:g} s"

    def _begin(self) -> int:
        with self._lock:
            first = self._next
            self._next += self._calls
            self.sent.update(range(first, first + self._calls))
            return first

    def _send_all(self, seed: int) -> None:
        chance = random.Random(seed)
        waiting, done = list[int](), list[int]()
        with grpc.insecure_channel(
            self._target, options=[("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50)]
        ) as channel:
            export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
            while waiting or not self._stopping.is_set():
                while len(waiting) < 3 and not self._stopping.is_set():
                    waiting.append(self._begin())
                first = waiting.pop(chance.randrange(len(waiting)))
                if self._send(export, first):
                    done.append(first)
                else:
                    waiting.append(first)
                    time.sleep(chance.uniform(0.01, 0.1))
                if chance.random() < 0.2 and done:
                    self._send(export, chance.choice(done))
                    self.repeats += 1

    def _send(self, export: grpc.UnaryUnaryMultiCallable[bytes, bytes], first: int) -> bool:
        try:
            export(batch(first, self._calls).SerializeToString(), timeout=5)
        except grpc.RpcError as error:
            call = cast("grpc.Call", error)
            if call.code() in _FINAL:
                self.final.append(f"{call.code().name}: {call.details()}")
            self.retries += 1
            return False
        return True


@dataclass
class Hop:
    """A trace backend on a port of its own that can go away and come back, dawdle, refuse and leave out."""

    port: int
    delay: Callable[[], float] = lambda: 0.0
    code: Callable[[], grpc.StatusCode] = lambda: grpc.StatusCode.OK
    leaves_out: int = 0
    taken: set[int] = field(default_factory=set[int])
    requests: int = 0
    _server: grpc.Server | None = None
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))

    def start(self) -> None:
        self._server = grpc.server(self._threads, options=[("grpc.so_reuseport", 0)])
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(self._export)
        service, method = EXPORT.split("/")[1:]
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def close(self) -> None:
        self.stop()
        self._threads.shutdown()

    def _export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(self.delay())
        if not context.is_active():
            return b""  # whoever asked is gone, and so is what it sent
        code = self.code()
        if code is not grpc.StatusCode.OK:
            context.set_code(code)
            return b""
        request = ExportTraceServiceRequest.FromString(body)
        spans = [span for r in request.resource_spans for s in r.scope_spans for span in s.spans]
        self.taken.update(int.from_bytes(span.span_id, "big") for span in spans)
        self.requests += 1
        partial = ExportTracePartialSuccess(rejected_spans=self.leaves_out, error_message="too old")
        return ExportTraceServiceResponse(partial_success=partial).SerializeToString() if self.leaves_out else b""


def kept(ledger: Path) -> list[int]:
    """The calls in a ledger, by their numbers; one that was kept twice is there twice."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return [int.from_bytes(span_id, "big") for (span_id,) in connection.execute("SELECT span_id FROM calls")]


def reported(ledger: Path) -> tuple[int, Decimal]:
    """Calls and US dollars, as `spancost report` says."""
    command = [sys.executable, "-m", "spancost_collector", "report", "--json", "--ledger", str(ledger)]
    total = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)["total"]
    return total["calls"], Decimal(total["cost_usd"])
