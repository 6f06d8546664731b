"""A request that is too large for somebody, as two that are smaller: every span is in one of them."""

from __future__ import annotations

from spancost_collector import otlp_pb2 as otlp


def spans_in(body: bytes) -> int:
    """How many spans a request has."""
    return _count(otlp.ExportRequest.FromString(body))


def halves(body: bytes) -> tuple[bytes, bytes] | None:
    """The first and the second half of a request's spans; None where it has one span, or none."""
    first, second = otlp.ExportRequest.FromString(body), otlp.ExportRequest.FromString(body)
    spans = _count(first)
    if spans < 2:
        return None
    _keep(first, 0, spans // 2)
    _keep(second, spans // 2, spans)
    return first.SerializeToString(), second.SerializeToString()


def _count(request: otlp.ExportRequest) -> int:
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def _keep(request: otlp.ExportRequest, begin: int, end: int) -> None:
    """Leave the spans from `begin` on and before `end`, with what is said about them."""
    position = 0
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            spans = scope_spans.spans
            count = len(spans)
            spans[:] = spans[max(0, begin - position) : max(0, end - position)]
            position += count
        kept = [scope_spans for scope_spans in resource_spans.scope_spans if scope_spans.spans]
        del resource_spans.scope_spans[:]
        resource_spans.scope_spans.extend(kept)
    kept_resources = [resource_spans for resource_spans in request.resource_spans if resource_spans.scope_spans]
    del request.resource_spans[:]
    request.resource_spans.extend(kept_resources)
