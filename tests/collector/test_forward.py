"""The next hops get everything in few calls, and what one will not take is nobody else's problem."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spancost_collector.forward.best_effort import PERSISTENT, BestEffort
from spancost_collector.forward.forwarder import Forwarder
from spancost_collector.forward.hop import BRIEF, Failed, Hop, Patience, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.collector.conftest import Otlp

    from spancost_collector.outcome import Refusal

DOWN = Failed("unavailable", "nobody there")
NEVER = Failed("rejected", "not OTLP")
TAKEN = Taken()
ONCE = Patience(total_seconds=0.0, first_pause_seconds=0.0, longest_pause_seconds=0.0)


@dataclass
class Counts:
    failures: int = 0
    refusals: int = 0
    spans: int = 0

    def failed(self, requests: int) -> None:
        self.failures += requests

    def rejected(self, requests: int) -> None:
        self.refusals += requests

    def rejected_spans(self, spans: int) -> None:
        self.spans += spans


@dataclass
class Script:
    """A transport that answers as it is told and remembers what was taken."""

    answer: Callable[[bytes], Taken | Failed] = lambda _body: TAKEN
    name: str = "next:4317"
    asked: list[bytes] = field(default_factory=list[bytes])
    taken: list[bytes] = field(default_factory=list[bytes])
    closed: bool = False

    def send(self, body: bytes) -> Taken | Failed:
        self.asked.append(body)
        answer = DOWN if self.closed else self.answer(body)
        if isinstance(answer, Taken):
            self.taken.append(body)
        return answer

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def hop(script: Script, counts: Counts) -> Hop:
    return Hop(script, counts=counts, max_bytes=10, patience=ONCE)


def kinds(answers: list[Refusal | None]) -> list[str | None]:
    return [answer and answer.kind for answer in answers]


def test_requests_travel_together_up_to_the_limit(hop: Hop, script: Script) -> None:
    assert hop([b"aaa", b"bbb", b"ccc", b"ddd"]) == [None] * 4
    assert script.taken == [b"aaabbbccc", b"ddd"]


def test_a_request_above_the_limit_travels_alone(hop: Hop, script: Script) -> None:
    assert hop([b"a", b"b" * 20, b"c"]) == [None] * 3
    assert script.taken == [b"a", b"b" * 20, b"c"]


def test_one_rejected_request_does_not_take_the_others_with_it(hop: Hop, script: Script, counts: Counts) -> None:
    script.answer = lambda body: NEVER if b"bad" in body else TAKEN

    answers = hop([b"one", b"bad", b"two"])

    assert kinds(answers) == [None, "rejected", None]
    assert script.taken == [b"one", b"two"]
    assert (counts.refusals, counts.failures) == (1, 0)
    assert str(answers[1]).count("next hop next:4317: not OTLP; it will not take this request") == 1


class TestTooLarge:
    """A hop that takes 300 bytes at once, and requests of spans of some 100 bytes, of which one has 1,000 more."""

    @pytest.fixture
    def hop(self, script: Script, counts: Counts) -> Hop:
        script.answer = lambda body: Failed("too_large", "more than 300 bytes") if len(body) > 300 else TAKEN
        return Hop(script, counts=counts, max_bytes=10_000, patience=ONCE)

    @staticmethod
    def body(otlp: Otlp, *numbers: int, large: int | None = None) -> bytes:
        return otlp.body(*[otlp.span({"text": "x" * (1000 if n == large else 10)}, n=n) for n in numbers])

    @staticmethod
    def taken(script: Script) -> list[int]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in script.taken]
        spans = [s for r in requests for one in r.resource_spans for scope in one.scope_spans for s in scope.spans]
        return [int.from_bytes(span.span_id, "big") for span in spans]

    def test_a_request_goes_on_in_parts(self, hop: Hop, script: Script, counts: Counts, otlp: Otlp) -> None:
        assert hop([self.body(otlp, 1, 2, 3, 4, 5)]) == [None]
        assert self.taken(script) == [1, 2, 3, 4, 5]
        assert counts == Counts()

    def test_one_enormous_span_costs_its_neighbours_nothing(
        self, hop: Hop, script: Script, counts: Counts, otlp: Otlp, caplog: pytest.LogCaptureFixture
    ) -> None:
        answers = hop([self.body(otlp, 1, 2, 3, 4, 5, large=3), self.body(otlp, 6)])

        assert answers == [None, None]
        assert self.taken(script) == [1, 2, 4, 5, 6]
        assert counts == Counts(spans=1)
        assert [record.getMessage() for record in caplog.records] == [
            "next hop next:4317: 1 spans not taken: more than 300 bytes; it will not take this request"
        ]

    def test_a_request_of_which_nothing_fits_is_refused(
        self, hop: Hop, script: Script, counts: Counts, otlp: Otlp
    ) -> None:
        assert kinds(hop([self.body(otlp, 1, large=1)])) == ["too_large"]
        assert (counts.refusals, counts.spans, script.taken) == (1, 0, [])

    def test_a_hop_that_goes_away_between_the_parts_gets_all_of_them_again(
        self, hop: Hop, script: Script, otlp: Otlp
    ) -> None:
        one = self.body(otlp, 1, 2, 3, 4)
        script.answer = lambda body: Failed("too_large", "") if len(body) > 300 else DOWN if script.taken else TAKEN

        assert kinds(hop([one])) == ["unavailable"]


def test_a_hop_that_is_away_is_not_asked_for_the_rest_of_the_group(hop: Hop, script: Script, counts: Counts) -> None:
    script.answer = lambda _body: DOWN
    assert kinds(hop([b"a" * 9, b"b" * 9, b"c" * 9])) == ["unavailable"] * 3
    assert script.asked == [b"a" * 9]
    assert counts.failures == 3


def test_a_hop_that_goes_away_while_requests_are_sent_one_by_one_is_not_asked_for_the_rest(
    hop: Hop, script: Script
) -> None:
    script.answer = lambda body: NEVER if len(body) > 3 else DOWN if body == b"two" else TAKEN

    assert kinds(hop([b"one", b"two", b"six"])) == [None, "unavailable", "unavailable"]
    assert script.asked == [b"onetwosix", b"one", b"two"]


def test_spans_that_the_hop_leaves_out_are_counted_and_not_sent_again(
    hop: Hop, script: Script, counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    script.answer = lambda _body: Taken(3, "too old")
    assert hop([b"a", b"b"]) == [None, None]
    assert script.asked == [b"ab"]
    assert counts.spans == 3
    assert "3 spans not taken: too old" in caplog.text


def test_what_a_hop_says_to_requests_that_it_takes_is_logged_once(
    hop: Hop, script: Script, counts: Counts, caplog: pytest.LogCaptureFixture
) -> None:
    script.answer = lambda _body: Taken(message="deprecated, use v2")
    assert [hop([b"a"]), hop([b"b"])] == [[None], [None]]
    assert counts.spans == 0
    assert [record.getMessage() for record in caplog.records] == [
        "next hop next:4317: took a request and says: deprecated, use v2"
    ]


def _highest(_low: float, high: float) -> float:
    return high


class Clock:
    """Moves only when something waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.waits: list[float] = []
        monkeypatch.setattr("spancost_collector.forward.hop.Event", lambda: self)
        monkeypatch.setattr("random.uniform", _highest)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_hop_that_has_just_worked_is_asked_again_with_growing_pauses_and_then_once_a_group(
    script: Script, counts: Counts, clock: Clock
) -> None:
    hop = Hop(script, counts=counts, max_bytes=10, patience=BRIEF, clock=clock)
    script.answer = lambda _body: DOWN

    assert kinds(hop([b"a"])) == ["unavailable"]
    # 0.05 + 0.1 + 0.2 + 0.4 = 0.75 s; another 0.4 would be more than the second that a sender is kept waiting
    assert clock.waits == pytest.approx([0.05, 0.1, 0.2, 0.4])
    assert kinds(hop([b"b"])) == ["unavailable"]
    assert script.asked == [b"a"] * 5 + [b"b"]


def test_a_short_absence_is_nobodys_business(script: Script, counts: Counts, clock: Clock) -> None:
    hop = Hop(script, counts=counts, max_bytes=10, patience=BRIEF, clock=clock)
    script.answer = lambda _body: DOWN if len(script.asked) < 3 else TAKEN

    assert hop([b"a"]) == [None]
    assert (script.taken, counts.failures) == ([b"a"], 0)


def test_a_hop_is_not_asked_before_the_time_it_gave(script: Script, counts: Counts, clock: Clock) -> None:
    hop = Hop(script, counts=counts, max_bytes=10, patience=BRIEF, clock=clock)
    script.answer = lambda _body: Failed("unavailable", "busy", retry_after_seconds=20.0)
    (refusal,) = hop([b"a"])
    assert refusal is not None
    assert (refusal.kind, refusal.retry_seconds) == ("unavailable", 20)

    script.answer = lambda _body: TAKEN
    clock.now += 19.5
    resting = hop([b"b"])[0]
    assert resting is not None
    assert resting.reason == "next hop next:4317: asked for a pause, 0.5 s of it left; send again"
    assert resting.retry_seconds == 2
    assert kinds([hop.check()]) == ["unavailable"]
    clock.now += 0.5
    assert hop([b"b"]) == [None]
    assert script.asked == [b"a", b"b"]


def test_a_hop_that_asks_for_a_pause_without_end_gets_the_longest(script: Script, counts: Counts, clock: Clock) -> None:
    hop = Hop(script, counts=counts, max_bytes=10, patience=BRIEF, clock=clock)
    script.answer = lambda _body: Failed("unavailable", "busy", retry_after_seconds=float("inf"))
    (refusal,) = hop([b"a"])
    assert refusal is not None
    assert (refusal.kind, refusal.retry_seconds) == ("unavailable", 30)


def test_a_hop_that_nobody_waits_for_gets_the_pause_that_it_asks_for(
    script: Script, counts: Counts, clock: Clock
) -> None:
    hop = Hop(script, counts=counts, max_bytes=10, patience=PERSISTENT, clock=clock)
    script.answer = lambda _body: Failed("unavailable", "busy", retry_after_seconds=1000.0)
    assert kinds(hop([b"a"])) == ["unavailable"]

    script.answer = lambda _body: TAKEN
    assert hop([b"b"]) == [None]
    assert clock.waits == [300.0]  # five minutes at most


def test_a_short_wait_that_the_hop_asks_for_is_waited(script: Script, counts: Counts, clock: Clock) -> None:
    hop = Hop(script, counts=counts, max_bytes=10, patience=BRIEF, clock=clock)
    script.answer = lambda _body: TAKEN if len(script.asked) > 1 else Failed("unavailable", "busy", 0.5)
    assert hop([b"a"]) == [None]
    assert clock.waits == [0.5]


def test_a_closed_hop_pauses_no_more(script: Script, counts: Counts) -> None:
    hop = Hop(script, counts=counts, max_bytes=10, patience=PERSISTENT)
    hop.close()
    began = time.monotonic()
    assert kinds(hop([b"a"])) == ["unavailable"]
    assert time.monotonic() - began < 0.5
    assert script.asked == [b"a"]


def test_an_outage_of_a_hop_that_nobody_waits_for_is_told_and_counted_while_it_lasts(
    script: Script, counts: Counts, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hop = Hop(script, counts=counts, max_bytes=10, patience=PERSISTENT, clock=clock)
    seen: list[tuple[int, list[str]]] = []

    def away_at_first(_body: bytes) -> Taken | Failed:
        seen.append((counts.failures, [f"{record.levelname} {record.message}" for record in caplog.records]))
        return DOWN if len(seen) < 4 else TAKEN

    script.answer = away_at_first
    assert hop([b"a", b"b"]) == [None, None]

    begins = "WARNING next hop next:4317: takes no requests: nobody there"
    assert seen == [(0, []), (2, [begins]), (4, [begins]), (6, [begins])]
    assert [f"{record.levelname} {record.message}" for record in caplog.records] == [
        begins,
        "INFO next hop next:4317: takes requests again",
    ]
    assert counts.failures == 6


def test_a_hop_that_objects_to_an_empty_request_is_ready(hop: Hop, script: Script) -> None:
    script.answer = lambda _body: NEVER
    assert hop.check() is None
    script.answer = lambda _body: DOWN
    assert kinds([hop.check()]) == ["unavailable"]


def several(*scripts: Script) -> Forwarder:
    return Forwarder([Hop(script, counts=Counts(), max_bytes=1, patience=ONCE) for script in scripts])


def test_a_request_is_taken_when_every_required_hop_took_it() -> None:
    first, second = Script(), Script(lambda body: DOWN if body == b"b" else TAKEN)
    forward = several(first, second)

    assert kinds(forward([b"a", b"b"])) == [None, "unavailable"]
    assert (first.taken, second.taken) == ([b"a", b"b"], [b"a"])
    assert kinds([forward.check()]) == [None]
    forward.stop(1.0)


def test_required_hops_are_asked_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=5)

    def meet(_body: bytes) -> Taken:
        meeting.wait()
        return TAKEN

    forward = several(Script(meet), Script(meet))
    assert forward([b"a"]) == [None]
    forward.stop(1.0)


def test_a_final_refusal_waits_until_every_other_hop_has_the_spans() -> None:
    strict, away = Script(lambda _body: NEVER), Script(lambda _body: DOWN)
    forward = several(strict, away)

    assert kinds(forward([b"a"])) == ["unavailable"]
    away.answer = lambda _body: TAKEN
    assert kinds(forward([b"a"])) == ["rejected"]
    assert away.taken == [b"a"]
    forward.stop(1.0)


def test_a_forwarder_in_a_hurry_refuses_retryably() -> None:
    forward = several(Script(), Script())
    forward.hurry()
    assert kinds(forward([b"a"])) == ["unavailable"]
    forward.stop(1.0)


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
