"""Answers that the app reads as bytes, text or lines: understood on the side, while the app gets them as they come.

An SDK's raw response leaves the reading to the app. The same pieces are put together here once more, into the events
or the object that they spell; whatever is no JSON, or too large to be an answer with figures in it, is let go.
"""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from spancost.streams import Observer

_MAX_CHARACTERS: Final = 64 * 1024 * 1024
"""What is kept of a body that is one object: embeddings by the thousand fit, videos do not."""
NO_JSON: Final = (ValueError, RecursionError)
"""What comes of characters that spell nothing, or something nested beyond reason."""


class _Spelt(Protocol):
    """What a body's characters spell."""

    def feed(self, characters: str) -> None: ...

    def finish(self) -> None: ...


class _Events:
    """Server-sent events, each told as soon as it is complete."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._line = ""
        self._data: list[str] = []

    def feed(self, characters: str) -> None:
        *lines, self._line = (self._line + characters).split("\n")
        for line in lines:
            self._take(line.removesuffix("\r"))

    def finish(self) -> None:
        self._take(self._line)
        self._take("")

    def _take(self, line: str) -> None:
        if line.startswith("data:"):
            self._data.append(line[5:])
        elif not line and self._data:
            event = _json("\n".join(self._data))
            self._data.clear()
            if event is not None:
                self._observer.read_chunk(event)


class _Lines:
    """One JSON object a line."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._line = ""
        self._told = False

    def feed(self, characters: str) -> None:
        *lines, self._line = (self._line + characters).split("\n")
        for line in lines:
            self._take(line)
        if len(self._line) > _MAX_CHARACTERS:
            self._line = ""

    def finish(self) -> None:
        self._take(self._line)
        if not self._told:
            self._observer.read(None)  # sound, say: there was an answer, and it says nothing

    def _take(self, line: str) -> None:
        if line.lstrip().startswith("{") and (value := _json(line)) is not None:
            self._told = True
            self._observer.read_chunk(value)


class _Whole:
    """One JSON object."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._parts: list[str] = []
        self._length = 0

    def feed(self, characters: str) -> None:
        self._length += len(characters)
        if self._length <= _MAX_CHARACTERS:
            self._parts.append(characters)

    def finish(self) -> None:
        if self._length <= _MAX_CHARACTERS and (value := _json("".join(self._parts))) is not None:
            self._observer.read(value)


class Body:
    """A body on its way to the app."""

    def __init__(self, content_type: str, observer: Observer) -> None:
        self._observer = observer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._spelt: _Spelt = _Lines(observer)
        if "event-stream" in content_type:
            self._spelt = _Events(observer)
        elif "application/json" in content_type:
            self._spelt = _Whole(observer)

    def take(self, whole: bytes) -> None:
        """A body that is there already."""
        self._feed(whole, "")
        self._finish()

    def pieces(self, pieces: Iterator[str | bytes], end: str = "") -> Iterator[str | bytes]:
        """Hands on what arrives; each piece is followed by `end` in the body."""
        try:
            for piece in pieces:
                self._feed(piece, end)
                yield piece
        except GeneratorExit:
            raise  # the app may read on in another loop
        except BaseException as error:
            self._observer.fail(error)
            raise
        self._finish()

    async def async_pieces(self, pieces: AsyncIterator[str | bytes], end: str = "") -> AsyncIterator[str | bytes]:
        """The same for async code."""
        try:
            async for piece in pieces:
                self._feed(piece, end)
                yield piece
        except GeneratorExit:
            raise  # the app may read on in another loop
        except BaseException as error:
            self._observer.fail(error)
            raise
        self._finish()

    def _feed(self, piece: str | bytes, end: str) -> None:
        self._spelt.feed((self._decoder.decode(piece) if isinstance(piece, bytes) else piece) + end)

    def _finish(self) -> None:
        self._spelt.finish()
        self._observer.end()


def json_lines(content: bytes) -> Iterator[object]:
    """The values of a file that has one a line. What is wrong with a line is raised after the last one, for all."""
    wrong: Exception | None = None
    for line in filter(bytes.strip, content.splitlines()):
        try:
            value = json.loads(line)
        except NO_JSON as error:
            wrong = error
        else:
            yield value
    if wrong is not None:
        raise wrong


def _json(characters: str) -> object:
    """The value that is spelt; None when it is none."""
    try:
        return json.loads(characters)
    except NO_JSON:
        return None
