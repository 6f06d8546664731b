"""The SDKs behind one face, so that a promise made for all of them is one test: every SDK, each sync and async.

Every method is a coroutine; a driver of a sync client just never waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import anthropic
import cohere
import openai
from cohere.core.api_error import ApiError
from google import genai
from google.genai import errors, types
from mistralai.client import Mistral
from mistralai.client.errors import MistralError
from mistralai.client.utils import BackoffStrategy, RetryConfig

from .older import transports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .provider import Provider

PROMPT = "a secret prompt"
_MESSAGES: Any = [{"role": "user", "content": PROMPT}]


@dataclass
class Driver(ABC):
    """An SDK's client, talking to the provider given."""

    provider: Provider

    error: type[Exception]
    stream_type: type[Any] | None
    """What a stream is an instance of, where that is public."""

    is_async: ClassVar[bool]
    retries_streams: ClassVar[bool] = True

    @abstractmethod
    def ask(self) -> Any:
        """Makes a plain call; of an async client, its coroutine."""

    @abstractmethod
    def ask_stream(self) -> Any:
        """Makes a streamed call; of an async client, its coroutine."""

    async def plain(self) -> Any:
        """The answer to a plain call."""
        return await self.ask() if self.is_async else self.ask()

    async def stream(self) -> Any:
        """An open stream."""
        return await self.ask_stream() if self.is_async else self.ask_stream()

    async def rest(self, stream: Any) -> list[Any]:
        """All chunks that are still to come."""
        return [chunk async for chunk in stream] if self.is_async else list(stream)

    async def one(self, stream: Any) -> Any:
        """The next chunk."""
        return await anext(stream) if self.is_async else next(stream)

    async def close(self, stream: Any) -> None:
        """Closes a stream before its end."""
        if not self.is_async:
            stream.close() if hasattr(stream, "close") else stream.__exit__(None, None, None)
        elif hasattr(stream, "aclose"):
            await stream.aclose()
        elif hasattr(stream, "close"):
            await stream.close()
        else:
            await stream.__aexit__(None, None, None)


class OpenAIDriver(Driver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider, openai.APIStatusError, openai.Stream)
        self.client: Any = openai.OpenAI(api_key="key", http_client=provider.client())

    is_async = False

    def ask(self) -> Any:
        return self.client.chat.completions.create(model="gpt-5", messages=_MESSAGES)

    def ask_stream(self) -> Any:
        return self.client.chat.completions.create(model="gpt-5", messages=_MESSAGES, stream=True)


class AsyncOpenAIDriver(OpenAIDriver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.stream_type = openai.AsyncStream
        self.client = openai.AsyncOpenAI(api_key="key", http_client=provider.async_client())

    is_async = True


class AnthropicDriver(Driver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider, anthropic.APIStatusError, anthropic.Stream)
        self.client: Any = anthropic.Anthropic(api_key="key", http_client=provider.client())

    is_async = False

    def ask(self) -> Any:
        return self.client.messages.create(model="claude-sonnet-5", max_tokens=64, messages=_MESSAGES)

    def ask_stream(self) -> Any:
        return self.client.messages.create(model="claude-sonnet-5", max_tokens=64, messages=_MESSAGES, stream=True)


class AsyncAnthropicDriver(AnthropicDriver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.stream_type = anthropic.AsyncStream
        self.client = anthropic.AsyncAnthropic(api_key="key", http_client=provider.async_client())

    is_async = True


class GoogleDriver(Driver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider, errors.APIError, None)
        retry = types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.001, jitter=0)
        options = types.HttpOptions(**transports(provider), retry_options=retry)
        self.client: Any = genai.Client(api_key="key", http_options=options)
        self.models: Any = self.client.models

    is_async = False

    def ask(self) -> Any:
        return self.models.generate_content(model="gemini-2.5-flash", contents=PROMPT)

    def ask_stream(self) -> Any:
        return self.models.generate_content_stream(model="gemini-2.5-flash", contents=PROMPT)


class AsyncGoogleDriver(GoogleDriver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.models = self.client.aio.models

    is_async = True


class MistralDriver(Driver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider, MistralError, None)
        backoff = BackoffStrategy(initial_interval=1, max_interval=1, exponent=1, max_elapsed_time=60_000)
        self.client: Any = Mistral(
            api_key="key",
            client=provider.client(),
            async_client=provider.async_client(),
            retry_config=RetryConfig("backoff", backoff, retry_connection_errors=False),
        )

    is_async = False

    def ask(self) -> Any:
        return self.client.chat.complete(model="mistral-medium-latest", messages=_MESSAGES)

    def ask_stream(self) -> Any:
        return self.client.chat.stream(model="mistral-medium-latest", messages=_MESSAGES)


class AsyncMistralDriver(MistralDriver):
    is_async = True

    def ask(self) -> Any:
        return self.client.chat.complete_async(model="mistral-medium-latest", messages=_MESSAGES)

    def ask_stream(self) -> Any:
        return self.client.chat.stream_async(model="mistral-medium-latest", messages=_MESSAGES)


class CohereDriver(Driver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider, ApiError, None)
        self.client: Any = cohere.ClientV2("key", httpx_client=provider.older_client())

    is_async = False
    retries_streams = False

    def ask(self) -> Any:
        return self.client.chat(model="command-a-03-2025", messages=_MESSAGES)

    def ask_stream(self) -> Any:
        return self.client.chat_stream(model="command-a-03-2025", messages=_MESSAGES)


class AsyncCohereDriver(CohereDriver):
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.client = cohere.AsyncClientV2("key", httpx_client=provider.older_async_client())

    is_async = True

    async def stream(self) -> Any:
        return self.ask_stream()  # an async generator, which nobody has to await


DRIVERS: Mapping[str, type[Any]] = {
    "openai": OpenAIDriver,
    "openai-async": AsyncOpenAIDriver,
    "anthropic": AnthropicDriver,
    "anthropic-async": AsyncAnthropicDriver,
    "google": GoogleDriver,
    "google-async": AsyncGoogleDriver,
    "mistral": MistralDriver,
    "mistral-async": AsyncMistralDriver,
    "cohere": CohereDriver,
    "cohere-async": AsyncCohereDriver,
}
