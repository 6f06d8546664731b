"""In-memory telemetry, the SDKs instrumented for one test, and a provider to call."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost

from .older import same_http_library, skip_what_is_lacking

same_http_library()

from .provider import Provider  # noqa: E402 - it needs what the line above decides

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@pytest.fixture(autouse=True, scope="module")
def _loaded_stays_loaded() -> None:
    """What a module's SDK has made on its way stays; tests that drop streams ask for the garbage, and wait for it."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_what_is_lacking(items)


@dataclass
class Telemetry:
    """What was emitted."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        """Finished spans, in the order of their ends."""
        return list(self.exporter.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        """The one finished span."""
        (span,) = self.spans
        return span

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of the one finished span."""
        return dict(self.span.attributes or {})

    @property
    def internal_errors(self) -> dict[str, int]:
        """`spancost.internal_errors` by step."""
        data = self.reader.get_metrics_data()
        found: dict[str, int] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    assert metric.name == "spancost.internal_errors"
                    for point in metric.data.data_points:
                        found[str((point.attributes or {})["spancost.step"])] = int(getattr(point, "value"))  # noqa: B009
        return found


@pytest.fixture
def telemetry() -> Telemetry:
    exporter = InMemorySpanExporter()
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    reader = InMemoryMetricReader()
    return Telemetry(tracer_provider, MeterProvider(metric_readers=[reader]), exporter, reader)


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Iterator[Telemetry]:
    spancost.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    yield telemetry
    spancost.uninstrument()


@pytest.fixture
def provider() -> Provider:
    return Provider()
