"""Google's other APIs, called as they were when they were recorded: interactions, embeddings, caches, live sessions."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from google.genai import live, types

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from google import genai

    from .recordings import Recording

APIS = frozenset({"caches", "embeddings", "interactions"})


def call(client: genai.Client, recording: Recording) -> None:
    """Makes the call and reads its answer to the end."""
    sdk: Any = client
    match recording.api:
        case "interactions":
            body = {
                name: value for name, value in recording.request.items() if name not in ("model", "input", "stream")
            }
            result = sdk.interactions.create(
                model=recording.model, input="replayed", stream=recording.streamed, extra_body=body
            )
            if recording.streamed:
                for _ in result:
                    pass
        case "caches":
            config = types.CreateCachedContentConfig(contents="replayed", ttl="300s")
            sdk.caches.create(model=recording.model, config=config)
        case _:
            requests: list[dict[str, Any]] = recording.request.get("requests") or []
            texts: list[str] = [part["text"] for request in requests for part in request["content"]["parts"]]
            sdk.models.embed_content(model=recording.model, contents=texts or ["replayed"])


def converse(client: genai.Client, recording: Recording) -> None:
    """Listens to a turn of a live session."""
    asyncio.run(_listen(client, recording.model, json.loads(recording.body)))


async def _listen(client: genai.Client, model: str, messages: list[Any]) -> None:
    said = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    if not any("setupComplete" in message for message in said[:1]):
        said.insert(0, json.dumps({"setupComplete": {}}))
    connection = _Connection(said)

    @asynccontextmanager
    async def connect(*_: Any, **__: Any) -> AsyncGenerator[_Connection]:
        yield connection

    with mock.patch.object(live, "ws_connect", connect):
        async with client.aio.live.connect(model=model) as session:
            while connection.messages:
                async for _ in session.receive():
                    if not connection.messages:
                        break


class _Connection:
    """A websocket to the recorded server."""

    def __init__(self, messages: list[str]) -> None:
        self.messages = messages

    async def send(self, _: str) -> None:
        """What is said was recorded already."""

    async def recv(self, decode: bool | None = None) -> bytes:
        return self.messages.pop(0).encode()
