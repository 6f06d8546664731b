"""What coding agents send, as each of them writes it: log events and data points in official OTLP messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from tests.collector.conftest import NOON, Otlp, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000_000_000
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
CLAUDE_EVENTS = "com.anthropic.claude_code.events"
CLAUDE_METRICS = "com.anthropic.claude_code"
_attributes = Otlp().attributes


def event(values: Mapping[str, Scalar], *, at: float = 0.0, body: str = "", observed: bool = False) -> LogRecord:
    """A log event, `at` seconds after noon; what is only `observed` says not itself when it happened."""
    time = NOON + int(at * SECOND)
    return LogRecord(
        time_unix_nano=0 if observed else time,
        observed_time_unix_nano=time,
        body=AnyValue(string_value=body),
        attributes=_attributes(values),
    )


def logs(*records: LogRecord, scope: str = "", resource: Mapping[str, Scalar] | None = None) -> bytes:
    """A request of log events."""
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=Resource(attributes=_attributes(resource or {})),
                scope_logs=[ScopeLogs(scope=InstrumentationScope(name=scope), log_records=records)],
            )
        ]
    ).SerializeToString()


def request_event(**changes: Scalar) -> dict[str, Scalar]:
    """Claude Code's event of a call: 504 tokens in, beside 2,000 read and 1,000 written; 97 out."""
    return {
        "event.name": "api_request",
        "event.sequence": 4,
        "session.id": "run-1",
        "prompt.id": "prompt-1",
        "user.id": "device-1",
        "user.email": "dev@example.com",
        "organization.id": "org-1",
        "model": "one",
        "input_tokens": 504,
        "output_tokens": 97,
        "cache_read_tokens": 2000,
        "cache_creation_tokens": 1000,
        "cache_creation_5m_tokens": 600,
        "cache_creation_1h_tokens": 400,
        "cost_usd": 0.0123,
        "duration_ms": 2500,
        "ttft_ms": 700,
        "request_id": "req_0123456789abcdefghij",
        "speed": "normal",
        "query_source": "repl_main_thread",
        **{name.replace("__", "."): value for name, value in changes.items()},
    }


def total(
    name: str,
    points: Mapping[str, float],
    common: Mapping[str, Scalar],
    *,
    since: float = -60.0,
    until: float = 0.0,
    temporality: AggregationTemporality.ValueType = DELTA,
) -> Metric:
    """A counter with one point for each `type`, from `since` to `until` seconds after noon; '' is a point without."""
    return Metric(
        name=name,
        sum=Sum(
            aggregation_temporality=temporality,
            is_monotonic=True,
            data_points=[
                NumberDataPoint(
                    attributes=_attributes({**common, **({"type": kind} if kind else {})}),
                    start_time_unix_nano=NOON + int(since * SECOND),
                    time_unix_nano=NOON + int(until * SECOND),
                    as_double=value,
                )
                for kind, value in points.items()
            ],
        ),
    )


def metrics(*found: Metric, scope: str = CLAUDE_METRICS, resource: Mapping[str, Scalar] | None = None) -> bytes:
    """A request of metrics."""
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(
                resource=Resource(attributes=_attributes(resource or {})),
                scope_metrics=[ScopeMetrics(scope=InstrumentationScope(name=scope), metrics=found)],
            )
        ]
    ).SerializeToString()
