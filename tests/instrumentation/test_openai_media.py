"""What is particular to embeddings, images and sound: what is billed where no tokens are reported, or tokens apart."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from spancost.sdks.openai.media import embedding_usage, transcription_usage
from spancost.sdks.openai.responses import image_usage
from spancost.wire import used

from .openai_payloads import IMAGES, OpenAIProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from spancost.wire import Attributes

    from .conftest import Telemetry

_SOUND = ("a.wav", b"RIFF")


def speaks(_: httpx2.Request) -> httpx2.Response:
    """Answers with sound."""
    return httpx2.Response(200, stream=Sound(), headers={"content-type": "audio/mpeg"})


class Sound(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"\xff\xfb{\n"
        yield b"\x90"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@pytest.fixture
def provider() -> OpenAIProvider:
    return OpenAIProvider()


@pytest.fixture
def client(provider: OpenAIProvider) -> openai.OpenAI:
    return openai.OpenAI(api_key="key", http_client=provider.client())


def test_pictures_are_counted_where_no_tokens_are_reported(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = {"created": 1, "data": [{"url": "u"}, {"url": "v"}, {"url": "w"}]}
    client.images.generate(model="dall-e-3", prompt="a cat", n=3)
    assert instrumented.attributes["spancost.usage.images"] == 3
    assert "gen_ai.usage.output_tokens" not in instrumented.attributes


def test_pictures_that_are_paid_by_the_token_are_not_counted_as_pictures_too(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = IMAGES
    client.images.generate(model="gpt-image-1", prompt="a cat")
    assert "spancost.usage.images" not in instrumented.attributes


def test_every_picture_of_a_stream_is_paid(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    completed = {"type": "image_generation.completed", "b64_json": "aGVsbG8=", "usage": IMAGES["usage"]}
    provider.events = [completed, completed]
    assert len(list(client.images.generate(model="gpt-image-1", prompt="cats", n=2, stream=True))) == 2
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 100  # 2 x 50
    assert instrumented.attributes["gen_ai.usage.image.output_tokens"] == 544  # 2 x 272


def test_a_drawing_by_a_language_model_is_a_call_of_its_own(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    svg = {"model": "gpt-5", "input_tokens": 70, "output_tokens": 900, "reasoning_tokens": 400, "total_tokens": 970}
    provider.answer = {**IMAGES, "svg_usage": svg}
    client.images.generate(model="gpt-image-2", prompt="a cat")
    picture, drawing = (dict(span.attributes or {}) for span in instrumented.spans)
    assert picture["gen_ai.usage.output_tokens"] == 272
    assert drawing["gen_ai.response.model"] == "gpt-5"
    assert drawing["gen_ai.usage.output_tokens"] == 900
    assert drawing["gen_ai.usage.reasoning.output_tokens"] == 400


def test_a_transcript_in_plain_text_reports_nothing(instrumented: Telemetry) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text="Hello there", headers={"content-type": "text/plain"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="key", http_client=http)
    said: Any = client.audio.transcriptions.create(model="whisper-1", file=_SOUND, response_format="text")
    assert said == "Hello there"
    assert instrumented.span.name == "transcription whisper-1"
    assert not any("usage" in name for name in instrumented.attributes)
    assert instrumented.internal_errors == {}


def test_billed_seconds_go_before_the_length_of_the_audio(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = {
        "text": "Hello",
        "language": "english",
        "duration": 36.71,
        "usage": {"type": "duration", "seconds": 37},
    }
    client.audio.transcriptions.create(model="whisper-1", file=_SOUND, response_format="verbose_json")
    assert instrumented.attributes["spancost.usage.seconds"] == 37


def test_speech_that_is_streamed_to_a_file_is_counted(instrumented: Telemetry, tmp_path: Path) -> None:
    http = httpx2.Client(transport=httpx2.MockTransport(speaks))
    client = openai.OpenAI(api_key="key", http_client=http)
    speech = client.audio.speech.with_streaming_response
    with speech.create(model="tts-1", voice="alloy", input="Twelve chars") as response:
        response.stream_to_file(tmp_path / "speech.mp3")
    assert (tmp_path / "speech.mp3").read_bytes() == b"\xff\xfb{\n\x90"
    assert instrumented.attributes["spancost.usage.characters"] == 12


async def test_speech_that_is_streamed_by_an_async_client_is_counted(instrumented: Telemetry) -> None:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(speaks))
    client = openai.AsyncOpenAI(api_key="key", http_client=http)
    speech = client.audio.speech.with_streaming_response
    async with speech.create(model="tts-1", voice="alloy", input="Twelve chars") as response:
        assert b"".join([piece async for piece in response.iter_bytes()]) == b"\xff\xfb{\n\x90"
    assert instrumented.attributes["spancost.usage.characters"] == 12


def test_speech_through_azure_is_billed_by_azure(instrumented: Telemetry) -> None:
    http = httpx2.Client(transport=httpx2.MockTransport(speaks))
    client = openai.AzureOpenAI(
        api_key="key", azure_endpoint="https://llm.example.com", api_version="2025-01-01", http_client=http
    )
    client.audio.speech.create(model="my-tts", voice="alloy", input="Twelve chars")
    assert instrumented.attributes["gen_ai.provider.name"] == "azure.ai.openai"
    assert instrumented.attributes["gen_ai.request.model"] == "my-tts"


def test_embeddings_of_a_server_that_reports_only_the_total_are_counted() -> None:
    assert embedding_usage({"total_tokens": 12}) == used(input_tokens=12)


def test_embeddings_of_a_server_that_reports_no_tokens_at_all_are_not_made_up() -> None:
    assert embedding_usage({}) == used()


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        pytest.param(
            {"input_tokens": 30, "output_tokens": 272, "input_tokens_details": {"image_tokens": 0}},
            used(input_tokens=30, input_image_tokens=0, output_tokens=272, output_image_tokens=272),
            id="all that comes out is an image",
        ),
        pytest.param(
            {"input_tokens": 30, "output_tokens": 280, "output_tokens_details": {"image_tokens": 272}},
            used(input_tokens=30, output_tokens=280, output_image_tokens=272),
            id="but for what is said to be text",
        ),
        pytest.param(
            {
                "input_tokens": 60,
                "output_tokens": 0,
                "cached_tokens": 50,
                "cached_tokens_details": {"cached_image_tokens": 40},
            },
            used(
                input_tokens=60,
                cache_read_tokens=50,
                cache_read_image_tokens=40,
                output_tokens=0,
                output_image_tokens=0,
            ),
            id="cached images",
        ),
    ],
)
def test_usage_of_an_image_model_tells_images_from_text(reported: dict[str, Any], usage: Attributes) -> None:
    assert image_usage(reported) == usage


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        pytest.param(
            {"type": "duration", "seconds": 7.5},
            used(units={"second": Decimal("7.5")}),
            id="seconds",
        ),
        pytest.param(
            {"type": "tokens", "input_tokens": 14, "input_token_details": {"audio_tokens": 10}, "output_tokens": 3},
            used(input_tokens=14, input_audio_tokens=10, output_tokens=3),
            id="tokens",
        ),
        pytest.param({"type": "duration", "seconds": "NaN"}, used(), id="no number"),
    ],
)
def test_usage_of_a_transcription_is_tokens_or_seconds(reported: dict[str, Any], usage: Attributes) -> None:
    assert transcription_usage(reported) == usage
