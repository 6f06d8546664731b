"""Log events of coding agents as spans: those that are of a model call, one span each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from spancost_collector.agents import AGENTS
from spancost_collector.agents.spans import Spans
from spancost_collector.agents.values import number, said, text
from spancost_collector.reading.decode import MalformedRequestError

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    from spancost_collector.agents.agent import Agent
    from spancost_collector.agents.values import Said, Scalar

_SERIAL: Final = ("session.id", "conversation.id", "event.sequence", "prompt.id", "prompt_id", "request_id", "model")
"""What tells two events of the same moment apart, beside their counts."""
_MS: Final = 1_000_000
_SPAN_ID: Final = 8
_TRACE_ID: Final = 16


class Found(NamedTuple):
    """What a request of logs or metrics holds."""

    body: bytes
    """The calls in it, as a trace request."""
    calls: int
    others: int
    """Records or data points of coding agents that are of no call."""
    foreign: int
    """Records or data points of anybody else."""


def calls_in_logs(body: bytes) -> Found:
    """The model calls that a request of logs describes.

    Raises:
        MalformedRequestError: it is no such request.
    """
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise MalformedRequestError(
            f"ExportLogsServiceRequest of {len(body)} bytes: not valid protobuf ({error}); "
            "send OTLP logs, protobuf encoded"
        ) from error
    spans = Spans()
    calls = others = foreign = 0
    for resource_logs in request.resource_logs:
        common = said(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                values = common | said(record.attributes)
                agent, event = _event(scope_logs.scope.name, record, values)
                if agent is None:
                    foreign += 1
                elif _add(spans, agent, event, resource_logs.resource, record, values):
                    calls += 1
                else:
                    others += 1
    return Found(spans.body, calls, others, foreign)


def _event(scope: str, record: LogRecord, values: Said) -> tuple[Agent | None, str]:
    """Whose event it is, and its name without the agent's own."""
    names = [name for name in (text(values, "event.name"), record.event_name, record.body.string_value) if name]
    for name in names:
        for agent in AGENTS:
            if name.startswith(f"{agent.name}."):
                return agent, name.removeprefix(f"{agent.name}.")
    by_scope = next((agent for agent in AGENTS if scope.startswith(agent.scopes)), None)
    return by_scope, names[0] if names else ""


def _add(spans: Spans, agent: Agent, event: str, resource: Resource, record: LogRecord, values: Said) -> bool:
    outcome = agent.outcome(event, values)
    if outcome is None:
        return False
    counts: dict[str, Scalar] = {
        name: found for name in agent.counts if (found := number(values.get(name))) is not None
    }
    end_ns = record.time_unix_nano or record.observed_time_unix_nano
    took = counts.get("duration_ms")
    took_ns = round(took * _MS) if isinstance(took, int | float) and 0 <= took * _MS <= end_ns else 0
    in_trace = len(record.trace_id) == _TRACE_ID and any(record.trace_id)
    spans.add_call(
        agent,
        resource,
        values | counts,
        identity=counts | {name: values[name] for name in _SERIAL if name in values} | {"event": event},
        start_ns=end_ns - took_ns,
        end_ns=end_ns,
        trace_id=record.trace_id if in_trace else b"",
        parent_id=record.span_id if in_trace and len(record.span_id) == _SPAN_ID else b"",
        failed=outcome == "error",
    )
    return True
