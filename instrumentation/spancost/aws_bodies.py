"""Answers of AWS clients whose body arrives after the call returned: event streams and bodies that the app reads.

`botocore` returns a dictionary with the stream inside. What is put in its place hands on the same events and the same
bytes when the app asks for them, and not before; the end of the body is the end of the call.
"""

from __future__ import annotations

from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, cast

from spancost.fields import count, pick
from spancost.streams import ObservedBody

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from spancost.streams import Observer

_MEMBERS: Final = ("stream", "body")
"""Where an answer has the part that is still to come."""
_STUBS: Final = frozenset({"builtins", "_io", "unittest.mock"})
"""Modules of what an app's stub or handler puts there instead: bytes, a buffer, a dictionary, a mock."""


def observed_answer(result: Any, observer: Observer) -> Any:
    """The same answer; where its body is still to come, with a body that is seen to arrive."""
    observer.read(result)
    member = next((name for name in _MEMBERS if name in result), None)
    if member is None or _is_stub(result[member]):
        observer.end()
    else:
        result[member] = _observed_body(result[member], observer, _length(result))
    return result


def _is_stub(body: object) -> bool:
    is_generator = isinstance(body, GeneratorType | AsyncGeneratorType)  # somebody's who looks at the events, too
    return type(body).__module__ in _STUBS and not is_generator


def _observed_body(body: Any, observer: Observer, length: int | None) -> Any:
    is_async = hasattr(cast("object", type(body)), "__aiter__")
    if not hasattr(body, "read"):
        return AsyncObservedEvents(body, observer) if is_async else ObservedEvents(body, observer)
    arriving = Arriving(observer, length)
    if is_async:
        return AsyncObservedBytes(body, observer, arriving)
    # Every way in which a sync body can be read ends at its source, the raw one that it lends out included.
    body._raw_stream = ObservedSource(body._raw_stream, observer, arriving)
    return body


def _length(answer: object) -> int | None:
    length = pick(answer, "ResponseMetadata", "HTTPHeaders", "content-length")
    return int(length) if isinstance(length, str) and length.isdecimal() else count(length)


class _Events(ObservedBody):
    """What sync and async event streams share."""

    def __del__(self) -> None:
        # A loop that was left is not the end: the app may go on with another.
        self._self_abandoned()

    def _self_stopped(self, error: BaseException) -> None:
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self._self_observer.end()
        else:
            self._self_observer.fail(error)


class ObservedEvents(_Events):
    """A sync event stream."""

    def __iter__(self) -> Iterator[Any]:
        events = iter(self.__wrapped__)
        while True:
            try:
                event = next(events)
            except BaseException as error:
                self._self_stopped(error)
                if isinstance(error, StopIteration):
                    return
                raise
            self._self_observer.read_chunk(event)
            yield event


class AsyncObservedEvents(_Events):
    """An async event stream."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        events = aiter(self.__wrapped__)
        while True:
            try:
                event = await anext(events)
            except BaseException as error:
                self._self_stopped(error)
                if isinstance(error, StopAsyncIteration):
                    return
                raise
            self._self_observer.read_chunk(event)
            yield event

    def __anext__(self) -> AsyncIterator[Any]:
        # As in aiobotocore, where this is the async generator that `__aiter__` returns.
        return self.__aiter__()


class Arriving:
    """The bytes of a body as far as they were read; tells the observer once they are complete."""

    def __init__(self, observer: Observer, length: int | None) -> None:
        self._observer = observer
        self._length = length
        self._pieces: list[bytes] = []
        self._arrived = 0

    def piece(self, piece: object, *, last: bool) -> None:
        """Some more bytes, or none at the end; `last` when the app asked for all there are."""
        if isinstance(piece, (bytes, bytearray)) and piece:
            self._pieces.append(bytes(piece))
            self._arrived += len(piece)
        else:
            last = True
        if last or self._arrived == self._length:
            pieces, self._pieces = self._pieces, []
            if pieces:
                self._observer.read(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            self._observer.end()


class _Bytes(ObservedBody):
    """What sync and async bodies share."""

    def __init__(self, wrapped: Any, observer: Observer, arriving: Arriving) -> None:
        super().__init__(wrapped, observer)
        self._self_arriving = arriving

    def __del__(self) -> None:
        self._self_abandoned()

    def _self_read(self, piece: Any, amount: object) -> Any:
        if amount != 0:
            self._self_arriving.piece(piece, last=amount is None or (isinstance(amount, int) and amount < 0))
        return piece

    def _self_read_into(self, buffer: Any, size: Any) -> Any:
        if len(buffer):
            self._self_arriving.piece(bytes(memoryview(buffer)[:size]), last=False)
        return size


class ObservedSource(_Bytes):
    """What a sync body reads from: the HTTP response."""

    def read(self, amt: Any = None, *args: Any, **kwargs: Any) -> Any:
        """At most `amt` bytes; all without."""
        try:
            piece = self.__wrapped__.read(amt, *args, **kwargs)
        except BaseException as error:
            self._self_observer.fail(error)
            raise
        return self._self_read(piece, amt)

    def readinto(self, b: Any) -> Any:
        """Fills a buffer."""
        try:
            size = self.__wrapped__.readinto(b)
        except BaseException as error:
            self._self_observer.fail(error)
            raise
        return self._self_read_into(b, size)

    def readlines(self, *args: Any) -> Any:
        """All lines."""
        try:
            lines = self.__wrapped__.readlines(*args)
        except BaseException as error:
            self._self_observer.fail(error)
            raise
        self._self_read(b"".join(lines), None)
        return lines


class AsyncObservedBytes(_Bytes):
    """An async body. What its class makes of `read` is made of ours."""

    @property
    def _self_class(self) -> Any:
        return cast("Any", type(self.__wrapped__))

    async def read(self, amt: Any = None) -> Any:
        """At most `amt` bytes; all without."""
        try:
            piece = await self.__wrapped__.read(amt)
        except BaseException as error:
            self._self_observer.fail(error)
            raise
        return self._self_read(piece, amt)

    async def readinto(self, b: Any) -> Any:
        """Fills a buffer."""
        try:
            size = await self.__wrapped__.readinto(b)
        except BaseException as error:
            self._self_observer.fail(error)
            raise
        return self._self_read_into(b, size)

    def iter_chunks(self, *args: Any, **kwargs: Any) -> Any:
        """The bytes in chunks."""
        return self._self_class.iter_chunks(self, *args, **kwargs)

    def iter_lines(self, *args: Any, **kwargs: Any) -> Any:
        """The bytes in lines."""
        return self._self_class.iter_lines(self, *args, **kwargs)

    def readlines(self) -> Any:
        """All lines."""
        return self._self_class.readlines(self)

    def __aiter__(self) -> Any:
        return self._self_class.__aiter__(self)

    def __anext__(self) -> Any:
        return self._self_class.__anext__(self)

    def anext(self) -> Any:
        """The next chunk."""
        return self.__anext__()

    async def __aenter__(self) -> AsyncObservedBytes:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> Any:
        try:
            return await self.__wrapped__.__aexit__(*exc_info)
        finally:
            self._self_observer.drop()
