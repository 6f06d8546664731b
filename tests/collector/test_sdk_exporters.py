"""How long the OpenTelemetry SDK's own exporter goes on asking, given what the receiver answers.

It honours `Retry-After`, and gives up after six attempts, or as soon as the next one would come after its timeout.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from opentelemetry.exporter.otlp.common import http as exporter_http
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from spancost_collector.outcome import Refusal, http_status

if TYPE_CHECKING:
    from spancost_collector.outcome import RefusalKind


class Clock:
    """Time that passes only while the exporter waits."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


class Receiver(requests.Session):
    """Answers every request with one refusal, until it is back."""

    def __init__(self, clock: Clock, refusal: Refusal, *, away: float) -> None:
        super().__init__()
        self._clock = clock
        self._began = clock.now
        self._refusal = refusal
        self._away = away
        self.asked: list[float] = []

    def request(self, *_: Any, **__: Any) -> requests.Response:
        self.asked.append(self._clock.now - self._began)
        answer = requests.Response()
        answer.status_code = 200
        if self.asked[-1] < self._away:
            status = http_status(self._refusal, as_json=False)
            answer.status_code = status.code
            answer.headers["retry-after"] = str(status.retry_after)
        return answer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(exporter_http, "time", clock)
    monkeypatch.setattr(exporter_http, "threading", SimpleNamespace(Event=lambda: clock))
    return clock


@pytest.mark.parametrize(
    ("kind", "asked"), [("unavailable", [0.0, 4.0, 8.0]), ("overloaded", [0.0, 2.0, 4.0, 6.0, 8.0])]
)
def test_an_absence_of_eight_seconds_costs_the_exporter_no_span(
    clock: Clock, kind: RefusalKind, asked: list[float]
) -> None:
    receiver = Receiver(clock, Refusal(kind, "not now"), away=8.0)

    assert OTLPSpanExporter(session=receiver).export([]) is SpanExportResult.SUCCESS
    assert receiver.asked == asked


@pytest.mark.parametrize(("timeout", "asked"), [(10.0, [0.0, 4.0, 8.0]), (60.0, [0.0, 4.0, 8.0, 12.0, 16.0, 20.0])])
def test_a_longer_one_is_outlasted_by_an_exporter_with_more_time(
    clock: Clock, timeout: float, asked: list[float]
) -> None:
    receiver = Receiver(clock, Refusal("unavailable", "not now"), away=20.0)

    result = OTLPSpanExporter(session=receiver, timeout=timeout).export([])

    assert (result is SpanExportResult.SUCCESS) is (timeout == 60.0)
    assert receiver.asked == asked
