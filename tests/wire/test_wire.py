"""What each release's app side sends is pinned here, because last year's app talks to this year's receiver.

A folder per release holds, per call, the attributes that its spans carry. The newest folder must equal what this
version sends; every folder must still be read by this version's receiver, with the usage that it stands for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from anthropic import Anthropic
from google import genai
from openai import OpenAI
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost
from spancost.demo.provider import Provider
from spancost_collector.dialects import DIALECTS
from spancost_collector.reading.decode import Export
from spancost_collector.reading.normalise import Normaliser
from spancost_pricing import Route, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from spancost_collector.call import ModelCall

FOLDER = Path(__file__).parent
CURRENT = "0.1"
CHANGING = {
    "gen_ai.response.id": "an-id",
    "gen_ai.response.time_to_first_chunk": 0.25,
    "server.port": 443,
}
"""Attributes that differ from run to run, and what stands for them."""


def openai_chat(url: str) -> None:
    with OpenAI(base_url=f"{url}/v1", api_key="any") as client:
        for _ in client.chat.completions.create(
            model="gpt-5-mini",
            messages=[{"role": "user", "content": "one two three"}],
            reasoning_effort="low",
            max_completion_tokens=256,
            stream=True,
        ):
            pass


def anthropic_message(url: str) -> None:
    with Anthropic(base_url=url, api_key="any") as client:
        client.messages.create(
            model="claude-haiku-4-5",
            system=[{"type": "text", "text": "Be brief. " * 600, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            messages=[{"role": "user", "content": "one two three"}],
            max_tokens=20,
        )


def gemini_content(url: str) -> None:
    with genai.Client(api_key="any", http_options={"base_url": url}) as client:
        client.models.generate_content(  # pyright: ignore[reportUnknownMemberType]
            model="gemini-2.5-flash", contents="one two three", config={"max_output_tokens": 30}
        )


CALLS: dict[str, Callable[[str], None]] = {
    "openai_chat": openai_chat,
    "anthropic_message": anthropic_message,
    "gemini_content": gemini_content,
}
READ_AS: dict[str, tuple[Route, Usage]] = {
    "openai_chat": (
        Route("openai", "gpt-5-mini", "default"),
        Usage(
            input_tokens=3,
            cache_read_tokens=0,
            input_audio_tokens=0,
            output_tokens=256,
            reasoning_tokens=64,
            output_audio_tokens=0,
        ),
    ),
    "anthropic_message": (
        Route("anthropic", "claude-haiku-4-5", "standard"),
        Usage(
            input_tokens=1203,
            cache_read_tokens=0,
            cache_write_tokens=1200,
            cache_write_1h_tokens=1200,
            output_tokens=20,
        ),
    ),
    "gemini_content": (Route("gcp.gemini", "gemini-2.5-flash"), Usage(input_tokens=3, output_tokens=30)),
}


@pytest.fixture
def sent() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spancost.instrument(tracer_provider=provider)
    yield exporter
    spancost.uninstrument()


@pytest.mark.parametrize("name", CALLS)
def test_this_version_sends_what_its_release_is_pinned_to(name: str, sent: InMemorySpanExporter) -> None:
    with Provider() as provider, spancost.attribution(feature="search", task="rank", tenant="t", user="u", session="s"):
        CALLS[name](provider.url)
    (span,) = sent.get_finished_spans()
    attributes = {key: CHANGING.get(key, value) for key, value in (span.attributes or {}).items()}
    pinned: Mapping[str, object] = json.loads((FOLDER / CURRENT / f"{name}.json").read_text())

    assert json.loads(json.dumps(attributes)) == pinned


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_this_receiver_reads_what_every_release_sends(path: Path) -> None:
    call = read(json.loads(path.read_text()))
    route, usage = READ_AS[path.stem]

    assert (call.route, call.usage) == (route, usage)
    who = call.attribution
    assert (who.feature, who.task, who.tenant, who.user, who.session) == ("search", "rank", "t", "u", "s")


def read(attributes: Mapping[str, str | int | float | list[str]]) -> ModelCall:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("spancost").start_span("call", attributes=attributes).end()
    normaliser = Normaliser(DIALECTS)
    export = Export(encode_spans(exporter.get_finished_spans()).SerializeToString())
    (candidate,) = export.candidates(normaliser.markers)
    call = normaliser.read(candidate.span, candidate.envelope).call
    assert call is not None
    return call
