"""What Mistral reports, and how it is understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mistralai.client import Mistral
from mistralai.client.errors import ResponseValidationError
from opentelemetry.trace import StatusCode
from pydantic import BaseModel

import spancost

from .provider import MISTRAL_CHUNKS, MISTRAL_COMPLETION, Provider

if TYPE_CHECKING:
    from .conftest import Telemetry

MESSAGES: Any = [{"role": "user", "content": "twenty characters ok"}]
EMBEDDED: dict[str, Any] = {
    "id": "emb-1",
    "object": "list",
    "model": "mistral-embed",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9},
}
TURN: dict[str, Any] = {
    "conversation_id": "conv-1",
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 7150,
        "connector_tokens": 7000,
        "connectors": {"web_search": 2},
    },
    "outputs": [{"type": "message.output", "content": "Hello", "model": "mistral-medium-2508", "role": "assistant"}],
}


@pytest.fixture
def traces_itself() -> Any:
    """Switches on the SDK's own tracing of one client."""
    telemetry: Any = pytest.importorskip(
        "mistralai.extra.observability.telemetry", reason="mistralai traces itself with the global provider only"
    )
    return telemetry.configure_telemetry


@pytest.fixture
def client(provider: Provider) -> Any:
    return Mistral(api_key="key", client=provider.client(), async_client=provider.async_client())


def usage(telemetry: Telemetry) -> dict[str, Any]:
    return {name: value for name, value in telemetry.attributes.items() if ".usage." in name}


def test_embeddings_are_one_call_with_the_tokens_that_went_in(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = EMBEDDED
    client.embeddings.create(model="mistral-embed", inputs=["a text"])
    assert instrumented.span.name == "embeddings mistral-embed"
    assert instrumented.attributes["gen_ai.provider.name"] == "mistral_ai"
    assert usage(instrumented) == {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 0}


async def test_a_figure_that_mistral_did_not_report_is_not_a_zero(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {**EMBEDDED, "usage": {"prompt_tokens": 9, "total_tokens": 9}}
    answer = await client.embeddings.create_async(model="mistral-embed", inputs=["a text"])
    assert answer.usage.completion_tokens == 0  # what the SDK makes of it
    assert usage(instrumented) == {"gen_ai.usage.input_tokens": 9}


def test_a_completion_in_the_middle_of_code_is_a_text_completion(client: Any, instrumented: Telemetry) -> None:
    client.fim.complete(model="codestral-latest", prompt="def f(", suffix="return 1")
    assert instrumented.span.name == "text_completion codestral-latest"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 80


def test_a_parsed_completion_is_one_call(client: Any, provider: Provider, instrumented: Telemetry) -> None:
    class Answer(BaseModel):
        text: str

    message = {"role": "assistant", "content": '{"text": "Hello"}'}
    provider.answer = {**MISTRAL_COMPLETION, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    parsed = client.chat.parse(response_format=Answer, model="mistral-medium-latest", messages=MESSAGES)
    assert parsed.choices[0].message.parsed == Answer(text="Hello")
    assert instrumented.attributes["gen_ai.usage.output_tokens"] == 18


def test_an_agents_call_has_the_model_that_served_it(client: Any, instrumented: Telemetry) -> None:
    list(client.agents.stream(agent_id="ag-1", messages=MESSAGES))
    assert instrumented.span.name == "chat"
    assert "gen_ai.request.model" not in instrumented.attributes
    assert instrumented.attributes["gen_ai.response.model"] == "mistral-medium-2508"
    assert instrumented.attributes["gen_ai.usage.cache_read.input_tokens"] == 64


def test_what_tools_put_before_the_model_is_input_and_their_uses_are_counted(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = TURN
    client.beta.conversations.start(inputs="what is new?", model="mistral-medium-latest")
    assert instrumented.attributes["gen_ai.conversation.id"] == "conv-1"
    assert "gen_ai.response.id" not in instrumented.attributes  # it would name every turn of the conversation
    assert instrumented.attributes["gen_ai.response.model"] == "mistral-medium-2508"
    assert usage(instrumented) == {
        "gen_ai.usage.input_tokens": 7100,
        "gen_ai.usage.output_tokens": 50,
        "spancost.usage.web_searches": 2,
    }


def test_a_streamed_turn_of_a_conversation_reports_at_its_end(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.events = [
        {"type": "conversation.response.started", "conversation_id": "conv-1"},
        {
            "type": "message.output.delta",
            "id": "m-1",
            "content": "Hello",
            "model": "mistral-medium-2508",
            "role": "assistant",
        },
        {"type": "conversation.response.done", "usage": TURN["usage"]},
    ]
    events = list(client.beta.conversations.append_stream(conversation_id="conv-1", inputs="and then?"))
    assert len(events) == 3
    assert usage(instrumented)["gen_ai.usage.input_tokens"] == 7100
    assert instrumented.attributes["gen_ai.request.stream"] is True


def test_a_transcript_is_billed_by_the_length_of_its_audio(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {
        "model": "voxtral-mini-2507",
        "text": "Hello",
        "language": None,
        "segments": [],
        "usage": {"prompt_tokens": 4, "completion_tokens": 30, "total_tokens": 34, "prompt_audio_seconds": 203},
    }
    client.audio.transcriptions.complete(model="voxtral-mini-latest", file_url="https://example.com/a.mp3")
    assert instrumented.span.name == "transcription voxtral-mini-latest"
    assert usage(instrumented) == {"spancost.usage.seconds": 203}


def test_speech_is_billed_by_its_characters_and_only_when_there_is_some(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {"audio_data": "AAAA"}
    client.audio.speech.complete(model="voxtral-tts", input="Hello there")
    provider.failures = [400]
    with pytest.raises(Exception, match="400"):
        client.audio.speech.complete(model="voxtral-tts", input="Hello there")
    spoken, failed = (dict(span.attributes or {}) for span in instrumented.spans)
    assert spoken["spancost.usage.characters"] == 11
    assert not any(".usage." in name for name in failed)


def test_a_stream_that_is_closed_before_its_usage_is_estimated(client: Any, instrumented: Telemetry) -> None:
    with client.chat.stream(model="mistral-medium-latest", messages=MESSAGES) as stream:
        next(stream)
    # 20 characters asked, 6 of "Hello " written, four to a token.
    assert usage(instrumented) == {
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 2,
        "spancost.usage.estimated": True,
    }


def test_an_answer_that_the_sdk_cannot_read_was_paid_for(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {**MISTRAL_COMPLETION, "choices": "none"}
    with pytest.raises(ResponseValidationError):
        client.chat.complete(model="mistral-medium-latest", messages=MESSAGES)
    assert instrumented.span.status.status_code is StatusCode.ERROR
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 80


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
def test_the_sdks_own_tracing_adds_no_second_span_and_sends_nothing_about_the_trace(
    client: Any, traces_itself: Any, provider: Provider, instrumented: Telemetry, streamed: bool
) -> None:
    traces_itself(client, instrumented.tracer_provider, redaction=False)
    if streamed:
        assert len(list(client.chat.stream(model="mistral-medium-latest", messages=MESSAGES))) == len(MISTRAL_CHUNKS)
    else:
        client.chat.complete(model="mistral-medium-latest", messages=MESSAGES)
    assert instrumented.span.name == "chat mistral-medium-latest"
    assert "traceparent" not in provider.requests[0].headers


def test_the_sdks_own_tracing_of_what_is_no_model_call_stays(
    client: Any, traces_itself: Any, provider: Provider, instrumented: Telemetry
) -> None:
    traces_itself(client, instrumented.tracer_provider, redaction=False)
    provider.answer = {"object": "list", "data": []}
    client.models.list()
    assert instrumented.span.instrumentation_scope is not None
    assert instrumented.span.instrumentation_scope.name.startswith("mistralai")


def test_attribution_reaches_the_call(client: Any, instrumented: Telemetry) -> None:
    with spancost.attribution(feature="search", user="u1"):
        client.chat.complete(model="mistral-medium-latest", messages=MESSAGES)
    assert instrumented.attributes["spancost.feature"] == "search"
    assert instrumented.attributes["user.id"] == "u1"


def test_a_document_is_a_call_whose_pages_are_told_but_have_no_token_figures(
    client: Any, provider: Provider, instrumented: Telemetry
) -> None:
    provider.answer = {
        "pages": [{"index": 0, "markdown": "Hello", "images": [], "dimensions": None}],
        "model": "mistral-ocr-2505",
        "usage_info": {"pages_processed": 3, "doc_size_bytes": 1000},
    }
    document = {"type": "document_url", "document_url": "https://example.com/a.pdf"}
    client.ocr.process(model="mistral-ocr-latest", document=document)
    assert instrumented.span.name == "ocr mistral-ocr-latest"
    assert usage(instrumented) == {"spancost.usage.pages": 3}
    assert instrumented.attributes["gen_ai.response.model"] == "mistral-ocr-2505"


def test_judging_a_text_is_a_call(client: Any, provider: Provider, instrumented: Telemetry) -> None:
    provider.answer = {"id": "mod-1", "model": "mistral-moderation-2411", "results": []}
    client.classifiers.moderate(model="mistral-moderation-latest", inputs=["Hello"])
    client.classifiers.classify_chat(model="ours", input=[{"messages": MESSAGES}])
    assert [span.name for span in instrumented.spans] == ["moderation mistral-moderation-latest", "classification ours"]
    for span in instrumented.spans:
        assert (span.attributes or {})["gen_ai.response.model"] == "mistral-moderation-2411"
