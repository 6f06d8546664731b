"""Nobody waits for a best-effort hop: it gets what was acknowledged from a queue, and what it misses is counted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.collector.hops import DOWN, NEVER, ONCE, TAKEN, Counts, Script, kinds

from spancost_collector.forward.best_effort import BestEffort
from spancost_collector.forward.forwarder import Forwarder
from spancost_collector.forward.hop import Failed, Hop, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Queued:
    """A best-effort hop behind a gate, and what it dropped."""

    def __init__(self, *, max_bytes: int = 10) -> None:
        self.script = Script(self._answer)
        self.gate = threading.Event()
        self.result: Taken | Failed = TAKEN
        self.drops: list[tuple[str, int]] = []
        hop = Hop(self.script, counts=Counts(), max_bytes=1, patience=ONCE)
        self.queue = BestEffort(hop, max_bytes=max_bytes, dropped=self._drop)

    def _drop(self, reason: str, requests: int) -> None:
        self.drops.append((reason, requests))

    def _answer(self, _body: bytes) -> Taken | Failed:
        assert self.gate.wait(10)
        return self.result


@pytest.fixture
def queued() -> Iterator[Queued]:
    queued = Queued()
    yield queued
    queued.gate.set()
    queued.queue.stop(0.0)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_nobody_waits_for_a_best_effort_hop_and_it_gets_what_was_acknowledged(queued: Queued) -> None:
    required = Script(lambda body: DOWN if body == b"b" else TAKEN)
    forward = Forwarder([Hop(required, counts=Counts(), max_bytes=1, patience=ONCE)], [queued.queue])

    assert kinds(forward([b"a", b"b"])) == [None, "unavailable"]
    assert queued.script.taken == []
    queued.gate.set()
    eventually(lambda: queued.script.taken == [b"a"])
    forward.stop(1.0)


def test_without_a_required_hop_the_ledger_alone_decides(queued: Queued) -> None:
    forward = Forwarder([], [queued.queue])
    assert forward([b"a"]) == [None]
    assert forward.check() is None
    queued.gate.set()
    forward.stop(5.0)
    assert queued.script.taken == [b"a"]


def test_a_hop_that_is_away_leaves_the_others_the_time_to_finish(queued: Queued) -> None:
    other = Queued()
    forward = Forwarder([], [other.queue, queued.queue])
    forward([b"a", b"b"])
    queued.gate.set()
    threading.Timer(0.5, other.gate.set).start()

    forward.stop(0.1)

    assert queued.script.taken == [b"a", b"b"]
    assert (queued.drops, other.drops) == ([], [("not_taken", 1)])


def test_what_a_full_queue_has_no_room_for_is_dropped_and_counted(queued: Queued) -> None:
    queued.queue.offer([b"first"])
    eventually(lambda: queued.script.asked == [b"first"])  # out of the queue, on its way

    queued.queue.offer([b"x" * 6, b"y" * 6, b"z" * 4])

    assert queued.drops == [("queue_full", 1)]
    assert queued.queue.size == 10
    queued.gate.set()
    eventually(lambda: queued.script.taken == [b"first", b"x" * 6, b"z" * 4])
    assert queued.queue.size == 0


def test_what_a_best_effort_hop_does_not_take_in_the_end_is_counted(queued: Queued) -> None:
    queued.result = NEVER
    queued.gate.set()
    queued.queue.offer([b"a", b"b"])
    eventually(lambda: sum(requests for _, requests in queued.drops) == 2)
    assert {reason for reason, _ in queued.drops} == {"not_taken"}


def test_a_fault_of_ours_costs_one_group_and_no_more(queued: Queued, caplog: pytest.LogCaptureFixture) -> None:
    def answer(_body: bytes) -> Taken:
        if len(queued.script.asked) == 1:
            raise IndexError("a bug")
        return TAKEN

    queued.script.answer = answer
    queued.queue.offer([b"a"])
    eventually(lambda: queued.drops == [("not_taken", 1)])
    queued.queue.offer([b"b"])
    eventually(lambda: queued.script.taken == [b"b"])
    assert "IndexError" in caplog.text


def test_stopping_sends_what_waits_within_the_deadline(queued: Queued) -> None:
    queued.queue.offer([b"a", b"b", b"c"])
    threading.Timer(0.1, queued.gate.set).start()
    queued.queue.stop(5.0)
    assert queued.script.taken == [b"a", b"b", b"c"]
    assert queued.drops == []


def test_stopping_counts_what_it_could_not_send_in_time(queued: Queued, caplog: pytest.LogCaptureFixture) -> None:
    queued.queue.offer([b"first"])
    eventually(lambda: queued.script.asked == [b"first"])
    queued.queue.offer([b"second", b"3rd"])
    threading.Timer(0.3, queued.gate.set).start()

    queued.queue.stop(0.1)

    assert queued.drops == [("stopping", 2)]
    assert "2 requests dropped" in caplog.text
