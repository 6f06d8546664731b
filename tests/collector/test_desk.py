"""Between a worker and the writer: who shares a commit, what a failure costs whom, and what death is answered with."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from spancost_collector.call import Attribution, ModelCall, Resource
from spancost_collector.errors import LedgerUnavailableError
from spancost_collector.outcome import Refusal
from spancost_collector.workers.desk import Desk
from spancost_collector.workers.frames import pack
from spancost_collector.workers.writer_link import WriterFaultError, WriterLink
from spancost_pricing import Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection


def call(n: int) -> ModelCall:
    return ModelCall(
        trace_id=bytes(16),
        span_id=n.to_bytes(8, "big"),
        start_ns=n,
        end_ns=n,
        operation="chat",
        route=Route("acme", "one"),
        request_model="one",
        response_model=None,
        response_id=None,
        usage=None,
        outcome="ok",
        attribution=Attribution(),
        resource=Resource(),
        dialect="otel",
    )


class Till:
    """Charges every call with its number; 13 is a bug, and a full ledger keeps nothing."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.busy, self.gate = Event(), Event()
        self.gate.set()
        self.full = False

    def __call__(self, calls: Sequence[ModelCall]) -> list[bytes]:
        self.busy.set()
        assert self.gate.wait(10)
        if self.full:
            raise LedgerUnavailableError("disk full")
        numbers = [one.start_ns for one in calls]
        if 13 in numbers:
            raise RuntimeError("a bug that 13 finds")
        self.groups.append(numbers)
        return [b"charge %d" % n for n in numbers]

    def check(self) -> Refusal | None:
        return Refusal("unavailable", "disk full", 7) if self.full else None


class Office:
    """A desk, and workers on connections to it."""

    def __init__(self, till: Till) -> None:
        self.desk = Desk(till)
        self.desk.start()
        self.ends: list[Connection] = []
        self._threads: list[Thread] = []

    def connect(self) -> Connection:
        writers, workers = Pipe()
        self.ends.append(workers)
        self._threads.append(Thread(target=self.desk.serve, args=(writers,)))
        self._threads[-1].start()
        return workers

    def worker(self) -> WriterLink:
        return WriterLink(self.connect())

    def wait_for(self, groups: int) -> None:
        """Return once so many groups wait to be charged."""
        deadline = time.monotonic() + 10
        while self.desk.waiting < groups:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def close(self) -> None:
        for end in self.ends:
            end.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self.desk.stop()


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def office(till: Till) -> Iterator[Office]:
    office = Office(till)
    yield office
    till.gate.set()
    office.close()


def test_workers_that_wait_together_share_a_commit_and_each_gets_its_own_answer(office: Office, till: Till) -> None:
    first, second, third = office.worker(), office.worker(), office.worker()
    till.gate.clear()
    with ThreadPoolExecutor(3) as threads:
        holding = threads.submit(first, [call(1)])
        assert till.busy.wait(10)
        waiting = [threads.submit(second, [call(2), call(3)]), threads.submit(third, [call(4)])]
        office.wait_for(2)
        till.gate.set()
        answers = [one.result(10) for one in (holding, *waiting)]

    assert answers == [[b"charge 1"], [b"charge 2", b"charge 3"], [b"charge 4"]]
    assert [sorted(group) for group in till.groups] == [[1], [2, 3, 4]]


def test_a_fault_costs_only_the_worker_that_sent_what_causes_it(office: Office, till: Till) -> None:
    first, second, third = office.worker(), office.worker(), office.worker()
    till.gate.clear()
    with ThreadPoolExecutor(3) as threads:
        holding = threads.submit(first, [call(1)])
        assert till.busy.wait(10)
        faulty, good = threads.submit(second, [call(13)]), threads.submit(third, [call(4)])
        office.wait_for(2)
        till.gate.set()

        assert (holding.result(10), good.result(10)) == ([b"charge 1"], [b"charge 4"])
        with pytest.raises(WriterFaultError, match="a bug that 13 finds"):
            faulty.result(10)


def test_a_ledger_that_does_not_commit_is_told_as_in_one_process(office: Office, till: Till) -> None:
    worker = office.worker()
    till.full = True

    with pytest.raises(LedgerUnavailableError, match="disk full"):
        worker([call(1)])
    assert worker.check() == Refusal("unavailable", "disk full", 7)

    till.full = False
    assert worker.check() is None
    assert worker([call(1)]) == [b"charge 1"]


def test_a_worker_without_a_writer_keeps_nothing_and_says_so() -> None:
    writers, workers = Pipe()
    worker = WriterLink(workers)
    writers.close()

    with pytest.raises(LedgerUnavailableError, match="has ended"):
        worker([call(1)])
    problem = worker.check()
    assert problem is not None
    assert problem.kind == "unavailable"
    workers.close()


def test_a_worker_that_dies_while_it_is_answered_disturbs_nobody(office: Office, till: Till) -> None:
    dying, other = office.connect(), office.worker()
    till.gate.clear()
    dying.send_bytes(pack([call(1)]))
    assert till.busy.wait(10)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(other, [call(2)])
        office.wait_for(1)
        dying.close()
        till.gate.set()

        assert waiting.result(10) == [b"charge 2"]
    assert till.groups == [[1], [2]]  # it was made, so it is charged; its span is sent again and counts once


def test_a_frame_that_cannot_be_read_ends_its_worker_and_nobody_else(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = office.connect(), office.worker()

    broken.send_bytes(b"no frame")

    with pytest.raises((EOFError, ConnectionResetError)):
        broken.recv_bytes()
    assert other([call(1)]) == [b"charge 1"]
    assert [record.exc_info is not None for record in caplog.records] == [True]
