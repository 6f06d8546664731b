"""The calls of the `openai` SDK beside chat: the method behind each recorded request, and websockets that replay."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from openai.resources.realtime.realtime import RealtimeConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .recordings import Recording

PATHS = {
    "responses": "/responses",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "images": "/images/generations",
    "transcription": "/audio/transcriptions",
    "assistants": "/threads",
}
"""Recorded API -> the path below the base URL that its requests start with."""
NOT_OPENAI_SHAPED = {
    "alephalpha": "Aleph Alpha's own API",
    "anthropic": "Anthropic's former completions, which its SDK no longer has",
    "cohere": "Cohere's own API and SDK",
    "fal": "fal's own API",
    "gemini": "Google's own API and SDK",
    "ollama": "Ollama's own API and SDK",
    "voyage": "Voyage's own API and SDK",
    "writer": "Writer's own API and SDK",
}


def call(client: Any, recording: Recording) -> None:
    """Makes the call of a recording and reads its answer to the end."""
    result = _CALLS[recording.api](client, recording, urlsplit(recording.url).path)
    if recording.streamed:
        for _ in result:
            pass


def _response(client: Any, recording: Recording, path: str) -> Any:
    identifier = path.rpartition("/responses")[2].strip("/")
    if identifier and recording.method == "GET":
        return client.responses.retrieve(identifier, stream=recording.streamed)
    fixed, rest = _split(recording, "input", "replayed")
    if identifier == "compact":
        return client.responses.compact(**fixed, extra_body=rest)
    return client.responses.create(**fixed, stream=recording.streamed, extra_body=rest)


def _completion(client: Any, recording: Recording, _: str) -> Any:
    fixed, rest = _split(recording, "prompt", "replayed")
    return client.completions.create(**fixed, stream=recording.streamed, extra_body=rest)


def _embedding(client: Any, recording: Recording, _: str) -> Any:
    fixed, rest = _split(recording, "input", "replayed")
    return client.embeddings.create(**fixed, extra_body=rest)


def _image(client: Any, recording: Recording, _: str) -> Any:
    if "image-edit" in recording.path:
        return client.images.edit(model=recording.model, prompt="replayed", image=("a.png", b"PNG"))
    fixed, rest = _split(recording, "prompt", "replayed")
    return client.images.generate(**fixed, extra_body=rest)


def _transcription(client: Any, recording: Recording, _: str) -> Any:
    return client.audio.transcriptions.create(model=recording.model, file=("a.wav", b"RIFF"))


def _assistant(client: Any, recording: Recording, path: str) -> Any:
    parts = path.partition("/v1/")[2].split("/")
    runs = client.beta.threads.runs
    match recording.method, parts:
        case "POST", ["threads", thread, "runs"]:
            assistant = recording.request["assistant_id"]
            return runs.create(thread, assistant_id=assistant, stream=recording.streamed)
        case "GET", ["threads", thread, "runs", run]:
            return runs.retrieve(run, thread_id=thread)
        case "GET", _:
            return client.get("/" + "/".join(parts), cast_to=object)
        case _:
            return client.post("/" + "/".join(parts), cast_to=object, body=dict(recording.request))


_CALLS: Mapping[str, Callable[[Any, Recording, str], Any]] = {
    "responses": _response,
    "completions": _completion,
    "embeddings": _embedding,
    "images": _image,
    "transcription": _transcription,
    "assistants": _assistant,
}


def _split(recording: Recording, prompt: str, otherwise: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the SDK's method insists on, and the rest of the recorded request."""
    body = dict(recording.request)
    body.pop("stream", None)
    return {"model": body.pop("model", recording.model), prompt: body.pop(prompt, otherwise)}, body


class Websocket:
    """A websocket that has received what was recorded."""

    def __init__(self, host: str) -> None:
        self.request = SimpleNamespace(path="/v1/realtime", headers={"Host": host})
        self.received: list[bytes] = []

    def recv(self, *, decode: bool) -> bytes:
        assert not decode
        return self.received.pop(0)


HOSTS = {"azure": "replayed.openai.azure.com", "openai": "api.openai.com", "pydantic_gateway": "gateway.pydantic.dev"}


class Listener:
    """A conversation: hears the recorded messages in their order, from one that reports usage to the next."""

    def __init__(self, recording: Recording) -> None:
        self._socket = Websocket(HOSTS[recording.provider])
        socket: Any = self._socket
        self._connection = RealtimeConnection(socket)

    def hear(self, recording: Recording) -> None:
        self._socket.received.extend(json.dumps(message).encode() for message in json.loads(recording.body))
        while self._socket.received:
            self._connection.recv()
