"""What each process counts, as one truth: the writer's own metrics with those of all workers added to them.

A worker hands over its counters as they stand. Those of the live workers are added up, and those of a worker that died
stay as they last stood, because a counter may never fall; what it had waiting or queued went with it.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

Labels = tuple[tuple[str, str], ...]


class Series(NamedTuple):
    """What a sample is a sample of."""

    family: str
    name: str
    labels: Labels


class Figure(NamedTuple):
    """One sample of a worker."""

    series: Series
    value: float
    stays: bool
    """Whether it stays when the worker has died: it was counted, and is not what is waiting just now."""


def figures(registry: CollectorRegistry) -> list[Figure]:
    """What a process counts, without what is zero."""
    return [
        Figure(_series(family, sample), sample.value, family.type != "gauge")
        for family in registry.collect()
        for sample in family.samples
        if sample.value and not sample.name.endswith("_created")
    ]


class Sums:
    """Collects the metrics of a registry with those of workers added."""

    def __init__(self, own: CollectorRegistry, refresh: Callable[[], None]) -> None:
        """Add to `own`; `refresh` is called before each collection to bring the figures up to date."""
        self._own = own
        self._refresh = refresh
        self._lock = Lock()
        self._live: dict[object, list[Figure]] = {}
        self._past: dict[Series, float] = {}

    def add(self, worker: object) -> None:
        """A worker began to count, from zero."""
        with self._lock:
            self._live[worker] = []

    def update(self, worker: object, found: list[Figure]) -> None:
        """These are a worker's figures now; of one that has died they come too late."""
        with self._lock:
            if worker in self._live:
                self._live[worker] = found

    def retire(self, worker: object) -> None:
        """A worker has died."""
        with self._lock:
            for series, value, stays in self._live.pop(worker, ()):
                if stays:
                    self._past[series] = self._past.get(series, 0.0) + value

    def collect(self) -> Iterator[Metric]:
        """The sums, family by family."""
        self._refresh()
        sums = self._sums()
        for family in self._own.collect():
            added = sums.get(family.name, {})
            family.samples = [
                sample._replace(value=sample.value + added.pop(_series(family, sample), 0.0))
                for sample in family.samples
            ]
            family.samples += [Sample(name, dict(labels), value) for (_, name, labels), value in added.items()]
            yield family

    def _sums(self) -> dict[str, dict[Series, float]]:
        with self._lock:
            sums = dict(self._past)
            for live in self._live.values():
                for series, value, _ in live:
                    sums[series] = sums.get(series, 0.0) + value
        by_family: dict[str, dict[Series, float]] = {}
        for series, value in sums.items():
            by_family.setdefault(series.family, {})[series] = value
        return by_family


def _series(family: Metric, sample: Sample) -> Series:
    return Series(family.name, sample.name, tuple(sample.labels.items()))
