"""Whatever breaks while spans come in: every call is in the ledger once, the counters equal it, every hop has it.

Each test drives senders that repeat and reorder, injects its faults at random moments and compares the ledger with what
was sent. `SPANCOST_FAULT_ROUNDS=50 pytest -m end_to_end tests/end_to_end/test_faults.py` does it for longer.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import time
import urllib.error
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import pytest
from tests.end_to_end.load import CALL_USD, Hop, Load, kept, reported
from tests.end_to_end.neighbours import free_ports, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tests.end_to_end.conftest import Serve

pytestmark = pytest.mark.end_to_end

ROUNDS = int(os.environ.get("SPANCOST_FAULT_ROUNDS", "1"))
LOCKED_SECONDS = 1.0 if ROUNDS == 1 else 7.0
"""The receiver waits for five seconds before it refuses."""
OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE


@dataclass
class Site:
    """A receiver between senders and a next hop, on addresses that survive it."""

    serve: Callable[..., Serve]
    hop: Hop
    port: int
    workers: int = 1
    faults: Counter[str] = field(default_factory=Counter[str])
    chance: random.Random = field(default_factory=random.Random)

    def start(self, *arguments: str) -> Serve:
        addresses = ("--listen", f"127.0.0.1:{self.port}", "--forward", f"127.0.0.1:{self.hop.port}")
        return self.serve(*addresses, "--workers", str(self.workers), *arguments)

    def load(self) -> Load:
        return Load(f"127.0.0.1:{self.port}", seed=self.chance.randrange(1_000_000))

    def pause(self, least: float, most: float) -> None:
        time.sleep(self.chance.uniform(least, most))

    def settle(self, load: Load, receiver: Serve, capsys: pytest.CaptureFixture[str]) -> None:
        """End the load, stop the receiver, and compare both ends with what was sent."""
        load.stop()
        counted = sum(receiver.samples("spancost_calls_total").values())
        spent = sum(receiver.samples("spancost_cost_usd_total").values())
        assert receiver.get("/readyz") == "ready\n"
        assert receiver.stop() == 0
        found = Counter(kept(receiver.ledger))
        lost, doubled = load.sent - found.keys(), sum(times - 1 for times in found.values())
        with capsys.disabled():
            faults = ", ".join(f"{times} x {name}" for name, times in sorted(self.faults.items()))
            print(
                f"\n  {faults}: {len(load.sent)} calls in, {load.retries} retries, {load.repeats} repeats;"
                f" ledger: {len(lost)} lost, {doubled} doubled; next hop: {len(load.sent - self.hop.taken)} missing",
                end="",
            )
        assert (lost, doubled, found.keys() - load.sent) == (set(), 0, set())
        assert counted == len(load.sent)
        assert spent == pytest.approx(float(CALL_USD * len(load.sent)))
        assert reported(receiver.ledger) == (len(load.sent), CALL_USD * len(load.sent))
        assert load.sent - self.hop.taken == set()
        assert load.final == []


@pytest.fixture(params=[1, 2], ids=["one process", "two workers"])
def site(serve: Callable[..., Serve], request: pytest.FixtureRequest) -> Iterator[Site]:
    ours, theirs = free_ports(2)
    hop = Hop(theirs)
    hop.start()
    yield Site(serve, hop, ours, request.param)
    hop.close()


def test_nothing_is_lost_or_doubled_when_the_receiver_dies_or_is_restarted_at_any_moment(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = site.start()
    load = site.load()
    for _ in range(ROUNDS):
        for fault in ("kill -9", "kill -9 mid-batch", "SIGTERM"):
            site.pause(0.2, 1.5)
            if fault == "kill -9 mid-batch":
                site.hop.delay = lambda: 0.3
                site.pause(0.2, 0.6)
            if fault == "SIGTERM":
                for process in receiver.workers():  # a service manager tells all processes of a service
                    os.kill(process, signal.SIGTERM)
                assert receiver.stop() == 0
            else:
                receiver.kill()
            site.hop.delay = lambda: 0.0
            site.faults[fault] += 1
            receiver = site.start()
    site.settle(load, receiver, capsys)


@pytest.mark.parametrize("site", [2], ids=["two workers"], indirect=True)
def test_nothing_is_lost_or_doubled_when_workers_die_at_any_moment(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = site.start()
    load = site.load()
    for number in range(1, 3 * ROUNDS + 1):
        site.pause(0.2, 1.5)
        os.kill(site.chance.choice(receiver.workers()), signal.SIGKILL)
        site.faults["kill -9 of a worker"] += 1
        wait_until("another worker", lambda number=number: restarts(receiver) == number and workers(receiver) == 2)
    site.settle(load, receiver, capsys)


def test_a_full_disk_and_a_locked_ledger_are_refused_retryably_and_survived(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = site.start()
    load = site.load()
    for _ in range(ROUNDS):
        site.pause(0.2, 0.8)
        with full_disk(receiver):
            wait_until("readiness tells of the full disk", lambda: not_ready(receiver, "its disk has room"))
            site.pause(0.1, 0.5)
        site.faults["disk full"] += 1
        wait_until("ready again", lambda: not not_ready(receiver, ""))
        with closing(sqlite3.connect(receiver.ledger, timeout=30, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            site.pause(0.2, LOCKED_SECONDS)
            other.execute("ROLLBACK")
        site.faults["ledger locked"] += 1
    site.settle(load, receiver, capsys)


def test_a_next_hop_may_be_down_slow_flapping_or_choosy(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    receiver = site.start()
    load = site.load()
    hop, chance = site.hop, site.chance
    for _ in range(ROUNDS):
        site.pause(0.2, 0.5)
        hop.stop()
        site.pause(1.5, 2.5)
        hop.start()
        site.faults["down"] += 1
        site.pause(0.2, 0.5)

        hop.delay = lambda: chance.uniform(0.2, 0.8)
        site.pause(1.0, 2.0)
        hop.delay = lambda: 0.0
        site.faults["slow"] += 1

        hop.code = lambda: UNAVAILABLE if chance.random() < 0.6 else OK
        site.pause(1.0, 2.0)
        hop.code = lambda: OK
        site.faults["flapping"] += 1

        hop.leaves_out = 1
        site.pause(0.3, 1.0)
        hop.leaves_out = 0
        site.faults["partial success"] += 1
    left_out = sum(receiver.samples("spancost_receiver_forward_rejected_spans_total").values())
    failed = sum(receiver.samples("spancost_receiver_forward_failures_total").values())
    site.settle(load, receiver, capsys)
    assert left_out > 0
    assert failed > 0


def restarts(receiver: Serve) -> float:
    return sum(receiver.samples("spancost_receiver_worker_restarts_total").values())


def workers(receiver: Serve) -> float:
    return sum(receiver.samples("spancost_receiver_workers").values())


@contextmanager
def full_disk(receiver: Serve) -> Generator[None]:
    """No file of the receiver may grow any more, as on a full disk."""
    process = receiver.process.pid
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    size = receiver.ledger.with_name(receiver.ledger.name + "-wal").stat().st_size
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size // 2, before[1]))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, before)


def not_ready(receiver: Serve, why: str) -> bool:
    """Whether /readyz says that it is not, for this reason."""
    try:
        receiver.get("/readyz")
    except urllib.error.HTTPError as error:
        with error:
            return error.code == 503 and why in error.read().decode()
    return False
