"""Most chunks of a stream are told at a glance; none that says more than text is overlooked for it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types import RawContentBlockDeltaEvent, RawMessageDeltaEvent, RawMessageStartEvent
from google.genai import types
from openai.types.chat import ChatCompletionChunk

from spancost.sdks._anthropic.messages import MessageReading
from spancost.sdks._google_genai.content import GenerateContentReading
from spancost.sdks.openai.chat import ChatReading
from spancost.wire import answered, used

from .used import usage_in

if TYPE_CHECKING:
    from spancost.wire import QuickReading

ASKED: Any = SimpleNamespace(
    body={"messages": [{"role": "user", "content": "Twelve chars"}]},
    stream=True,
    endpoint=SimpleNamespace(provider="openai"),
)
"""What a chat asks: 16 characters, the role included."""


def overlooked(reading: QuickReading, first: object, *following: object) -> list[bool]:
    """For each chunk after the first, whether it was taken in at a glance and not read in full."""
    seen: list[object] = []

    def in_full(chunk: object) -> bool:
        seen.append(chunk)
        reading.add(chunk)
        return False

    reading.add(first)
    shows = reading.glance(in_full)
    told = [shows(chunk) for chunk in following]
    # What is read in full is also for others to judge whether it is shown.
    assert told == [not any(chunk is other for other in seen) for chunk in following]
    return told


def chat(delta: dict[str, Any], *, finish: str | None = None, **more: Any) -> Any:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    fields: dict[str, Any] = {"id": "c-1", "model": "gpt-5", "choices": [choice], **more}
    return ChatCompletionChunk.construct(None, **fields)


def test_text_of_a_chat_is_counted_at_a_glance() -> None:
    reading = ChatReading(ASKED)
    told = overlooked(
        reading, chat({"role": "assistant", "content": ""}), chat({"content": "12345"}), chat({"content": "678"})
    )
    assert told == [True, True]
    answer = reading.answer()
    assert (answer.attributes["gen_ai.response.model"], answer.attributes["gen_ai.response.id"]) == ("gpt-5", "c-1")
    assert usage_in(answer) == used(input_tokens=4, output_tokens=2, estimated=True)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(chat({"content": "1234"}, finish="stop"), id="its end"),
        pytest.param(chat({"content": "1234"}, usage={"prompt_tokens": 9}), id="usage so far"),
        pytest.param(chat({"content": "", "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}), id="a tool"),
        pytest.param(chat({"content": "", "refusal": "I will not"}), id="a refusal"),
        pytest.param(chat({"content": "", "reasoning_content": "Hm"}), id="reasoning of other servers"),
        pytest.param(chat({"content": "", "annotations": [{"type": "url_citation"}]}), id="citations"),
        pytest.param(chat({"content": None}), id="no text"),
        pytest.param(chat({"content": [{"type": "text", "text": "1234"}]}), id="text in parts"),
        pytest.param(chat({}, choices=[]), id="no choice"),
        pytest.param(chat({}, choices=[{"index": 0}, {"index": 1}]), id="two choices"),
        pytest.param({"choices": [{"delta": {"content": "1234"}}]}, id="JSON"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_chunk_of_a_chat_that_says_more_than_text_is_read_in_full(chunk: object) -> None:
    assert overlooked(ChatReading(ASKED), chat({"content": ""}), chunk) == [False]


def test_chunks_of_a_chat_are_read_in_full_until_one_says_whose_they_are() -> None:
    reading = ChatReading(ASKED)
    nameless = chat({"content": ""}, id="", model="", choices=[])
    assert overlooked(reading, nameless, chat({"content": "12"}), chat({"content": "34"})) == [False, True]
    assert reading.answer().attributes["gen_ai.response.id"] == "c-1"
    assert usage_in(reading.answer()) == used(input_tokens=4, output_tokens=1, estimated=True)


def test_a_citation_in_the_middle_of_a_stream_shows_that_a_search_ran() -> None:
    reading = ChatReading(ASKED)
    cited = chat({"content": "", "annotations": [{"type": "url_citation"}]})
    usage = {"prompt_tokens": 100, "completion_tokens": 20}
    overlooked(reading, chat({"content": ""}), chat({"content": "1234"}), cited, chat({}, choices=[], usage=usage))
    assert usage_in(reading.answer()) == used(input_tokens=100, output_tokens=20, units={"web_search": 1})


def started() -> Any:
    message = {"id": "msg_1", "model": "claude-sonnet-5", "usage": {"input_tokens": 10, "output_tokens": 1}}
    return RawMessageStartEvent.construct(
        type="message_start", message={"type": "message", "role": "assistant", **message}
    )


def added(**delta: str) -> Any:
    return RawContentBlockDeltaEvent.construct(type="content_block_delta", index=0, delta=delta)


def test_what_a_message_says_thinks_and_calls_is_counted_at_a_glance() -> None:
    reading = MessageReading()
    told = overlooked(
        reading,
        started(),
        added(type="text_delta", text="12345"),
        added(type="thinking_delta", thinking="678"),
        added(type="input_json_delta", partial_json="{}"),
    )
    assert told == [True, True, True]
    assert usage_in(reading.answer()) == used(input_tokens=10, output_tokens=3, estimated=True)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(added(type="signature_delta", signature="1234"), id="a signature"),
        pytest.param(added(type="text_delta"), id="no text"),
        pytest.param({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "1234"}}, id="JSON"),
        pytest.param(None, id="nothing"),
    ],
)
def test_any_other_event_of_a_message_is_read_in_full(event: object) -> None:
    assert overlooked(MessageReading(), started(), event) == [False]


def test_the_end_of_a_message_is_read_in_full() -> None:
    reading = MessageReading()
    end: Any = RawMessageDeltaEvent.construct(
        type="message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 25}
    )
    assert overlooked(reading, started(), added(type="text_delta", text="1234"), end) == [True, False]
    assert reading.answer().attributes["gen_ai.response.finish_reasons"] == ("end_turn",)
    assert usage_in(reading.answer()) == used(input_tokens=10, output_tokens=25)


NAMED: dict[str, Any] = {"modelVersion": "gemini-2.5-flash", "responseId": "resp-1"}


def content(said: str = "", **more: Any) -> types.HttpResponse:
    candidate = {"content": {"parts": [{"text": said}]}, **more.pop("candidate", {})}
    return types.HttpResponse(body=json.dumps({**NAMED, "candidates": [candidate], **more}))


def total(tokens: int) -> dict[str, int]:
    return {"promptTokenCount": 50, "candidatesTokenCount": tokens}


def test_the_last_of_the_totals_that_were_told_at_a_glance_counts_where_there_is_no_end() -> None:
    reading = GenerateContentReading()
    chunks = [content("some", usageMetadata=total(tokens)) for tokens in (3, 7)]
    assert overlooked(reading, content("more", usageMetadata=total(1)), *chunks, content("text")) == [True, True, True]
    assert reading.answer() == answered(
        model="gemini-2.5-flash", response_id="resp-1", usage=used(input_tokens=50, output_tokens=7)
    )


def test_searches_and_the_end_of_an_answer_are_not_overlooked() -> None:
    reading = GenerateContentReading()
    searched = content(candidate={"groundingMetadata": {"webSearchQueries": ["what a call costs", "since when"]}})
    end = content(candidate={"finishReason": "STOP"}, usageMetadata=total(9))
    overlooked(reading, content("some", usageMetadata=total(1)), searched, content("text", usageMetadata=total(4)), end)
    assert reading.answer().attributes["gen_ai.response.finish_reasons"] == ("STOP",)
    assert usage_in(reading.answer()) == used(input_tokens=50, output_tokens=9, units={"web_search": 2})


def test_a_chunk_without_a_body_is_somebody_elses_to_judge() -> None:
    reading = GenerateContentReading()
    assert overlooked(reading, content("some"), types.HttpResponse(body=None), object()) == [False, False]


def test_a_stream_that_nobody_named_yet_is_read_in_full() -> None:
    nameless = types.HttpResponse(body=json.dumps({"candidates": []}))
    assert overlooked(GenerateContentReading(), nameless, content("some")) == [False]
