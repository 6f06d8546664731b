"""The receiver's own traces, on demand: one for each group of requests, with how long its stages took.

They are there for the question that metrics leave open, where one slow group spent its time: reading, charging or
waiting for the next hop. Off, a stage is a context that does nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from threading import Timer
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from spancost_collector.forward.hop import Hop
from spancost_collector.forward.next_hops import open_transport
from spancost_collector.forward.over_grpc import EXPORT_TRACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from spancost_collector.config import TracesTarget

_SCOPE: Final = "spancost_collector"
_NOTHING: Final = nullcontext()
_MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""What an OTLP receiver accepts unless told otherwise."""


class Stage(Protocol):
    """Opens a stage of the work; what happens inside it belongs to it."""

    def __call__(self, name: str, /, **facts: int) -> AbstractContextManager[Any]:
        """A context around the stage; `facts` become attributes `spancost.<name>`."""
        ...


def untraced(_name: str, /, **_facts: int) -> AbstractContextManager[Any]:
    """A stage that leaves no trace."""
    return _NOTHING


class OwnTraces:
    """Where the receiver's own spans are made, and what sends them."""

    def __init__(self, target: TracesTarget, mark: str) -> None:
        """Send to `target`; `mark` is the receiver's own (`own_requests`).

        Raises:
            ConfigError: a certificate cannot be used.
        """
        transport = open_transport(target, EXPORT_TRACES, section="own_traces", mark=mark)
        self._hop = Hop(transport, counts=_Uncounted(), max_bytes=_MAX_REQUEST_BYTES)
        release = version("spancost")
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(target.ratio),
            resource=Resource({SERVICE_NAME: "spancost", SERVICE_VERSION: release}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Exporter(self._hop)))
        self._tracer = self._provider.get_tracer(_SCOPE, release)

    def stage(self, name: str, /, **facts: int) -> AbstractContextManager[Any]:
        """A span around a stage; one inside another is its child."""
        attributes = {f"spancost.{fact}": value for fact, value in facts.items()}
        return self._tracer.start_as_current_span(name, attributes=attributes)

    def stop(self, grace: float) -> None:
        """Send what waits within `grace` seconds, and then no more."""
        late = Timer(grace, self._hop.close)
        late.start()
        self._provider.shutdown()
        late.cancel()


class _Exporter(SpanExporter):
    """Sends the way enriched spans go; what is not taken is lost, and the log tells when that begins and ends."""

    def __init__(self, hop: Hop) -> None:
        self._hop = hop

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        (refused,) = self._hop([encode_spans(spans).SerializeToString()])
        return SpanExportResult.SUCCESS if refused is None else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._hop.close()


class _Uncounted:
    """Counts nothing, as `hop.HopCounts`: these spans are for whoever looks for them."""

    def failed(self, requests: int) -> None:
        """The target could not take them now."""

    def rejected(self, requests: int) -> None:
        """The target refused them for good."""

    def rejected_spans(self, spans: int) -> None:
        """The target took a request but for some spans."""
