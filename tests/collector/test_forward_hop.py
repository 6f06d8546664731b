"""A next hop gets everything in few calls, and what it will not take is nobody else's problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.collector.hops import DOWN, NEVER, ONCE, TAKEN, Counts, Script, kinds

from spancost_collector.forward.hop import Failed, Hop, Taken

if TYPE_CHECKING:
    from tests.collector.conftest import Otlp


@pytest.fixture
def hop(script: Script, counts: Counts) -> Hop:
    return Hop(script, counts=counts, max_bytes=10, patience=ONCE)


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


def test_a_hop_that_objects_to_an_empty_request_is_ready(hop: Hop, script: Script) -> None:
    script.answer = lambda _body: NEVER
    assert hop.check() is None
    script.answer = lambda _body: DOWN
    assert kinds([hop.check()]) == ["unavailable"]
