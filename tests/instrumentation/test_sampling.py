"""A sampler that leaves spans out leaves their cost out as well, which is said when the app starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    ParentBasedTraceIdRatio,
    Sampler,
    TraceIdRatioBased,
)

from spancost.faults import Faults
from spancost.startup import equip

if TYPE_CHECKING:
    from .conftest import Telemetry

REST = (
    " leaves spans out, and the cost of their calls with them; set OTEL_TRACES_SAMPLER=always_on,"
    " and sample behind the receiver"
)


@pytest.mark.parametrize(
    ("sampler", "named"),
    [
        (TraceIdRatioBased(0.1), "TraceIdRatioBased{0.1}"),
        (ParentBasedTraceIdRatio(0.5), "TraceIdRatioBased{0.5}"),
        (ALWAYS_OFF, "AlwaysOffSampler"),
        (DEFAULT_OFF, "AlwaysOffSampler"),
    ],
)
def test_a_sampler_that_leaves_calls_out_is_named_once(
    sampler: Sampler, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = TracerProvider(sampler=sampler)
    equip(provider, Faults())
    equip(provider, Faults())

    assert caplog.messages == [f"spancost: the sampler {named}{REST}"]


@pytest.mark.parametrize("sampler", [ALWAYS_ON, DEFAULT_ON, TraceIdRatioBased(1.0), ParentBasedTraceIdRatio(1.0)])
def test_a_sampler_that_takes_every_trace_that_begins_here_is_not_mentioned(
    sampler: Sampler, caplog: pytest.LogCaptureFixture
) -> None:
    equip(TracerProvider(sampler=sampler), Faults())

    assert caplog.messages == []


def test_a_sampler_that_does_not_say_what_it_is_breaks_nothing(telemetry: Telemetry) -> None:
    class Broken(TraceIdRatioBased):
        def get_description(self) -> str:
            raise RuntimeError("no description")

    equip(TracerProvider(sampler=Broken(0.1)), Faults(telemetry.meter_provider))

    assert telemetry.internal_errors == {"looking at the sampler": 1}
