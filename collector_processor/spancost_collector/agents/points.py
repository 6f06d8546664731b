"""Data points of coding agents as spans: what one run used of one model, one span each.

A point names no single call, so it is worth a charge only where the run says nothing better: an event or a span of the
run stands for it (`election.instances`). Points are differences, which add up, or sums since a start, of which the
newest stands for those before it; one that has not changed is the same description again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from spancost_collector.agents import AGENTS
from spancost_collector.agents.events import Found
from spancost_collector.agents.spans import Spans
from spancost_collector.agents.values import said, text
from spancost_collector.reading.decode import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    from spancost_collector.agents.agent import Agent
    from spancost_collector.agents.values import Said, Scalar

_DELTA: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_SUM: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_MOST_A_CALL: Final = 100_000
"""Input tokens that one call is taken to have had at most: how many calls a point adds up is not said, and to take it
for one would charge it at the rates of a context that nobody had."""

_MOST: Final = 10**15
"""More than any run can use; what exceeds it, or is no number, is nothing that can be added up."""

_Points = tuple[tuple[tuple[str, "Scalar"], ...], int | None, int]
"""What points of the same calls have in common: their attributes but the type, the start of a difference (None for
sums, which start with the first token of each type), and the end."""


class _Used:
    """What the points of the same calls say together."""

    __slots__ = ("counts", "start_ns")

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.counts: dict[str, int | float] = {}

    def add(self, attribute: str, point: NumberDataPoint) -> None:
        self.start_ns = min(self.start_ns, point.start_time_unix_nano)
        value = point.as_int if point.HasField("as_int") else point.as_double
        if value and abs(value) <= _MOST:
            self.counts[attribute] = self.counts.get(attribute, 0) + value


class _Run:
    """The points of one agent in one resource, put together again."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._found: dict[_Points, _Used] = {}

    def take(self, attribute: str, point: NumberDataPoint, values: Said, *, summed: bool) -> None:
        key = (
            tuple(sorted(values.items())),
            None if summed else point.start_time_unix_nano,
            point.time_unix_nano,
        )
        self._found.setdefault(key, _Used(point.start_time_unix_nano)).add(attribute, point)

    def write(self, spans: Spans, resource: Resource) -> int:
        """Add what was used; as how many calls."""
        written = 0
        for (attributes, since, end_ns), used in self._found.items():
            tokens = {name: int(count) for name, count in used.counts.items() if name != self._agent.cost}
            if not tokens:
                continue
            put = sum(count for name, count in tokens.items() if name != self._agent.tokens["output"])
            spans.add_total(
                self._agent,
                resource,
                said(resource.attributes) | dict(attributes),
                used.counts | tokens,
                requests=max(1, -(-put // _MOST_A_CALL)),
                since_ns=used.start_ns,
                end_ns=end_ns,
                summed=since is None,
            )
            written += 1
        return written


def calls_in_metrics(body: bytes) -> Found:
    """What coding agents used, as a request of metrics says it.

    Raises:
        MalformedRequestError: it is no such request.
    """
    try:
        request = ExportMetricsServiceRequest.FromString(body)
    except DecodeError as error:
        raise MalformedRequestError(
            f"ExportMetricsServiceRequest of {len(body)} bytes: not valid protobuf ({error}); "
            "send OTLP metrics, protobuf encoded"
        ) from error
    spans = Spans()
    calls = others = foreign = 0
    for resource_metrics in request.resource_metrics:
        runs = {agent.name: _Run(agent) for agent in AGENTS}
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                agent = _agent(scope_metrics.scope.name, metric)
                if agent is None:
                    foreign += _size(metric)
                    continue
                others += _size(metric)
                for attribute, point, values in _points(agent, metric):
                    summed = metric.sum.aggregation_temporality == _SUM
                    runs[agent.name].take(attribute, point, values, summed=summed)
                    others -= 1
        calls += sum(run.write(spans, resource_metrics.resource) for run in runs.values())
    return Found(spans.body, calls, others, foreign)


def _agent(scope: str, metric: Metric) -> Agent | None:
    named = (agent for agent in AGENTS if metric.name.startswith(f"{agent.name}."))
    return next(named, None) or next((agent for agent in AGENTS if scope.startswith(agent.scopes)), None)


def _points(agent: Agent, metric: Metric) -> Iterator[tuple[str, NumberDataPoint, Said]]:
    """The points that say what was used, each with the attribute that an event has for it, and its own attributes."""
    if metric.sum.aggregation_temporality not in {_DELTA, _SUM}:
        return
    for point in metric.sum.data_points:
        values = said(point.attributes)
        if metric.name == f"{agent.name}.token.usage":
            attribute = agent.tokens.get(text(values, "type"))
            values.pop("type", None)
        else:
            attribute = agent.cost if metric.name == f"{agent.name}.cost.usage" else None
        if attribute is not None:
            yield attribute, point, values


def _size(metric: Metric) -> int:
    """How many points it has."""
    kind = metric.WhichOneof("data")
    return 0 if kind is None else len(getattr(metric, kind).data_points)
