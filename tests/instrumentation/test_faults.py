"""Our own bugs stay ours: the call is what it would have been, and the bug is counted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from opentelemetry.trace import NoOpTracer

import spancost
from spancost import startup
from spancost.faults import Faults

from .drivers import DRIVERS
from .provider import Provider

if TYPE_CHECKING:
    from .conftest import Telemetry


READINGS = (
    "spancost.sdks._anthropic.messages.MessageReading",
    "spancost.sdks._google_genai.content.GenerateContentReading",
    "spancost.sdks.cohere.CohereReading",
    "spancost.sdks._mistral.completions.CompletionReading",
    "spancost.sdks.openai.chat.ChatReading",
)
"""What reads the answers that the drivers get."""


@pytest.fixture
def _broken_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise RuntimeError("a bug in an extractor")

    for reading in READINGS:
        for method in ("add", "answer", "glance"):
            monkeypatch.setattr(f"{reading}.{method}", broken, raising=False)


@pytest.mark.usefixtures("_broken_readings")
@pytest.mark.parametrize("name", DRIVERS)
async def test_a_broken_extractor_changes_nothing_and_is_counted(
    name: str, provider: Provider, telemetry: Telemetry
) -> None:
    driver = DRIVERS[name](provider)
    bare = await driver.plain(), len(await driver.rest(await driver.stream()))
    spancost.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    try:
        seen = await driver.plain(), len(await driver.rest(await driver.stream()))
    finally:
        spancost.uninstrument()
    assert type(seen[0]) is type(bare[0])
    assert seen[1] == bare[1]
    assert len(telemetry.spans) == 2
    assert telemetry.internal_errors["reading an answer"] >= 4


@pytest.mark.parametrize("name", DRIVERS)
async def test_a_broken_description_changes_nothing_and_is_counted(
    name: str, provider: Provider, instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("a bug before the call")

    monkeypatch.setattr("spancost.instrumentor.Call.__init__", broken)
    driver = DRIVERS[name](provider)
    assert await driver.plain() is not None
    assert len(await driver.rest(await driver.stream())) > 0
    assert instrumented.internal_errors == {"beginning a call": 2}


@pytest.mark.parametrize("name", ["openai", "openai-async", "anthropic", "anthropic-async"])
async def test_a_response_that_cannot_be_noted_changes_nothing_and_is_counted(
    name: str, provider: Provider, instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise RuntimeError("a bug beside the call")

    monkeypatch.setattr("spancost.invocation.Invocation.response", property(None, broken))
    assert await DRIVERS[name](provider).plain() is not None
    assert instrumented.internal_errors == {"noting a request": 1}
    assert instrumented.attributes["gen_ai.usage.output_tokens"] > 0


@pytest.mark.parametrize("name", DRIVERS)
async def test_an_answer_that_is_no_json_is_no_fault_of_ours(
    name: str, instrumented: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Provider):
        def __call__(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200, headers={"content-type": "application/json"}, content=b'{"id": ')

    with pytest.raises(Exception) as raised:  # noqa: PT011 - each SDK has its own
        await DRIVERS[name](Broken()).plain()
    assert raised.value is not None
    assert instrumented.internal_errors == {}
    assert "spancost.faults" not in {record.name for record in caplog.records}


class BrokenSpan:
    """A span of a tracer that fails at everything that happens to it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"a bug in a tracer: {name}")


class BrokenTracer(NoOpTracer):
    def start_span(self, *args: Any, **kwargs: Any) -> Any:
        return BrokenSpan()


@pytest.mark.parametrize("name", DRIVERS)
async def test_a_broken_tracer_changes_nothing_and_is_counted(
    name: str, provider: Provider, telemetry: Telemetry
) -> None:
    class BrokenProvider:
        def get_tracer(self, *_: Any, **__: Any) -> BrokenTracer:
            return BrokenTracer()

    broken: Any = BrokenProvider()
    spancost.instrument(tracer_provider=broken, meter_provider=telemetry.meter_provider)
    try:
        driver = DRIVERS[name](provider)
        assert await driver.plain() is not None
        assert len(await driver.rest(await driver.stream())) > 0
    finally:
        spancost.uninstrument()
    assert telemetry.internal_errors == {"writing a span": 2, "ending a span": 2}


def test_a_fault_is_told_once_without_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    with caplog.at_level(logging.INFO, logger="spancost"):
        for _ in range(3):
            faults.caught("reading an answer", ValueError("a bug that quotes the answer"))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("spancost: reading an answer failed with ValueError; the call itself is not")
    assert "quotes" not in caplog.text


def test_where_a_fault_came_from_is_told_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="spancost"):
        Faults().caught("reading an answer", ValueError("a bug"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.DEBUG]
    assert "ValueError: a bug" in caplog.text


def test_preparing_a_process_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise RuntimeError("no tracer provider")

    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION", "true")
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", broken)
    startup.pre_instrument()


def test_preparing_a_process_keeps_what_the_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION", "true")
    startup.pre_instrument()
    import os

    assert os.environ["ANTHROPIC_OPEN_TELEMETRY_PROPAGATION"] == "true"


def test_an_error_that_is_no_exception_passes_through(
    provider: Provider, instrumented: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(BaseException):
        """Like KeyboardInterrupt."""

    def stop(*_: Any, **__: Any) -> Any:
        raise Stop

    driver = DRIVERS["openai"](provider)
    monkeypatch.setattr(type(provider), "__call__", stop)
    with pytest.raises(Stop):
        driver.ask()
    assert instrumented.attributes["error.type"].endswith("Stop")
