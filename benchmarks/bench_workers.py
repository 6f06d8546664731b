"""What a second core gives: spans taken in per second with `workers: 1` and `2`, and the CPU that each span costs.

Real `spancost serve` processes take the same requests over the same number of connections, round by round, so that
whatever else the machine does falls on all of them; each commits before it acknowledges. Before a figure is printed,
every ledger must hold exactly what was sent, and both workers must have worked. The sender is on the same machine and
takes its share of it. What the writer alone uses is the limit that no further worker moves, so it is printed as well,
with the spans a second that it allows. `SPANCOST_BENCH_CONNECTIONS=1` shows what one connection gets: one worker.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from bench_memory import EXPORT, Template

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECTIONS = int(os.environ.get("SPANCOST_BENCH_CONNECTIONS", "16"))
SPANS = 512 * 80
"""In each round."""
SHAPES = ((512, 1), (512, 10), (16, 1))
"""Spans in a request, and one in how many is a model call."""
ROUNDS = 5
WORKERS = (1, 2)


@dataclass
class Subject:
    """A running receiver."""

    workers: int
    process: subprocess.Popen[str]
    address: str
    ledger: Path
    rates: list[float] = field(default_factory=list[float])
    all_of_it: list[float] = field(default_factory=list[float])
    """CPU microseconds for each span."""
    writer: list[float] = field(default_factory=list[float])
    """Those of the process that keeps the ledger."""

    def measure(self, requests: Sequence[bytes]) -> None:
        """Spans a second, and CPU for each, until all are acknowledged."""
        # A pool of connections of its own for each channel, or all would share one.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        channels = [grpc.insecure_channel(self.address, options) for _ in range(CONNECTIONS)]
        exports: list[grpc.UnaryUnaryMultiCallable[bytes, bytes]] = [one.unary_unary(EXPORT) for one in channels]
        for channel in channels:
            grpc.channel_ready_future(channel).result(30)
        before, began = self.cpu_seconds(), time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as senders:
            sent = [
                senders.submit(exports[number % CONNECTIONS], body, timeout=120) for number, body in enumerate(requests)
            ]
        for one in sent:
            one.result()
        seconds = time.perf_counter() - began
        writer, *workers = (after - earlier for earlier, after in zip(before, self.cpu_seconds(), strict=True))
        assert CONNECTIONS == 1 or all(workers), "the connections all went to one worker"
        for channel in channels:
            channel.close()
        self.rates.append(SPANS / seconds)
        self.writer.append(writer / SPANS * 1e6)
        self.all_of_it.append((writer + sum(workers)) / SPANS * 1e6)

    def cpu_seconds(self) -> list[float]:
        """What its processes have used so far, the writer first."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = sorted(int(child) for thread in threads for child in thread.read_text(encoding="ascii").split())
        used = list[float]()
        for process in (self.process.pid, *children):
            fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            used.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
        return used


def start(workers: int, folder: Path) -> Subject:
    ledger = folder / f"ledger-{workers}.sqlite3"
    command = [sys.executable, "-m", "spancost_collector", "serve", "--ledger", str(ledger), "--workers", str(workers)]
    command += ["--listen", "127.0.0.1:0", "--http-listen", "off", "--web-listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    address = process.stdout.readline().partition("OTLP/gRPC on ")[2].partition(",")[0]
    assert address, "spancost serve did not start"
    return Subject(workers, process, address, ledger)


def compare(spans: int, every: int) -> None:
    """Requests of so many spans, of which one in `every` is a model call."""
    template = Template(spans, every=every)
    with tempfile.TemporaryDirectory() as folder:
        subjects = [start(workers, Path(folder)) for workers in WORKERS]
        for number in range(ROUNDS + 1):
            first = number * SPANS
            requests = [template.fill(n) for n in range(first, first + SPANS, spans)]
            for subject in subjects:
                subject.measure(requests)
        calls = (ROUNDS + 1) * SPANS // spans * len(range(0, spans, every))
        for subject in subjects:
            subject.process.send_signal(signal.SIGTERM)
            assert subject.process.wait(60) == 0
            with closing(sqlite3.connect(subject.ledger)) as connection:
                (found,) = connection.execute("SELECT count(*) FROM charges").fetchone()
            assert found == calls, (subject.workers, found, calls)
    alone = statistics.median(subjects[0].rates[1:])  # the first round warms up
    for subject in subjects:
        rates, used = subject.rates[1:], subject.all_of_it[1:]
        writer = statistics.median(subject.writer[1:])
        print(
            f"{spans:>7} {f'1 in {every}':>11} {subject.workers:>7}"
            f" {statistics.median(rates):>9,.0f} {f'({min(rates):,.0f}-{max(rates):,.0f})':>17}"
            f" {statistics.median(rates) / alone:>5.2f}"
            f" {statistics.median(used):>7.1f} {f'({min(used):.1f}-{max(used):.1f})':>13} {writer:>9.1f}"
            f" {1e6 / writer:>12,.0f}"
        )


def main() -> None:
    print(f"{CONNECTIONS} connections, {SPANS} spans a round: median (min-max) of {ROUNDS} rounds")
    titles = f"{'request':>7} {'model calls':>11} {'workers':>7} {'spans/s':>27} {'x':>5} {'CPU us a span':>21}"
    print(f"{titles} {'writer':>9} {'its limit':>12}")
    for spans, every in SHAPES:
        compare(spans, every)


if __name__ == "__main__":
    main()
