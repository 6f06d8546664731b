"""A family's samples put back together: one child for each label set.

`prometheus_client` hands out flat samples, `x_bucket`, `x_sum`, `x_created`, which is what its text formats are written
from. Formats with a message for each label set need them together again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from spancost_collector.metrics.histograms import Histograms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client.core import Metric
    from prometheus_client.samples import Exemplar

    from spancost_collector.metrics.histograms import Native


class Bucket(NamedTuple):
    """How many observations were not above a bound."""

    bound: float
    running: int
    exemplar: Exemplar | None


@dataclass(slots=True)
class Child:
    """One label set of a family."""

    labels: Mapping[str, str]
    value: float = 0.0
    """Of a counter or gauge; the sum of a histogram."""
    created: float | None = None
    """Unix seconds since when a counter or histogram counts."""
    buckets: list[Bucket] = field(default_factory=list[Bucket])
    """Of a histogram, the infinite one last."""
    native: Native | None = None


def children(family: Metric) -> Iterable[Child]:
    """The family's label sets, in the order in which they were added."""
    found: dict[tuple[str, ...], Child] = {}
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        child = found.setdefault(tuple(labels.values()), Child(labels))
        match sample.name.removeprefix(family.name):
            case "_bucket":
                child.buckets.append(Bucket(float(sample.labels["le"]), int(sample.value), sample.exemplar))
            case "_created":
                child.created = sample.value
            case "_count":
                pass  # the infinite bucket says it
            case _:
                child.value = sample.value
    if isinstance(family, Histograms):
        for child, native in zip(found.values(), family.native, strict=True):
            child.native = native
    return found.values()
