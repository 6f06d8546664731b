"""A request is taken when every required hop took it, and finally refused only when every other one has it."""

from __future__ import annotations

import threading

from tests.collector.hops import DOWN, NEVER, ONCE, TAKEN, Counts, Script, kinds

from spancost_collector.forward.forwarder import Forwarder
from spancost_collector.forward.hop import Hop, Taken


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
