"""Plays a recording: the real SDK makes the call it was recorded from, and gets the recorded answer.

Clients are made once per address and share one stage; the recording that is on it is what any request is answered
with, so the SDKs' retries are off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import anthropic
import httpx2
import openai
from botocore.parsers import ResponseParserError
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from . import bedrock_calls, google_calls, openai_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from .recordings import Recording

HOSTS = {
    "azure": "https://replayed.openai.azure.com/openai/v1",
    "alibaba": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "deepseek": "https://api.deepseek.com",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "open_responses": "http://127.0.0.1:1234/v1",
    "openai": "https://api.openai.com/v1",
    "perplexity": "https://api.perplexity.ai",
    "xai": "https://api.x.ai/v1",
}
"""Where a provider's recording without a URL was made."""

NOT_OPENAI_SHAPED = {
    "cohere": "Cohere's own chat API and SDK",
    "ollama": "Ollama's own chat API and SDK",
    "writer": "Writer's own chat API and SDK",
}
_END = "/chat/completions"


class NotCoveredError(Exception):
    """No SDK that is instrumented makes this call; says which does."""


class Player:
    """The SDKs' clients, and the one recording that they are answered from."""

    def __init__(self) -> None:
        self._recording: Recording | None = None
        self._clients: dict[str, Any] = {}
        self._listeners: dict[str, openai_calls.Listener] = {}

    def play(self, recording: Recording) -> None:
        """Makes the call and reads its answer to the end; the SDK's own errors pass through."""
        self._recording = recording
        if recording.superseded:
            raise NotCoveredError("another answer was kept under the same name")
        if recording.path.startswith("xai_sdk/"):
            raise NotCoveredError("xAI's gRPC SDK")
        if "enum-encoding" in recording.url:
            raise NotCoveredError("recorded with integer enums, which the SDK neither asks for nor reads")
        if recording.status == 200 and not recording.body.strip():
            raise NotCoveredError("the recorded body is empty")
        if recording.provider == "gemini" and recording.api in google_calls.APIS:
            google_calls.call(self._gemini(False), recording)
            return
        if (recording.provider, recording.api) == ("anthropic", "completions"):
            self._completion(recording)
            return
        match recording.api:
            case "messages":
                self._message(recording)
            case "generate_content":
                self._content(recording)
            case "chat":
                self._chat(recording)
            case "realtime":
                self._conversation(recording)
            case "converse" | "invoke":
                self._bedrock(recording)
            case _:
                self._openai_call(recording)

    def _on_stage(self) -> Recording:
        assert self._recording is not None
        return self._recording

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        recording = self._on_stage()
        headers = {"content-type": recording.content_type}
        return httpx2.Response(recording.status, headers=headers, stream=_Body(recording.body), request=request)

    def _client(self, key: str, make: Callable[[httpx2.Client], Any]) -> Any:
        if key not in self._clients:
            self._clients[key] = make(httpx2.Client(transport=httpx2.MockTransport(self._answer)))
        return self._clients[key]

    def _chat(self, recording: Recording) -> None:
        if recording.provider in NOT_OPENAI_SHAPED:
            raise NotCoveredError(NOT_OPENAI_SHAPED[recording.provider])
        body = dict(recording.request)
        fixed: dict[str, Any] = {
            "model": body.pop("model", recording.model),
            "messages": body.pop("messages", [{"role": "user", "content": "replayed"}]),
            "stream": recording.streamed,
            "extra_body": {name: value for name, value in body.items() if name != "stream"},
        }
        completions: Any = self._openai(recording).chat.completions
        result = completions.create(**fixed)
        if recording.streamed:
            for _ in result:
                pass

    def _openai_call(self, recording: Recording) -> None:
        if recording.provider in openai_calls.NOT_OPENAI_SHAPED:
            raise NotCoveredError(openai_calls.NOT_OPENAI_SHAPED[recording.provider])
        openai_calls.call(self._openai(recording, openai_calls.PATHS[recording.api]), recording)

    def _bedrock(self, recording: Recording) -> None:
        endpoint = bedrock_calls.endpoint_of(recording)
        if endpoint not in self._clients:
            self._clients[endpoint] = bedrock_calls.client(self._on_stage, endpoint)
        try:
            bedrock_calls.call(self._clients[endpoint], recording)
        except ResponseParserError as error:
            raise NotCoveredError("content blocks that botocore refuses to read, with or without us") from error

    def _conversation(self, recording: Recording) -> None:
        usage = recording.usage or {}
        if "promptTokenCount" in usage:
            # The gateway passes on to Vertex AI, whose words for the same are others.
            google_calls.converse(self._gemini(recording.provider != "gemini"), recording)
            return
        if recording.path not in self._listeners:
            self._listeners[recording.path] = openai_calls.Listener(recording)
        self._listeners[recording.path].hear(recording)

    def _openai(self, recording: Recording, end: str = _END) -> openai.OpenAI:
        url = urlsplit(recording.url or HOSTS[recording.provider] + end)
        origin = f"{url.scheme}://{url.netloc}"
        if recording.provider == "azure":
            version = parse_qs(url.query).get("api-version", ["2024-10-21"])[0]
            return self._client(
                f"azure {origin} {version}",
                lambda http: openai.AzureOpenAI(
                    azure_endpoint=origin, api_version=version, api_key="key", max_retries=0, http_client=http
                ),
            )
        base = origin + url.path.rpartition(end)[0]
        return self._client(
            base, lambda http: openai.OpenAI(base_url=base, api_key="key", max_retries=0, http_client=http)
        )

    def _completion(self, recording: Recording) -> None:
        """The first API, which the SDK has no method for any more."""
        body = {"prompt": "replayed", "max_tokens_to_sample": 1, **recording.request, "model": recording.model}
        self._anthropic().post("/v1/complete", cast_to=object, body=body)

    def _anthropic(self) -> Any:
        return self._client(
            "anthropic", lambda http: anthropic.Anthropic(api_key="key", max_retries=0, http_client=http)
        )

    def _message(self, recording: Recording) -> None:
        client: Any = self._anthropic()
        body = dict(recording.request)
        fixed: dict[str, Any] = {
            "model": body.pop("model", recording.model),
            "messages": body.pop("messages", [{"role": "user", "content": "replayed"}]),
            "max_tokens": body.pop("max_tokens", 1024),
            "stream": recording.streamed,
            "extra_body": {name: value for name, value in body.items() if name != "stream"},
            "timeout": 60,
        }
        beta = "beta=true" in recording.url
        messages = client.beta.messages if beta else client.messages
        result = messages.create(**fixed)
        if recording.streamed:
            for _ in result:
                pass

    def _content(self, recording: Recording) -> None:
        models: Any = self._gemini(recording.provider == "vertex").models
        contents = recording.request.get("contents")
        asked: Any = [types.Content.model_validate(turn) for turn in contents] if contents else "replayed"
        if recording.streamed:
            for _ in models.generate_content_stream(model=recording.model, contents=asked):
                pass
        else:
            models.generate_content(model=recording.model, contents=asked)

    def _gemini(self, vertex: bool) -> genai.Client:
        def make(http: httpx2.Client) -> genai.Client:
            options = types.HttpOptions(httpx_client=http)
            if not vertex:
                return genai.Client(api_key="key", http_options=options)
            credentials: Any = Credentials(token="token")
            return genai.Client(
                vertexai=True, project="p", location="global", credentials=credentials, http_options=options
            )

        return self._client(f"gemini {vertex}", make)


class _Body(httpx2.SyncByteStream):
    """Arrives in pieces, as from a network: the client has to read it to have it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Any:
        for start in range(0, len(self._body), 4096):
            yield self._body[start : start + 4096]
