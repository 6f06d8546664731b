"""How the calls of the cases are made with the providers' own SDKs, and which other library can make them."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import frameworks
import gateway
from asked import ASKED, BEDROCK, CLAUDE, EMBEDDING, GEMINI, GPT, MESSAGES, aws

if TYPE_CHECKING:
    from collections.abc import Callable

    from asked import Calls


def _openai(base: str, library: str = "openai") -> Calls:
    client: Any = import_module(library).OpenAI(base_url=f"{base}/v1", api_key="key", max_retries=0)
    chat: dict[str, Any] = {"model": GPT, "messages": MESSAGES, "service_tier": "flex"}
    response: dict[str, Any] = {"model": GPT, "input": ASKED, "service_tier": "flex"}
    usage = {"include_usage": True}
    return {
        "chat": lambda: client.chat.completions.create(**chat),
        "chat stream": lambda: list(client.chat.completions.create(**chat, stream=True, stream_options=usage)),
        "responses": lambda: client.responses.create(**response),
        "responses stream": lambda: list(client.responses.create(**response, stream=True)),
        "embeddings": lambda: client.embeddings.create(model=EMBEDDING, input=ASKED),
    }


def _anthropic(base: str) -> Calls:
    client: Any = import_module("anthropic").Anthropic(base_url=base, api_key="key", max_retries=0)
    asked: dict[str, Any] = {"model": CLAUDE, "messages": MESSAGES, "max_tokens": 200}
    return {
        "messages": lambda: client.messages.create(**asked),
        "messages stream": lambda: list(client.messages.create(**asked, stream=True)),
    }


def _bedrock(base: str) -> Calls:
    client = aws(base)
    asked: dict[str, Any] = {"modelId": BEDROCK, "messages": [{"role": "user", "content": [{"text": ASKED}]}]}
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 200, "messages": MESSAGES})
    invoked: dict[str, Any] = {"modelId": BEDROCK, "body": body}
    return {
        "converse": lambda: client.converse(**asked),
        "converse stream": lambda: list(client.converse_stream(**asked)["stream"]),
        "invoke": lambda: client.invoke_model(**invoked)["body"].read(),
        "invoke stream": lambda: list(client.invoke_model_with_response_stream(**invoked)["body"]),
    }


def _gemini(base: str) -> Calls:
    client: Any = import_module("google.genai").Client(api_key="key", http_options={"base_url": base})
    asked: dict[str, Any] = {"model": GEMINI, "contents": ASKED}
    return {
        "gemini": lambda: client.models.generate_content(**asked),
        "gemini stream": lambda: list(client.models.generate_content_stream(**asked)),
    }


def _langfuse(base: str) -> Calls:
    """Langfuse's version of OpenAI's SDK."""
    return _openai(base, "langfuse.openai")


class _Lazily(dict[str, "Callable[[], Any]"]):
    """The calls of several SDKs, of which only those are imported that a case asks for."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def __missing__(self, case: str) -> Callable[[], Any]:
        self.update(_SDK_OF[case.removesuffix(" stream")](self._base))
        return self[case]


_SDK_OF: dict[str, Callable[[str], Calls]] = {
    "messages": _anthropic,
    "converse": _bedrock,
    "invoke": _bedrock,
    "gemini": _gemini,
    "chat": _openai,
    "responses": _openai,
    "embeddings": _openai,
}

CLIENTS: dict[str, Callable[[str], Calls]] = {
    "sdks": _Lazily,
    "agent_framework": frameworks.agent_framework,
    "google_adk": frameworks.google_adk,
    "langfuse": _langfuse,
    "langchain": frameworks.langchain,
    "litellm": frameworks.litellm,
    "litellm_proxy": gateway.litellm_proxy,
    "pydantic_ai": frameworks.pydantic_ai,
    "semantic_kernel": frameworks.semantic_kernel,
    "strands": frameworks.strands,
}
