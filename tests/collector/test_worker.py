"""Who gets an answer, and what becomes of requests whose senders wait no longer."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, cast

import pytest

from spancost_collector.inbox import Inbox
from spancost_collector.outcome import Refusal
from spancost_collector.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spancost_collector.pipeline import Pipeline


class Stages:
    """A pipeline behind a gate that remembers what it was asked for."""

    def __init__(self) -> None:
        self.gate = Event()
        self.busy = Event()
        self.processed: list[bytes] = []
        self.kept: list[bytes] = []

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        self.busy.set()
        assert self.gate.wait(10)
        self.processed += bodies
        return [None] * len(bodies)

    def keep(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        self.kept += bodies
        return [Refusal("unavailable", "full")] * len(bodies)

    def check(self) -> Refusal | None:
        return None


@pytest.fixture
def stages() -> Stages:
    return Stages()


@pytest.fixture
def worker(stages: Stages) -> Iterator[Worker]:
    worker = Worker(cast("Pipeline", stages), Inbox(max_bytes=1000, group_bytes=1000))
    worker.start()
    yield worker
    stages.gate.set()
    worker.stop(10, hurry=stages.gate.set)


def test_a_request_that_nobody_waits_for_is_charged_and_does_not_hold_up_the_next_hop(
    worker: Worker, stages: Stages
) -> None:
    first = worker.submit(b"first")
    assert stages.busy.wait(10)
    gone, second = worker.submit(b"gone"), worker.submit(b"second")
    assert first is not None
    assert gone is not None
    assert second is not None
    assert gone.cancel()
    stages.gate.set()

    assert [first.result(10), second.result(10)] == [None, None]
    worker.stop(10, hurry=stages.gate.set)
    assert stages.processed == [b"first", b"second"]
    assert stages.kept == [b"gone"]


def test_a_check_that_nobody_waits_for_is_not_made(worker: Worker, stages: Stages) -> None:
    worker.submit(b"first")
    assert stages.busy.wait(10)
    check = worker.submit(None)
    assert check is not None
    assert check.cancel()
    stages.gate.set()
    worker.stop(10, hurry=stages.gate.set)
    assert stages.kept == []


def test_a_request_under_way_is_not_given_up(worker: Worker, stages: Stages) -> None:
    first = worker.submit(b"first")
    assert stages.busy.wait(10)
    assert first is not None
    assert not first.cancel()
    stages.gate.set()
    assert first.result(10) is None
