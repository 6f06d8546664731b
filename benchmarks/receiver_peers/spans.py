"""The same requests for everyone: model calls with the 23 attributes that an instrumented chat call has, alone or
among the spans of a web server.

No two spans are alike, or a receiver that counts a call once would have less to do than one that does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL: Final = "gpt-4o-2024-08-06"
COST_PICO: Final = 200 * 2_500_000 + 1_000 * 1_250_000 + 300 * 10_000_000
"""Each call: 1,200 tokens in, 1,000 of them cached, and 300 out, at 2.50, 1.25 and 10.00 USD per million."""
_START_NS: Final = 1_795_176_000_000_000_000


@dataclass(frozen=True)
class Shape:
    """How spans come in."""

    spans: int
    """In each request."""
    concurrent: int
    """Requests that wait for their answer at the same time."""
    one_in: int = 1
    """Of how many spans one is a model call, the first of a request always."""

    def __str__(self) -> str:
        mixed = "" if self.one_in == 1 else f", a call in {self.one_in}"
        return f"{self.spans} spans{mixed}, {self.concurrent} at once"

    def calls(self, spans: int) -> int:
        """How many model calls are among `spans` of them."""
        return spans // self.spans * -(-self.spans // self.one_in)


def requests(shape: Shape, *, first: int, spans: int) -> list[bytes]:
    """As many requests as `spans` take, the ids of their spans counted from `first`."""
    return [_request(start, shape) for start in range(first, first + spans, shape.spans)]


def _request(first: int, shape: Shape) -> bytes:
    spans = [
        Span(
            trace_id=number.to_bytes(16),
            span_id=number.to_bytes(8),
            name=f"chat {MODEL}",
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=_START_NS + number * 1_000,
            end_time_unix_nano=_START_NS + number * 1_000 + 800_000_000,
            attributes=_attributes(_web_request(number) if (number - first) % shape.one_in else _model_call(number)),
        )
        for number in range(first, first + shape.spans)
    ]
    resource = Resource(attributes=_attributes({"service.name": "shop", "service.version": "1.4.0"}))
    scope = ScopeSpans(scope=InstrumentationScope(name="opentelemetry.instrumentation.openai_v2"), spans=spans)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]
    ).SerializeToString()


def _model_call(number: int) -> Mapping[str, str | int | float]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": f"chatcmpl-{number:029d}",
        "gen_ai.conversation.id": f"conversation-{number % 40:06d}",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.top_p": 0.95,
        "gen_ai.output.type": "text",
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 128,
        "gen_ai.response.time_to_first_chunk": 0.31,
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_0123456789",
        "server.address": "api.openai.com",
        "server.port": 443,
        "spancost.feature": f"feature-{number % 12}",
        "user.id": f"user-{number % 300}",
        "session.id": f"session-{number % 900}",
    }


def _web_request(number: int) -> Mapping[str, str | int | float]:
    return {
        "http.request.method": "GET",
        "http.route": "/articles/{id}",
        "url.path": f"/articles/{number}",
        "url.scheme": "https",
        "server.address": "shop.example",
        "server.port": 443,
        "http.response.status_code": 200,
        "client.address": "10.0.0.7",
    }


def _attributes(values: Mapping[str, str | int | float]) -> list[KeyValue]:
    found: list[KeyValue] = []
    for key, value in values.items():
        match value:
            case str():
                found.append(KeyValue(key=key, value=AnyValue(string_value=value)))
            case int():
                found.append(KeyValue(key=key, value=AnyValue(int_value=value)))
            case float():
                found.append(KeyValue(key=key, value=AnyValue(double_value=value)))
    return found
