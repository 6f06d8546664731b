"""A request is taken apart the same way in every provider's shape, and what cannot be counted is said."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from pydantic import BaseModel

from spancost_pricing import ConfigError
from spancost_pricing.prompt import Prompt, read_prompt

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"


@pytest.mark.parametrize(
    "request_body",
    [
        pytest.param(
            {
                "model": "gpt-5",
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}],
                "tools": [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}],
                "temperature": 0.5,
                "max_completion_tokens": 10,
            },
            id="openai chat",
        ),
        pytest.param(
            {
                "model": "gpt-5",
                "instructions": "Be brief.",
                "input": [{"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]}],
                "tools": [{"type": "function", "name": "weather", "parameters": PARAMETERS}],
                "metadata": {"ticket": "7"},
            },
            id="openai responses",
        ),
        pytest.param(
            {
                "model": "claude-sonnet-5",
                "system": [{"type": "text", "text": "Be brief."}],
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Weather?"}]}],
                "tools": [{"name": "weather", "input_schema": PARAMETERS}],
                "thinking": {"type": "enabled", "budget_tokens": 1024},
            },
            id="anthropic",
        ),
        pytest.param(
            {
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "contents": [{"role": "user", "parts": [{"text": "Weather?"}]}],
                "tools": [{"functionDeclarations": [{"name": "weather", "parameters": PARAMETERS}]}],
                "generationConfig": {"maxOutputTokens": 10},
            },
            id="gemini over http",
        ),
        pytest.param(
            {
                "contents": "Weather?",
                "config": {
                    "system_instruction": "Be brief.",
                    "tools": [{"function_declarations": [{"name": "weather", "parameters": PARAMETERS}]}],
                },
            },
            id="gemini sdk",
        ),
        pytest.param(
            {
                "system": [{"text": "Be brief."}],
                "messages": [{"role": "user", "content": [{"text": "Weather?"}]}],
                "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": PARAMETERS}}}]},
                "inferenceConfig": {"maxTokens": 10},
            },
            id="bedrock converse",
        ),
    ],
)
def test_every_provider_s_shape_says_the_same(request_body: dict[str, Any]) -> None:
    found = read_prompt(request_body)

    assert sorted(found.texts) == ["Be brief.", "Weather?"]
    assert (found.messages, found.tools, len(found.structures)) == (2, 1, 1)
    assert "city" in found.structures[0]
    assert found.open_ended == []


def test_a_text_is_one_message() -> None:
    assert read_prompt("Hello") == Prompt(texts=["Hello"], messages=1)


def test_a_list_and_a_single_message_are_prompts_too() -> None:
    message = {"role": "user", "content": "Hello"}

    assert read_prompt([message, message]).messages == 2
    assert read_prompt(message).texts == ["Hello"]
    assert read_prompt({"messages": deque([message])}).texts == ["Hello"]


def test_calls_and_their_results_are_structure() -> None:
    found = read_prompt(
        [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "function": {"name": "weather"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
            {
                "role": "user",
                "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Bonn"}}],
            },
        ]
    )

    assert found.texts == ["Rain", "weather"]
    assert found.structures == ['[{"id":"call_1","function":{"name":"weather"}}]', '{"city":"Bonn"}']


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"type": "image_url", "image_url": {"url": PIXEL}}, id="openai chat"),
        pytest.param({"type": "input_image", "image_url": PIXEL}, id="openai responses"),
        pytest.param({"type": "image", "source": {"type": "base64", "data": "iVBORw0KGgo"}}, id="anthropic"),
        pytest.param({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo"}}, id="gemini"),
        pytest.param({"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}, id="bedrock"),
        pytest.param({"text": PIXEL}, id="data url"),
    ],
)
def test_an_image_leaves_the_input_without_an_upper_bound_and_is_not_read_as_text(part: dict[str, Any]) -> None:
    found = read_prompt([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}])

    assert len(found.open_ended) == 1
    assert "depend on its size" in found.open_ended[0]
    assert (found.texts, found.structures, found.hidden) == (["What is it?"], [], [])


@pytest.mark.parametrize(
    "field",
    [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"cachedContent": "cachedContents/1"}],
    ids=lambda field: next(iter(field)),
)
def test_what_the_provider_keeps_leaves_the_input_without_an_upper_bound(field: dict[str, str]) -> None:
    assert len(read_prompt({"input": "Hello", **field}).open_ended) == 1


@pytest.mark.parametrize(
    ("tool", "searches"),
    [
        ({"type": "web_search_20250305", "name": "web_search", "max_uses": 5}, {"web_search": 5}),
        ({"type": "web_search"}, {"web_search": None}),
        ({"type": "web_fetch_20250910", "name": "web_fetch"}, {"web_fetch": None}),
        ({"googleSearch": {}}, {"web_search": None}),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, {}),
        ({"type": "mcp", "server_label": "docs"}, {}),
    ],
)
def test_a_tool_of_the_provider_s_own_adds_what_it_finds(tool: dict[str, Any], searches: dict[str, int | None]) -> None:
    found = read_prompt({"contents": "Hello", "tools": [tool]})

    assert found.searches == searches
    assert len(found.open_ended) == 1


def test_a_tool_that_the_caller_runs_adds_nothing_by_itself() -> None:
    found = read_prompt({"messages": [], "tools": [{"type": "bash_20250124", "name": "bash"}]})

    assert (found.tools, found.client_tools, found.open_ended) == (1, 1, [])


def test_earlier_reasoning_may_be_read_again_or_not() -> None:
    found = read_prompt(
        [{"role": "assistant", "content": [{"type": "thinking", "thinking": "Hmm", "signature": "AQ"}]}]
    )

    assert (found.texts, found.hidden) == ([], ["Hmm", "AQ"])


def test_a_schema_for_the_answer_is_part_of_the_prompt() -> None:
    format_ = {"type": "json_schema", "json_schema": {"name": "answer", "schema": PARAMETERS}}

    found = read_prompt({"messages": [], "response_format": format_})

    assert found.schemas == 1
    assert "city" in found.structures[0]


def test_an_unheard_of_field_is_counted_rather_than_missed() -> None:
    assert read_prompt({"messages": [], "knowledge": [{"fact": "Bonn is wet"}]}).structures == [
        '[{"fact":"Bonn is wet"}]'
    ]


def test_marks_for_the_cache_are_seen_wherever_they_stand() -> None:
    marked = {"messages": [{"content": [{"text": "a"}, {"cachePoint": {"type": "default"}}]}]}
    for_an_hour = {"messages": [], "system": [{"text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}

    assert read_prompt(marked).cache_writes == {"5m"}
    assert read_prompt(for_an_hour).cache_writes == {"1h"}
    assert read_prompt([]).cache_writes == frozenset()
    assert read_prompt("Hello").cache_writes is None


class Message(BaseModel):
    """As the SDKs' own answers are, which programs put back into the next request."""

    role: str
    content: str | None
    tool_calls: list[dict[str, str]] | None = None


class Weather(BaseModel):
    """The form of an answer, as the SDKs take it."""

    city: str


class NotGiven:
    """What an SDK puts where nothing is given."""


def test_objects_of_the_sdks_are_read_as_what_is_sent_for_them() -> None:
    answer = Message(role="assistant", content="Rain", tool_calls=[{"name": "weather"}])
    body = {
        "messages": [{"role": "user", "content": "Weather?"}, answer],
        "tools": NotGiven(),
        "max_tokens": NotGiven(),
    }

    found = read_prompt({**body, "response_format": Weather})

    assert found.texts == ["Weather?", "Rain"]
    assert found.structures[0] == '[{"name":"weather"}]'
    assert (found.messages, found.schemas, found.open_ended) == (2, 1, [])
    assert '"city"' in found.structures[1]
    assert found.settings["max_tokens"] is None


@pytest.mark.parametrize(
    ("part", "kind"),
    [(b"\x89PNG", "bytes"), (object(), "object"), ({"uri": "files/1", "mime_type": "application/pdf"}, "file")],
)
def test_what_cannot_be_read_is_said_and_not_taken_for_nothing(part: object, kind: str) -> None:
    found = read_prompt({"contents": ["What is it?", part]})

    assert found.texts == ["What is it?"]
    assert found.open_ended == [f"the tokens of {kind} content depend on its size, which is not looked at"]


def test_a_tool_that_is_a_function_leaves_the_input_without_an_upper_bound() -> None:
    assert read_prompt({"contents": "Hi", "config": {"tools": [len]}}).open_ended == [
        "the SDK describes a tool that is given as a function, which is not looked at"
    ]


@pytest.mark.parametrize("odd", [{("a", "b"): 1}, {"type": ["text"], "text": "x"}], ids=repr)
def test_odd_keys_and_types_are_no_crash(odd: object) -> None:
    assert read_prompt({"messages": [odd], "tools": [{"function": odd}]}).tools == 1


def test_searching_of_chat_models_is_a_tool_with_a_fee() -> None:
    found = read_prompt({"messages": [], "web_search_options": {}})

    assert (found.searches, len(found.open_ended)) == ({"web_search": None}, 1)


@pytest.mark.parametrize(
    ("prompt", "prompts"), [("a", 1), (["a", "b", "c"], 3), ([[1, 2], [3]], 2), ([1, 2, 3], 1), ([], 1)], ids=str
)
def test_each_prompt_of_a_list_is_answered(prompt: object, prompts: int) -> None:
    assert read_prompt({"prompt": prompt}).prompts == prompts


@pytest.mark.parametrize("prompt", [None, 7, b"bytes", {"temperature": 1}], ids=repr)
def test_what_is_no_prompt_is_refused(prompt: object) -> None:
    with pytest.raises(ConfigError, match="expected a text, a list of messages or a request body"):
        read_prompt(prompt)


def test_a_prompt_nested_beyond_reason_is_refused_and_not_a_crash() -> None:
    nested: object = "x"
    for _ in range(100_000):
        nested = [nested]

    with pytest.raises(ConfigError, match="nested too deeply"):
        read_prompt({"messages": nested})
