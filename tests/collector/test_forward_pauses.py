"""A next hop that is away is asked again after a pause, its own or a growing one, as long as somebody can wait."""

from __future__ import annotations

import logging
import time

import pytest
from tests.collector.hops import DOWN, TAKEN, Counts, Script, kinds

from spancost_collector.forward.best_effort import PERSISTENT
from spancost_collector.forward.hop import BRIEF, Failed, Hop, Taken


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
