"""What is measured: plain and streamed calls of one SDK, and the least code that writes their span by hand."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WHO: Final = {"feature": "search", "user": "u42"}
PAYS: Final = {"spancost.feature": "search", "user.id": "u42"}
QUESTION: Final = "What does a call cost?"


class ByHand(Protocol):
    """Reads one SDK's answers for a span written by hand."""

    name: str
    start: ClassVar[dict[str, Any]]

    def read(self, answer: Any) -> dict[str, Any]: ...

    def note(self, chunk: Any) -> bool:
        """Takes in a chunk; False when it is there only because we asked for usage."""
        ...

    def noted(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Calls:
    """A client's two kinds of calls; of an async client, coroutines."""

    is_async: bool
    plain: Callable[[], Any]
    stream: Callable[[], Any]
    stream_with_usage: Callable[[], Any]
    """What has to be written by hand to get the usage of a stream."""
    by_hand: type[ByHand]
    ready: Callable[[int], Callable[[], Any]]
    """(text chunks) -> a stream of chunks that the SDK has made beforehand: nearly all it costs is who reads along."""


@dataclass(frozen=True)
class Sdk:
    """An SDK as the benchmark uses it."""

    name: str
    """As `spancost.instrument` has it."""
    title: str
    package: str
    """What is imported."""
    body: Callable[[int, bool], bytes]
    """(text chunks or 0 for a whole answer, whether usage was asked for) -> what the provider answers."""
    calls: Callable[[Provider, bool], Calls]
    """(who answers, whether async) -> calls of a new client of the SDK as it is imported now."""
    peers: dict[str, str]
    """Other instrumentations of it -> where their instrumentor is."""


@dataclass
class Provider:
    """Answers at once with bytes made beforehand; knows how long its streams are."""

    body: Callable[[int, bool], bytes]
    chunks: int = 0
    bodies: dict[tuple[int, bool], bytes] = field(default_factory=dict[tuple[int, bool], bytes])

    def answer(self, http: Any, request: Any) -> Any:
        path, asked = request.url.path, request.content
        streamed = b'"stream":true' in asked or b'"stream": true' in asked or ":stream" in path
        key = (self.chunks if streamed else 0, b"include_usage" in asked)
        if key not in self.bodies:
            self.bodies[key] = self.body(*key)
        kind = "text/event-stream" if streamed else "application/json"
        return http.Response(200, headers={"content-type": kind}, content=self.bodies[key])


def http_client(provider: Provider, module: str, is_async: bool) -> Any:
    """A client of the HTTP library that the SDK's `module` uses, which depends on its version; it opens no socket."""
    uses = vars(sys.modules[module])
    http: Any = uses.get("httpx2") or uses["httpx"]
    transport = http.MockTransport(lambda request: provider.answer(http, request))  # pyright: ignore[reportUnknownLambdaType]  # of either library
    return (http.AsyncClient if is_async else http.Client)(transport=transport)


def events(found: list[dict[str, Any]]) -> bytes:
    """Server-sent events."""
    names = (f"event: {event['type']}\n" if "type" in event else "" for event in found)
    return "".join(f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(names, found, strict=True)).encode()


async def arriving(chunks: list[Any]) -> AsyncIterator[Any]:
    """Chunks for an async stream."""
    for chunk in chunks:
        yield chunk


def refilled(stream: Callable[[], Any], chunks: list[Any], is_async: bool) -> Callable[[], Any]:
    """Makes a stream as `stream` does, an OpenAI or Anthropic one, but of these chunks."""

    def filled(made: Any) -> Any:
        made._iterator = arriving(chunks) if is_async else iter(chunks)
        return made

    async def awaited() -> Any:
        return filled(await stream())

    return awaited if is_async else lambda: filled(stream())
