"""Descriptions of calls as an OTLP trace request, in a scope that says which agent and signal they are from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from spancost_collector.agents.values import as_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    from spancost_collector.agents.agent import Agent
    from spancost_collector.agents.values import Said, Scalar

_SPAN_ID: Final = 8
_TRACE_ID: Final = 16
_RUN: Final = ("session.id", "conversation.id")
"""What an agent's one run, or one conversation, is called."""


class Spans:
    """A trace request that grows; empty until the first call."""

    def __init__(self) -> None:
        self._request = ExportTraceServiceRequest()

    @property
    def body(self) -> bytes:
        """The request, encoded."""
        return self._request.SerializeToString()

    def add_call(
        self,
        agent: Agent,
        resource: Resource,
        values: Said,
        *,
        identity: Mapping[str, Scalar],
        start_ns: int,
        end_ns: int,
        trace_id: bytes,
        parent_id: bytes,
        failed: bool,
    ) -> None:
        """Describe a call that an event tells; the same `identity` at the same time is the same call."""
        span_id = _hash(_SPAN_ID, agent.name, end_ns, *sorted(identity.items()))
        span = Span(
            trace_id=trace_id or _hash(_TRACE_ID, agent.name, _run(values) or span_id),
            span_id=span_id,
            parent_span_id=parent_id,
            start_time_unix_nano=start_ns,
            end_time_unix_nano=end_ns,
            status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
        )
        self._add(agent, "logs", resource, span, values)

    def add_total(
        self,
        agent: Agent,
        resource: Resource,
        values: Said,
        counts: Mapping[str, Scalar],
        *,
        requests: int,
        since_ns: int,
        end_ns: int,
        summed: bool,
    ) -> None:
        """Describe what a run used of a model, `summed` since its start or between two exports."""
        attributes = sorted(values.items())
        amounts = sorted(counts.items())
        span = Span(end_time_unix_nano=end_ns)
        if summed:
            # The sums of a series share a trace, and those that are equal the key as well: it has not changed.
            span.trace_id = _hash(_TRACE_ID, agent.name, "sums", since_ns, *attributes)
            span.span_id = _hash(_SPAN_ID, agent.name, "sums", *attributes, *amounts)
            span.start_time_unix_nano = since_ns
        else:
            span.span_id = _hash(_SPAN_ID, agent.name, "metrics", since_ns, *attributes, *amounts)
            span.trace_id = _hash(_TRACE_ID, agent.name, "metrics", _run(values) or span.span_id)
            span.start_time_unix_nano = end_ns
        totals: Said = {**values, **counts, "spancost.batch.requests": requests}
        self._add(agent, "sums" if summed else "metrics", resource, span, totals)

    def _add(self, agent: Agent, signal: str, resource: Resource, span: Span, values: Said) -> None:
        span.name = f"{agent.name} call"
        span.attributes.extend(
            as_attributes({"gen_ai.provider.name": agent.provider, **values, "gen_ai.operation.name": "chat"})
        )
        scope_spans = self._request.resource_spans.add(resource=resource).scope_spans.add()
        scope_spans.scope.name = f"{agent.name}.{signal}"
        scope_spans.spans.append(span)


def _run(values: Said) -> Scalar | None:
    return next((values[name] for name in _RUN if name in values), None)


def _hash(size: int, *parts: object) -> bytes:
    return hashlib.blake2b(repr(parts).encode(errors="replace"), digest_size=size).digest()
