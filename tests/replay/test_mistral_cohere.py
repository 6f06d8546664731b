"""Every recorded call to Mistral and Cohere, through their own SDKs, is a span with what the provider reported."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import cohere
import httpx
import httpx2
import pytest
from cohere.core.api_error import ApiError
from mistralai.client import Mistral
from mistralai.client.errors import MistralError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost

from .recordings import FOLDER, Recording, recordings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APIS = frozenset({"chat", "embeddings", "generate", "rerank"})
_MESSAGES: Any = [{"role": "user", "content": "replayed"}]
_MISTRAL_FIGURES = (
    ("gen_ai.usage.input_tokens", ("prompt_tokens",)),
    ("gen_ai.usage.output_tokens", ("completion_tokens",)),
    ("gen_ai.usage.cache_read.input_tokens", ("prompt_tokens_details", "cached_tokens")),
    ("gen_ai.usage.cache_read.input_tokens", ("num_cached_tokens",)),
    ("gen_ai.usage.reasoning.output_tokens", ("completion_tokens_details", "reasoning_tokens")),
)
_COHERE_FIGURES = (
    ("gen_ai.usage.input_tokens", ("billed_units", "input_tokens")),
    ("gen_ai.usage.image.input_tokens", ("billed_units", "image_tokens")),
    ("gen_ai.usage.output_tokens", ("billed_units", "output_tokens")),
    ("spancost.usage.requests", ("billed_units", "search_units")),
)


def reported(recording: Recording) -> dict[str, int]:
    """What the provider reported, under the names of the span's attributes."""
    figures: dict[str, int] = {}
    for name, path in _MISTRAL_FIGURES if recording.provider == "mistral" else _COHERE_FIGURES:
        value: Any = recording.usage
        for step in path:
            value = None if value is None else value.get(step)
        if value is not None:
            figures[name] = int(value)
    return figures


def arguments(recording: Recording, **fixed: Any) -> dict[str, Any]:
    return {"model": recording.model, **fixed}


class Sdks:
    """Both SDKs, sync and async, and the one recording that they are answered from."""

    def __init__(self) -> None:
        self.recording: Recording | None = None
        newer, older = httpx2.MockTransport(self._newer), httpx.MockTransport(self._older)
        self._mistral: Any = Mistral(
            api_key="key",
            client=httpx2.Client(transport=newer),
            async_client=httpx2.AsyncClient(transport=newer),
            server_url="https://api.mistral.ai",
        )
        sync, unsync = httpx.Client(transport=older), httpx.AsyncClient(transport=older)
        quiet: dict[str, Any] = {"max_retries": 0, "log_warning_experimental_features": False}
        self._cohere: Mapping[tuple[int, bool], Any] = {
            (1, False): cohere.Client("key", httpx_client=sync, **quiet),
            (1, True): cohere.AsyncClient("key", httpx_client=unsync, **quiet),
            (2, False): cohere.ClientV2("key", httpx_client=sync, **quiet),
            (2, True): cohere.AsyncClientV2("key", httpx_client=unsync, **quiet),
        }

    def _newer(self, request: httpx2.Request) -> httpx2.Response:
        assert self.recording is not None
        headers = {"content-type": self.recording.content_type}
        return httpx2.Response(self.recording.status, headers=headers, content=self.recording.body, request=request)

    def _older(self, request: httpx.Request) -> httpx.Response:
        assert self.recording is not None
        headers = {"content-type": self.recording.content_type}
        return httpx.Response(self.recording.status, headers=headers, content=self.recording.body, request=request)

    def call(self, recording: Recording, unsync: bool) -> Any:
        """What the method of the SDK returns."""
        self.recording = recording
        if recording.provider == "mistral":
            resource, method, given = self._of_mistral(recording)
            return getattr(resource, f"{method}_async" if unsync else method)(**arguments(recording, **given))
        return self._of_cohere(recording, unsync)

    def _of_mistral(self, recording: Recording) -> tuple[Any, str, dict[str, Any]]:
        if recording.api == "embeddings":
            return self._mistral.embeddings, "create", {"inputs": ["replayed"]}
        return self._mistral.chat, "stream" if recording.streamed else "complete", {"messages": _MESSAGES}

    def _of_cohere(self, recording: Recording, unsync: bool) -> Any:
        generation = 1 if "/v1/" in recording.url else 2
        client = self._cohere[generation, unsync]
        stream = "_stream" if recording.streamed else ""
        match recording.api:
            case "chat":
                said = {"message": "replayed"} if generation == 1 else {"messages": _MESSAGES}
                return getattr(client, f"chat{stream}")(**arguments(recording, **said))
            case "generate":
                return getattr(self._cohere[1, unsync], f"generate{stream}")(**arguments(recording, prompt="replayed"))
            case "embeddings":
                given = {"texts": ["replayed"], "input_type": "search_query", "embedding_types": ["float"]}
                return client.embed(**arguments(recording, **given))
            case _:
                return client.rerank(**arguments(recording, query="replayed", documents=["replayed"]))


async def awaited(result: Any) -> None:
    """Reads what an async method gave to its end."""
    if asyncio.iscoroutine(result):
        result = await result
    if hasattr(result, "__anext__"):
        async for _ in result:
            pass


def read(result: Any) -> None:
    """Reads what a sync method gave to its end."""
    if hasattr(result, "__next__"):
        for _ in result:
            pass


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spancost.instrument("mistral", "cohere", tracer_provider=provider)
    yield exporter
    spancost.uninstrument()


@pytest.mark.skipif(not (FOLDER / "index_interactions.csv").exists(), reason=f"no recordings in {FOLDER}")
@pytest.mark.parametrize("unsync", [False, True], ids=["sync", "async"])
async def test_every_recorded_call_is_one_span_with_what_the_provider_reported(
    spans: InMemorySpanExporter, capsys: pytest.CaptureFixture[str], unsync: bool
) -> None:
    sdks = Sdks()
    played: Counter[str] = Counter()
    failures: list[str] = []
    for recording in recordings(FOLDER, APIS):
        if recording.provider not in ("mistral", "cohere"):
            continue
        spans.clear()
        try:
            result = sdks.call(recording, unsync)
            await awaited(result) if unsync else read(result)
        except (MistralError, ApiError) as error:
            if recording.status < 400:
                failures.append(f"{recording.name}: {type(error).__name__}: {str(error)[:300]}")
        found = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
        figures = [{name: value for name, value in span.items() if ".usage." in name} for span in found]
        if figures != [reported(recording)]:
            failures.append(f"{recording.name}: reported {reported(recording)}, found {figures}")
        played[f"{recording.provider:8} {recording.api:10} {'stream' if recording.streamed else 'plain'}"] += 1
    assert played, f"{FOLDER} lists no recording that these SDKs can play"
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:26} {count:4} of {count}" for name, count in sorted(played.items())))
    assert not failures, "\n".join(failures)
