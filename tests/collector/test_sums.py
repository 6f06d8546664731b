"""One truth on /metrics, whoever counted: added up over processes, and never less after one of them died."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from spancost_collector.workers.sums import Sums, figures


class Process:
    """What one process counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.spans = Counter("spans", "Spans.", registry=self.registry)
        self.failures = Counter("failures", "Failures.", ["next_hop"], registry=self.registry)
        self.seconds = Histogram("seconds", "Seconds.", buckets=(1, 2), registry=self.registry)
        self.waiting = Gauge("waiting", "Waiting.", registry=self.registry)


class Shown:
    """What a scrape shows of a writer and its workers."""

    def __init__(self, writer: Process) -> None:
        self.asked = 0
        self.registry = CollectorRegistry()
        self.sums = Sums(writer.registry, self._refresh)
        self.registry.register(self.sums)

    def _refresh(self) -> None:
        self.asked += 1

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def test_counters_gauges_and_histograms_of_all_processes_are_added_up() -> None:
    writer, one, two = Process(), Process(), Process()
    shown = Shown(writer)
    writer.spans.inc(1)
    for process, spans in ((one, 10), (two, 100)):
        process.spans.inc(spans)
        process.waiting.set(spans)
        process.seconds.observe(1.5)
        shown.sums.add(process)
        shown.sums.update(process, figures(process.registry))

    assert shown.value("spans_total") == 111
    assert shown.value("waiting") == 110
    assert [shown.value("seconds_bucket", le=le) for le in ("1.0", "2.0", "+Inf")] == [0, 2, 2]
    assert (shown.value("seconds_count"), shown.value("seconds_sum")) == (2, 3.0)


def test_labels_that_only_a_worker_has_seen_are_shown() -> None:
    worker = Process()
    shown = Shown(Process())
    worker.failures.labels("tempo:4317").inc(3)
    shown.sums.add(worker)
    shown.sums.update(worker, figures(worker.registry))

    assert shown.value("failures_total", next_hop="tempo:4317") == 3


def test_what_a_dead_worker_counted_stays_and_what_it_held_goes() -> None:
    first, second = Process(), Process()
    shown = Shown(Process())
    shown.sums.add(first)
    first.spans.inc(10)
    first.waiting.set(5)
    shown.sums.update(first, figures(first.registry))
    shown.sums.retire(first)
    shown.sums.update(first, figures(first.registry))  # an answer that was under way when it died
    shown.sums.add(second)
    second.spans.inc(1)
    shown.sums.update(second, figures(second.registry))

    assert shown.value("spans_total") == 11
    assert shown.value("waiting") == 0


def test_each_scrape_asks_the_workers_first() -> None:
    shown = Shown(Process())

    shown.value("spans_total")
    shown.value("spans_total")

    assert shown.asked == 2
