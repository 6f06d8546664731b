"""Groups: what is shared, what is not, and in which order things happen."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from spancost_collector.charging import Charging
from spancost_collector.dialects import DIALECTS
from spancost_collector.election import Election
from spancost_collector.enrich import Enricher
from spancost_collector.errors import LedgerUnavailableError
from spancost_collector.inbox import Inbox, Job
from spancost_collector.ledger.recall import Kept
from spancost_collector.ledger.writer import Recorded
from spancost_collector.metrics.accounts import Accounts
from spancost_collector.metrics.labels import DIMENSIONS, LabelBounds
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.metrics.table import METRICS
from spancost_collector.pipeline import Pipeline
from spancost_collector.price import Price
from spancost_collector.reading.normalise import Normaliser
from spancost_collector.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.collector.conftest import FixedBook, Launch, Otlp

    from spancost_collector.call import Charged, Key
    from spancost_collector.election import Member
    from spancost_collector.ledger.recall import Credit, Total
    from spancost_collector.ledger.writer import Revision
    from spancost_collector.outcome import Refusal


class Recorder:
    """A ledger and a next hop that remember in which order they were asked."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.bodies: list[bytes] = []
        self.full = False
        self.gate = Event()
        """Closed, it holds the next hop up."""
        self.gate.set()

    def record(
        self, calls: Sequence[Charged], revisions: Sequence[Revision] = (), members: Sequence[Member] = ()
    ) -> Recorded:
        self.events.append(f"record {len(calls)}")
        if self.full:
            raise LedgerUnavailableError("disk full")
        return Recorded(list(calls), [])

    def known(self, keys: Sequence[Key]) -> set[Key]:
        return set()

    def recent(self, limit: int) -> Kept:
        return Kept([], [], 0)

    def totals(self) -> list[Total]:
        return []

    def credit(self) -> list[Credit]:
        return []

    def writable(self) -> bool:
        return not self.full

    def close(self) -> None:
        self.events.append("close")

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        assert self.gate.wait(10)
        self.events.append(f"forward {len(bodies)}")
        self.bodies += bodies
        return [None] * len(bodies)

    def check(self) -> Refusal | None:
        return None


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def pipeline(recorder: Recorder, book: FixedBook, registry: CollectorRegistry) -> Pipeline:
    accounts = Accounts(LabelBounds(max_values=10, tenant=False), folded=lambda _dimension, _calls: None)
    registry.register(accounts)
    metrics = ReceiverMetrics(registry)
    return Pipeline(
        normaliser=Normaliser(DIALECTS),
        charging=Charging(
            price=Price(book),
            enricher=Enricher(),
            election=Election(),
            ledger=recorder,
            accounts=accounts,
            metrics=metrics,
        ),
        metrics=metrics,
        forward=recorder,
    )


def kinds(answers: Sequence[Refusal | None]) -> list[str | None]:
    return [answer and answer.kind for answer in answers]


def test_a_group_shares_one_commit_and_then_one_forward(pipeline: Pipeline, recorder: Recorder, otlp: Otlp) -> None:
    assert pipeline([otlp.body(otlp.call(1)), otlp.body(otlp.call(2), otlp.call(3))]) == [None, None]
    assert recorder.events == ["record 3", "forward 2"]


def test_a_malformed_request_fails_alone(pipeline: Pipeline, recorder: Recorder, otlp: Otlp) -> None:
    answers = pipeline([otlp.body(otlp.call(1)), b"\xff", otlp.body(otlp.call(2))])

    assert kinds(answers) == [None, "malformed", None]
    assert recorder.events == ["record 2", "forward 2"]


def test_what_the_ledger_did_not_keep_is_neither_counted_nor_forwarded(
    pipeline: Pipeline,
    recorder: Recorder,
    registry: CollectorRegistry,
    otlp: Otlp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder.full = True

    answers = pipeline([otlp.body(otlp.call(1)), b"\xff"])

    assert kinds(answers) == ["unavailable", "malformed"]
    assert "disk full" in caplog.text  # for the operator
    assert "disk full" not in str(answers)  # and nobody else
    assert recorder.events == ["record 1"]
    assert registry.get_sample_value("spancost_receiver_model_calls_total") == 0


def test_spans_without_model_calls_need_no_ledger(pipeline: Pipeline, recorder: Recorder, otlp: Otlp) -> None:
    recorder.full = True
    body = otlp.body(otlp.span({"http.route": "/"}))

    assert pipeline([body]) == [None]
    assert recorder.bodies == [body]


def test_a_call_that_was_priced_before_is_not_priced_on_the_span_again(
    pipeline: Pipeline, recorder: Recorder, otlp: Otlp
) -> None:
    pipeline([otlp.body(otlp.call(1))])
    (first,) = recorder.bodies
    pipeline([first])

    assert recorder.bodies == [first, first]
    assert recorder.events == ["record 1", "forward 1", "record 0", "forward 1"]


def test_the_receiver_counts_what_passes(pipeline: Pipeline, registry: CollectorRegistry, otlp: Otlp) -> None:
    contradiction = otlp.call(2, gen_ai__usage__input_tokens=-1)
    wrong_type = otlp.call(3, gen_ai__usage__reasoning__output_tokens="many")
    strange = otlp.call(4, gen_ai__operation__name="interactions.create")
    unreadable = otlp.call(5)
    unreadable.trace_id = b""
    pipeline([otlp.body(otlp.call(1), contradiction, wrong_type, strange, unreadable, otlp.span({"http.route": "/"}))])

    found = {
        name: registry.get_sample_value(f"spancost_receiver_{name}_total")
        for name in (
            "spans",
            "model_calls",
            "mismatches",
            "unreadable_spans",
            "unreadable_attributes",
            "unknown_operations",
        )
    }
    assert found == {
        "spans": 6,
        "model_calls": 3,
        "mismatches": 1,
        "unreadable_spans": 1,
        "unreadable_attributes": 1,
        "unknown_operations": 1,
    }


def test_the_table_of_metrics_is_what_is_exposed(launch: Launch, otlp: Otlp) -> None:
    running = launch()
    covered = otlp.call(3, spancost__cost__reported_usd=0.0, spancost__cost__reported_by="subscription")
    calls = [otlp.call(1), otlp.call(2, gen_ai__request__model="unheard of"), covered]
    for call in calls:  # today: what is shown of a day and a month is that of now
        call.start_time_unix_nano, call.end_time_unix_nano = time.time_ns(), time.time_ns()
    running.export(otlp.body(*calls))
    declared = {(metric.name.removesuffix("_total"), metric.kind, metric.help) for metric in METRICS}
    dimensional = {metric.name: {*DIMENSIONS, *metric.labels} for metric in METRICS if metric.dimensions}

    families = [
        family
        for family in text_string_to_metric_families(running.get("/metrics")[2])
        if not family.name.endswith("_created")  # when a counter began: the client library's own
    ]

    exposed = {(family.name, family.type, family.documentation) for family in families}
    assert exposed == declared
    assert {
        sample.name: set(sample.labels)
        for family in families
        for sample in family.samples
        if sample.name in dimensional
    } == dimensional


def test_a_fault_of_ours_fails_only_the_request_that_causes_it(
    pipeline: Pipeline, recorder: Recorder, otlp: Otlp, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox(max_bytes=10_000, group_bytes=10_000)
    worker = Worker(pipeline, inbox)
    waiting = [
        worker.submit(otlp.body(otlp.call(1))),
        worker.submit(otlp.body(otlp.call(2, gen_ai__request__model="faulty"))),
        worker.submit(otlp.body(otlp.call(3))),
    ]
    worker.start()

    assert kinds([answer.result(5) for answer in waiting if answer is not None]) == [None, "internal", None]
    assert [record.exc_info is not None for record in caplog.records] == [True]
    worker.stop(5, hurry=recorder.close)


def test_what_still_waits_when_time_is_up_is_refused(pipeline: Pipeline, recorder: Recorder, otlp: Otlp) -> None:
    inbox = Inbox(max_bytes=10_000, group_bytes=1)
    worker = Worker(pipeline, inbox)
    recorder.gate.clear()
    first, second = (worker.submit(otlp.body(otlp.call(n))) for n in (1, 2))
    worker.start()

    worker.stop(0.1, hurry=recorder.gate.set)

    assert first is not None
    assert second is not None
    assert kinds([first.result(0), second.result(0)]) == [None, "unavailable"]


def test_a_check_says_what_an_export_would_meet(pipeline: Pipeline, recorder: Recorder) -> None:
    assert pipeline.check() is None
    recorder.full = True
    assert kinds([pipeline.check()]) == ["unavailable"]


def test_the_queue_refuses_what_it_has_no_room_for() -> None:
    inbox = Inbox(max_bytes=10, group_bytes=10)

    assert [inbox.offer(Job(b"x" * 6)), inbox.offer(Job(b"x" * 5)), inbox.offer(Job(b"x" * 4))] == [True, False, True]
    assert (len(inbox), inbox.size) == (2, 10)
    assert [job.size for job in inbox.take()] == [6, 4]
    assert (len(inbox), inbox.size) == (0, 0)
    assert inbox.offer(Job(b"x" * 11))  # alone, anything that was accepted fits


def test_groups_are_bounded_and_keep_the_order_of_arrival() -> None:
    inbox = Inbox(max_bytes=100, group_bytes=10)
    for size in (6, 4, 1, 20, 3):
        inbox.offer(Job(b"x" * size))

    assert [[job.size for job in inbox.take()] for _ in range(4)] == [[6, 4], [1], [20], [3]]


def test_a_closed_queue_gives_out_what_it_has_and_then_nothing() -> None:
    inbox = Inbox(max_bytes=100, group_bytes=10)
    inbox.offer(Job(b"x"))
    inbox.close()

    assert not inbox.offer(Job(b"y"))
    assert [len(inbox.take()), len(inbox.take())] == [1, 0]


def test_the_official_messages_read_what_is_forwarded(pipeline: Pipeline, recorder: Recorder, otlp: Otlp) -> None:
    request = otlp.request(otlp.call(1), otlp.span({"http.route": "/"}, n=2))
    pipeline([request.SerializeToString()])

    (forwarded,) = recorder.bodies
    spans = ExportTraceServiceRequest.FromString(forwarded).resource_spans[0].scope_spans[0].spans
    original = request.resource_spans[0].scope_spans[0].spans
    assert spans[1] == original[1]
    kept = len(original[0].attributes)
    assert list(spans[0].attributes[:kept]) == list(original[0].attributes)
    assert {pair.key for pair in spans[0].attributes[kept:]} == {
        "spancost.cost.status",
        "spancost.cost.usd",
        "spancost.cost.input_usd",
        "spancost.cost.output_usd",
        "spancost.price.id",
        "spancost.price.source",
        "spancost.price.book",
    }
