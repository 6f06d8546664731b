"""What the `google-genai` SDK can do beside `generateContent`: each paid request is one span with what it cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from .older import transports
from .provider import GENERATED

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Telemetry
    from .provider import Provider

MODEL = "gemini-2.5-flash"
CAT = types.GenerateVideosSource(prompt="a cat")


def client(provider: Callable[[httpx2.Request], httpx2.Response], **options: Any) -> Any:
    http = types.HttpOptions(**transports(provider))
    return genai.Client(http_options=http, **(options or {"api_key": "key"}))


def vertex(provider: Provider) -> Any:
    credentials = Credentials(token="token")
    return client(provider, vertexai=True, project="p", location="europe-west4", credentials=credentials)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_embeddings_are_a_call_with_the_tokens_that_were_reported(
    provider: Provider, instrumented: Telemetry, is_async: bool
) -> None:
    provider.answer = {
        "embeddings": [{"values": [0.5]}],
        "usageMetadata": {
            "promptTokenCount": 270,
            "promptTokenDetails": [
                {"modality": "TEXT", "tokenCount": 12},
                {"modality": "IMAGE", "tokenCount": 258},
            ],
        },
    }
    sdk = client(provider)
    asked: dict[str, Any] = {"model": "gemini-embedding-2", "contents": ["Why?"]}
    result = await sdk.aio.models.embed_content(**asked) if is_async else sdk.models.embed_content(**asked)
    assert result.embeddings[0].values == [0.5]
    assert instrumented.attributes == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-embedding-2",
        "server.address": "generativelanguage.googleapis.com",
        "gen_ai.usage.input_tokens": 270,
        "gen_ai.usage.image.input_tokens": 258,
        "spancost.retries": 0,
    }


def test_embeddings_without_a_report_are_estimated_from_the_text(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {"embeddings": [{"values": [0.5]}, {"values": [0.25]}]}
    client(provider).models.embed_content(model="gemini-embedding-001", contents=["Why is it so?", "What now?"])
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 6  # 13 + 9 characters
    assert instrumented.attributes["spancost.usage.estimated"] is True


@pytest.mark.parametrize(
    ("model", "characters"), [("text-embedding-005", 22), ("gemini-embedding-001", None)], ids=["character", "token"]
)
def test_vertex_bills_its_own_embedding_models_by_the_character(
    provider: Provider, instrumented: Telemetry, model: str, characters: int | None
) -> None:
    embedding = {"values": [0.5], "statistics": {"token_count": 4, "truncated": False}}
    provider.answer = {
        "predictions": [{"embeddings": embedding}, {"embeddings": embedding}],
        "metadata": {"billableCharacterCount": 22},
    }
    vertex(provider).models.embed_content(model=model, contents=["Why is it so?", "What now?"])
    assert instrumented.span.name == f"embeddings {model}"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 8
    assert instrumented.attributes.get("spancost.usage.characters") == characters
    assert instrumented.attributes["spancost.region"] == "europe-west4"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:google.genai", "ignore:.*will be removed.*")
def test_an_image_that_was_filtered_away_is_not_paid_for(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {
        "predictions": [
            {"bytesBase64Encoded": "aGVsbG8=", "mimeType": "image/png"},
            {"bytesBase64Encoded": "aGVsbG8=", "mimeType": "image/png"},
            {"raiFilteredReason": "58061214"},
        ]
    }
    config = types.GenerateImagesConfig(number_of_images=3, include_rai_reason=True)
    vertex(provider).models.generate_images(model="imagen-4.0-generate-001", prompt="a cat", config=config)
    assert instrumented.span.name == "image_generation imagen-4.0-generate-001"
    assert instrumented.attributes["spancost.usage.images"] == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning:google.genai", "ignore:.*will be removed.*")
def test_editing_and_upscaling_an_image_are_image_edits(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {"predictions": [{"bytesBase64Encoded": "aGVsbG8=", "mimeType": "image/png"}]}
    sdk = vertex(provider)
    image = types.Image(image_bytes=b"image", mime_type="image/png")
    reference = types.RawReferenceImage(reference_id=1, reference_image=image)
    sdk.models.edit_image(model="imagen-3.0-capability-001", prompt="a dog", reference_images=[reference])
    sdk.models.upscale_image(model="imagen-4.0-upscale-preview", image=image, upscale_factor="x2")
    assert [span.name for span in instrumented.spans] == [
        "image_edit imagen-3.0-capability-001",
        "image_edit imagen-4.0-upscale-preview",
    ]
    assert [(span.attributes or {})["spancost.usage.images"] for span in instrumented.spans] == [1, 1]


def test_a_video_is_as_many_seconds_as_were_ordered_which_is_an_estimate(
    provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {"name": "projects/p/operations/1"}
    config = types.GenerateVideosConfig(duration_seconds=6, number_of_videos=2)
    vertex(provider).models.generate_videos(model="veo-3.0-generate-001", source=CAT, config=config)
    assert instrumented.span.name == "video_generation veo-3.0-generate-001"
    assert instrumented.attributes["spancost.usage.seconds"] == 12
    assert instrumented.attributes["spancost.usage.estimated"] is True
    assert instrumented.attributes["gen_ai.response.id"] == "projects/p/operations/1"


def test_a_video_of_unknown_length_has_no_figures(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {"name": "projects/p/operations/1"}
    vertex(provider).models.generate_videos(model="veo-3.0-generate-001", source=CAT)
    assert not any("usage" in name for name in instrumented.attributes)


def test_creating_a_cache_writes_every_token_of_it(provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {
        "name": "cachedContents/c1",
        "model": f"models/{MODEL}",
        "usageMetadata": {"totalTokenCount": 1090},
    }
    sdk = client(provider)
    sdk.caches.create(model=MODEL, config=types.CreateCachedContentConfig(contents="a long story", ttl="300s"))
    assert instrumented.span.name == f"generate_content {MODEL}"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 1090
    assert instrumented.attributes["gen_ai.usage.cache_write.input_tokens"] == 1090
    assert "gen_ai.usage.output_tokens" not in instrumented.attributes


def test_what_only_manages_caches_and_batches_is_no_model_call(provider: Provider, instrumented: Telemetry) -> None:
    sdk = client(provider)
    provider.answer = {"name": "cachedContents/c1", "usageMetadata": {"totalTokenCount": 1090}}
    sdk.caches.get(name="cachedContents/c1")
    sdk.caches.update(name="cachedContents/c1", config=types.UpdateCachedContentConfig(ttl="600s"))
    provider.answer = {"name": "batches/b1", "metadata": {"state": "BATCH_STATE_PENDING"}}
    sdk.batches.create(model=MODEL, src=[types.InlinedRequest(contents="Hi")])
    sdk.batches.get(name="batches/b1")
    assert instrumented.spans == []


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_each_turn_of_a_chat_is_one_call(
    provider: Provider, instrumented: Telemetry, streamed: bool, is_async: bool
) -> None:
    sdk = client(provider)
    chat = (sdk.aio if is_async else sdk).chats.create(model=MODEL)
    for _ in range(2):
        if streamed and is_async:
            async for _ in await chat.send_message_stream("Hi"):
                pass
        elif streamed:
            list(chat.send_message_stream("Hi"))
        else:
            await chat.send_message("Hi") if is_async else chat.send_message("Hi")
    assert [span.name for span in instrumented.spans] == [f"generate_content {MODEL}"] * 2


INLINED = {
    "name": "batches/b1",
    "metadata": {
        "model": f"models/{MODEL}",
        "state": "BATCH_STATE_SUCCEEDED",
        "output": {
            "inlinedResponses": {
                "inlinedResponses": [
                    {"response": {**GENERATED, "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}}},
                    {"error": {"code": 3, "message": "no"}},
                    {"response": {**GENERATED, "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 0}}},
                ]
            }
        },
    },
    "done": True,
}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_the_answers_in_a_batch_are_paid_for_once_and_at_the_batch_tier(
    provider: Provider, instrumented: Telemetry, is_async: bool
) -> None:
    provider.answer = INLINED
    sdk = client(provider)
    for _ in range(3):
        job = await sdk.aio.batches.get(name="batches/b1") if is_async else sdk.batches.get(name="batches/b1")
        assert len(job.dest.inlined_responses) == 3
    figures = [
        (
            span.name,
            (span.attributes or {})["spancost.service_tier"],
            (span.attributes or {})["gen_ai.usage.input_tokens"],
            (span.attributes or {})["gen_ai.usage.output_tokens"],
        )
        for span in instrumented.spans
    ]
    assert figures == [(f"generate_content {MODEL}", "batch", 7, 3), (f"generate_content {MODEL}", "batch", 8, 0)]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_the_answers_in_a_batchs_file_are_paid_for_when_it_is_first_downloaded(
    instrumented: Telemetry, is_async: bool
) -> None:
    lines = [
        {"key": "a", "response": {**GENERATED, "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}}},
        {"key": "b", "error": {"code": 3, "message": "no"}},
        {"key": "c", "response": {"embedding": {"values": [0.5]}, "tokenCount": "5"}},
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if ":download" in request.url.path:
            return httpx2.Response(200, content=content)
        output = {"responsesFile": "files/batch-b1"}
        metadata = {"model": f"models/{MODEL}", "state": "BATCH_STATE_SUCCEEDED", "output": output}
        return httpx2.Response(200, json={"name": "batches/b1", "metadata": metadata, "done": True})

    sdk = client(answer)
    files = sdk.aio.files if is_async else sdk.files
    (await files.download(file="files/batch-b1")) if is_async else files.download(file="files/batch-b1")
    assert instrumented.spans == []  # nobody knows yet that it is a batch's
    job = await sdk.aio.batches.get(name="batches/b1") if is_async else sdk.batches.get(name="batches/b1")
    for _ in range(2):
        name = job.dest.file_name
        assert (await files.download(file=name) if is_async else files.download(file=name)) == content
    generated, embedded = instrumented.spans
    assert generated.name == f"generate_content {MODEL}"
    assert embedded.name == f"embeddings {MODEL}"
    assert (embedded.attributes or {})["gen_ai.usage.input_tokens"] == 5
    assert (embedded.attributes or {})["spancost.service_tier"] == "batch"
    assert instrumented.internal_errors == {}


def test_a_line_of_a_batchs_file_that_is_cut_off_costs_the_others_nothing(instrumented: Telemetry) -> None:
    line = json.dumps({"key": "a", "response": {**GENERATED, "usageMetadata": {"promptTokenCount": 7}}})
    content = f"{line}\n{line[:40]}\n\n{line}\n".encode()

    def answer(request: httpx2.Request) -> httpx2.Response:
        if ":download" in request.url.path:
            return httpx2.Response(200, content=content)
        metadata = {"model": f"models/{MODEL}", "output": {"responsesFile": "files/batch-b1"}}
        return httpx2.Response(200, json={"name": "batches/b1", "metadata": metadata, "done": True})

    sdk = client(answer)
    sdk.batches.get(name="batches/b1")
    assert sdk.files.download(file="files/batch-b1") == content
    assert [(span.attributes or {})["gen_ai.usage.input_tokens"] for span in instrumented.spans] == [7, 7]
    assert instrumented.internal_errors == {"reading an answer": 1}


def test_an_error_of_an_operation_is_the_callers_and_marks_its_span(
    provider: Provider, instrumented: Telemetry
) -> None:
    provider.failures = [400]
    with pytest.raises(genai.errors.ClientError):
        client(provider).models.embed_content(model="gemini-embedding-2", contents="Hi")
    assert instrumented.attributes["error.type"] == "google.genai.errors.ClientError"
    assert not any("usage" in name for name in instrumented.attributes)
