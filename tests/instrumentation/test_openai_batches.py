"""Batches and runs of assistants: paid earlier, charged when the app first looks at what they used, and once."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

import spancost
from spancost.once import Once

from .openai_payloads import BATCH, COMPLETION, EMBEDDINGS, RESPONSE, RUN, OpenAIProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .conftest import Telemetry

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # assistants are paid, too

_UNFINISHED = {**BATCH, "status": "in_progress", "output_file_id": None, "usage": None}
_UNREPORTED = {**BATCH, "usage": None}


@pytest.fixture
def provider() -> OpenAIProvider:
    return OpenAIProvider()


@pytest.fixture
def client(provider: OpenAIProvider) -> openai.OpenAI:
    return openai.OpenAI(api_key="key", http_client=provider.client())


def results(*bodies: Mapping[str, Any]) -> bytes:
    """A file of results: one that failed, and these."""
    lines: list[dict[str, Any]] = [{"id": "r0", "custom_id": "a", "response": None, "error": {"code": "expired"}}]
    lines += [
        {"id": f"r{number}", "custom_id": "b", "response": {"status_code": 200, "body": body}, "error": None}
        for number, body in enumerate(bodies, 1)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def file_client(content: bytes) -> openai.OpenAI:
    """A client for which every file is this one, and every batch one that reports no usage."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/content"):
            return httpx2.Response(200, content=content, headers={"content-type": "application/octet-stream"})
        return httpx2.Response(200, json=_UNREPORTED)

    return openai.OpenAI(api_key="key", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


def test_a_batch_is_charged_when_its_usage_is_first_seen_and_once(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = _UNFINISHED
    client.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id="file-in")
    client.batches.retrieve("batch_1")
    assert instrumented.spans == []
    provider.answer = BATCH
    for _ in range(3):
        assert client.batches.retrieve("batch_1").status == "completed"
    provider.answer = {"object": "list", "data": [BATCH], "has_more": False}
    assert [batch.id for batch in client.batches.list()] == ["batch_1"]
    assert instrumented.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "server.address": "api.openai.com",
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.response.id": "file-out",
        "spancost.service_tier": "batch",
        "spancost.batch.requests": 2,
        "gen_ai.usage.input_tokens": 2000,
        "gen_ai.usage.cache_read.input_tokens": 500,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.reasoning.output_tokens": 120,
    }


@pytest.mark.parametrize("reported", ["by the batch", "by its results"])
def test_a_batch_is_paid_by_who_had_it_made(reported: str, instrumented: Telemetry) -> None:
    batches = deque([_UNFINISHED, _UNFINISHED, BATCH if reported == "by the batch" else _UNREPORTED])

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/content"):
            return httpx2.Response(200, content=results(RESPONSE))
        return httpx2.Response(200, json=batches.popleft())

    client = openai.OpenAI(api_key="key", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    with spancost.attribution(feature="nightly"):
        client.batches.create(completion_window="24h", endpoint="/v1/responses", input_file_id="file-in")
    with spancost.attribution(feature="polling"):
        client.batches.retrieve("batch_1")
        client.batches.retrieve("batch_1")
        client.files.content("file-out")
    assert instrumented.attributes["spancost.feature"] == "nightly"


async def test_batches_in_a_list_are_each_charged_by_an_async_client_too(
    provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    other = {**BATCH, "id": "batch_2", "output_file_id": "file-out-2", "endpoint": "/v1/embeddings"}
    provider.answer = {"object": "list", "data": [BATCH, other, _UNFINISHED], "has_more": False}
    client = openai.AsyncOpenAI(api_key="key", http_client=provider.async_client())
    assert len([batch async for batch in client.batches.list()]) == 3
    assert [span.name for span in instrumented.spans] == ["chat", "embeddings"]


def test_a_cancelled_batch_is_charged_what_it_used(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = {**BATCH, "status": "cancelling"}
    client.batches.cancel("batch_1")
    assert instrumented.spans == []
    provider.answer = {**BATCH, "status": "cancelled", "output_file_id": None}
    client.batches.retrieve("batch_1")
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 2000
    assert instrumented.attributes["gen_ai.response.id"] == "batch_1"


def test_results_are_charged_by_model_where_the_batch_reports_no_usage(instrumented: Telemetry) -> None:
    cheap = {**RESPONSE, "model": "gpt-5-mini"}
    content = results(RESPONSE, cheap, RESPONSE, EMBEDDINGS, {**COMPLETION, "usage": None})
    client = file_client(content)
    client.batches.retrieve("batch_1")
    assert instrumented.spans == []
    for _ in range(2):
        assert client.files.content("file-out").content == content
    charged: list[dict[str, Any]] = [dict(span.attributes or {}) for span in instrumented.spans]
    assert [
        (
            span["gen_ai.operation.name"],
            span["gen_ai.response.model"],
            span["gen_ai.usage.input_tokens"],
            span.get("gen_ai.usage.output_tokens"),
            span["spancost.batch.requests"],
        )
        for span in charged
    ] == [
        ("chat", "gpt-5-2025-08-07", 200, 40, 2),
        ("chat", "gpt-5-mini", 100, 20, 1),
        ("embeddings", "text-embedding-3-small", 9, None, 1),
    ]
    assert {span["spancost.service_tier"] for span in charged} == {"batch"}


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        pytest.param(b'{"id": "r9", "custom_id": "c", "resp', {"reading an answer": 1}, id="cut off"),
        pytest.param(b"\xff\x00", {"reading an answer": 1}, id="garbage"),
        pytest.param(b"[" * 100_000, {"reading an answer": 1}, id="nested beyond reason"),
        pytest.param(b"null", {}, id="no object"),
        pytest.param(b" ", {}, id="blank"),
    ],
)
def test_a_line_that_is_no_result_costs_the_others_nothing(
    line: bytes, faults: Mapping[str, int], instrumented: Telemetry
) -> None:
    content = results(RESPONSE) + line + b"\n" + results(RESPONSE)
    assert file_client(content).files.content("file-out").content == content
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 200
    assert instrumented.attributes["spancost.batch.requests"] == 2
    assert instrumented.internal_errors == faults


def test_results_of_a_batch_that_was_charged_are_not_charged_again(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = BATCH
    client.batches.retrieve("batch_1")
    file_client(results(RESPONSE)).files.content("file-out")
    assert len(instrumented.spans) == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x89PNG", id="a picture"),
        pytest.param(b'{"messages": []}\n', id="training data"),
        pytest.param(b'{"custom_id": "a", "method": "POST", "body": {}}\n', id="what a batch is made of"),
        pytest.param(b'{"custom_id"', id="not JSON"),
        pytest.param(b'{\n  "custom_id": [\n    1\n  ]\n}\n', id="JSON of many lines"),
        pytest.param(b'{"custom_id": ' + b"[" * 100_000, id="nested beyond reason"),
        pytest.param(b"", id="empty"),
    ],
)
def test_any_other_file_costs_nothing(content: bytes, instrumented: Telemetry) -> None:
    assert file_client(content).files.content("file-1").content == content
    assert instrumented.spans == []
    assert instrumented.internal_errors == {}


def test_a_run_is_charged_when_its_usage_is_first_seen_and_once(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    provider.answer = {**RUN, "status": "queued", "usage": None}
    runs: Any = client.beta.threads.runs
    runs.create("thread_1", assistant_id="asst_1")
    assert instrumented.spans == []
    provider.answer = RUN
    for _ in range(2):
        runs.retrieve("run_1", thread_id="thread_1")
    assert instrumented.attributes["gen_ai.response.model"] == "gpt-4o"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 381
    assert instrumented.attributes["gen_ai.usage.cache_read.input_tokens"] == 128
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 88


def test_a_streamed_run_is_charged_at_its_end(
    client: openai.OpenAI, provider: OpenAIProvider, instrumented: Telemetry
) -> None:
    events = [
        ("thread.run.created", {**RUN, "status": "queued", "usage": None}),
        ("thread.run.step.completed", {"id": "step_1", "object": "thread.run.step", "usage": RUN["usage"]}),
        ("thread.run.completed", RUN),
    ]
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events) + "data: [DONE]\n\n"

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, text=body, headers={"content-type": "text/event-stream"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    runs: Any = openai.OpenAI(api_key="key", http_client=http).beta.threads.runs
    assert len(list(runs.create("thread_1", assistant_id="asst_1", stream=True))) == 3
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 381


def test_what_was_charged_is_remembered_within_bounds() -> None:
    once = Once(remembered=2)
    assert [once.first(name) for name in ("a", "b", "a", "c", "a", "b")] == [True, True, False, True, False, True]
