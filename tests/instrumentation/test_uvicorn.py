"""uvicorn ends by the signal that stopped it: what it has not sent by then would never be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spancost.faults import Faults
from spancost.startup import equip

LATER = 600_000
"""Milliseconds after which batches are sent on their own: never, as far as a test goes."""


def test_what_a_server_called_is_sent_before_it_ends() -> None:
    exporter, provider = InMemorySpanExporter(), Unhashable(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=LATER))
    equip(provider, Faults())
    provider.get_tracer("shop").start_span("call").end()
    before = exporter.get_finished_spans()

    asyncio.run(stopped_server().serve())

    assert (before, [span.name for span in exporter.get_finished_spans()]) == ((), ["call"])
    provider.shutdown()


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The faults that were counted: step and what went wrong."""
    found: list[tuple[str, str]] = []

    def record(_: Faults, step: str, error: BaseException) -> None:
        found.append((step, str(error)))

    monkeypatch.setattr(Faults, "caught", record)
    return found


def test_a_fault_while_sending_does_not_disturb_the_end(caught: list[tuple[str, str]]) -> None:
    equip(provider := Broken(shutdown_on_exit=False), Faults())

    asyncio.run(stopped_server().serve())

    assert ("sending at the end", "nobody there") in caught
    provider.shutdown()


def test_where_no_thread_can_be_started_the_server_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caught: list[tuple[str, str]]
) -> None:
    equip(provider := TracerProvider(shutdown_on_exit=False), Faults())

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr("spancost.startup.Thread", refuse)
    asyncio.run(stopped_server().serve())

    assert caught == [("sending at the end", "can't start new thread at interpreter shutdown")]
    provider.shutdown()


class Unhashable(TracerProvider):
    """As Logfire's is, which compares by its values."""

    def __eq__(self, other: object) -> bool:
        return self is other


class Broken(TracerProvider):
    """Cannot send."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        raise RuntimeError("nobody there")


def stopped_server() -> uvicorn.Server:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody asks")

    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None))
    server.should_exit = True
    return server
