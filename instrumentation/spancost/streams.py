"""Streams and raw responses that end their call's span, and look like the SDK's own in every other way.

A chunk is handed on the moment it arrives and as the object it was. The proxies keep type checks, attributes and
laziness of what they wrap; the sync and the async one share all but the `await`.
"""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import wrapt

from spancost.bodies import NO_JSON, Body
from spancost.fields import MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from spancost.wire import Shows

    _Proxy: TypeAlias = wrapt.ObjectProxy[Any]
else:
    # The leaner one, of wrapt 2 on: with it an async stream does not pass for something to iterate over.
    _Proxy = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)


class Chunks(Protocol):
    """Who is told of the chunks of a stream."""

    unsent: bool
    """Whether the SDK may not have sent its request yet: some do for the first chunk."""

    def enter(self) -> None:
        """The SDK begins to work for a request that is unsent."""
        ...

    def leave(self) -> None:
        """The SDK returns from that."""
        ...

    def read_chunk(self, chunk: object) -> bool:
        """A part of an answer that arrives in parts; False when the app did not ask for it."""
        ...

    def following(self) -> Shows:
        """What to give the chunks after the first to, in place of `read_chunk`."""
        ...

    def end(self) -> None:
        """Nothing more will come."""
        ...

    def drop(self) -> None:
        """Nobody reads on; told wherever that comes about, in the garbage collector too."""
        ...

    def fail(self, error: BaseException) -> None:
        """Reading on failed."""
        ...


class Observer(Chunks, Protocol):
    """Who is told of everything that arrives: a call in flight, or whoever collects answers to earlier calls."""

    def read(self, part: object) -> None:
        """A part of an answer that is no chunk of a stream."""
        ...

    def complete(self, answer: object) -> None:
        """A whole answer: nothing more will come."""
        ...


def relayed(begin: Callable[[], Iterator[Any]], observer: Chunks) -> Iterator[Any]:
    """The elements of what `begin` gives, which nobody sees: what is in its place needs no more than they."""
    try:
        elements = begin()
        observer.enter()
        try:
            first = next(elements)
        finally:
            observer.leave()
        if observer.read_chunk(first):
            yield first
        yield from filter(observer.following(), elements)
    except StopIteration:
        observer.end()
    except GeneratorExit:
        observer.drop()
        raise
    except BaseException as error:
        observer.fail(error)
        raise
    else:
        observer.end()


def observed(result: Any, observer: Observer) -> Any:
    """What the caller gets for `result`: the same object when it is complete, or a proxy that sees the rest arrive."""
    if not hasattr(result, MODEL):
        if hasattr(result, "generator"):
            # The SDK takes this stream apart and puts generators of its own into it.
            result.generator = observed(result.generator, observer)
            result.response = ObservedBody(result.response, observer)
            return result
        if hasattr(result, "__next__"):
            return (EitherObservedStream if hasattr(result, "__anext__") else ObservedStream)(result, observer)
        if hasattr(result, "__anext__"):
            return AsyncObservedStream(result, observer)
        if hasattr(result, "http_version"):
            return _observed_raw(result, observer)
    observer.complete(result)
    return result


class Proxy(_Proxy):
    """What every proxy shares: it is shown, copied and pickled as the object that it stands for."""

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class _Observed(Proxy):
    """A proxy that knows the call of its object, and ends it when the object is closed."""

    _self_before: object = None
    """Another proxy that reads from the same source, kept here so that it lives as long as this one."""

    def __init__(self, wrapped: Any, observer: Observer) -> None:
        super().__init__(wrapped)
        self._self_observer = observer

    def __copy__(self) -> Any:
        copied = type(self)(copy.copy(self.__wrapped__), self._self_observer)
        copied._self_before = self
        return copied

    # Properties, so that a name exists only where the SDK's own object has it.
    @property
    def close(self) -> Callable[..., Any]:
        """The object's own `close`, which also ends the call."""
        return _followed_by(self.__wrapped__.close, self._self_closed)

    @close.setter
    def close(self, instead: Callable[..., Any]) -> None:
        """Others put a `close` of their own in its place, and call the one before."""
        self.__wrapped__.close = instead

    @property
    def aclose(self) -> Callable[..., Any]:
        """The object's own `aclose`, which also ends the call."""
        return _followed_by(self.__wrapped__.aclose, self._self_closed)

    @aclose.setter
    def aclose(self, instead: Callable[..., Any]) -> None:
        """The same."""
        self.__wrapped__.aclose = instead

    def _self_closed(self) -> None:
        self._self_observer.drop()

    def _self_abandoned(self) -> None:
        """Nobody refers to this proxy any more: nobody will read on, unless somebody has the one before it."""
        if self._self_before is None:
            self._self_observer.drop()


def _followed_by(close: Callable[..., Any], end: Callable[[], None]) -> Callable[..., Any]:
    """`close`, then `end`; at once or when awaited, as `close` has it."""

    def closing(*args: Any, **kwargs: Any) -> Any:
        try:
            result = close(*args, **kwargs)
        except BaseException:
            end()
            raise
        if inspect.isawaitable(result):
            return _awaited(result, end)
        end()
        return result

    return closing


async def _awaited(result: Awaitable[Any], end: Callable[[], None]) -> Any:
    try:
        return await result
    finally:
        end()


class ObservedBody(_Observed):
    """The HTTP response under a stream: some helpers of the SDKs close it instead of the stream."""


class _ObservedChunks(_Observed):
    """What sync and async streams share."""

    _self_body: ObservedBody | None = None

    def __del__(self) -> None:
        self._self_abandoned()

    @property
    def response(self) -> Any:
        """The stream's HTTP response."""
        response = self.__wrapped__.response
        if response is None:
            return None
        if self._self_body is None or self._self_body.__wrapped__ is not response:
            self._self_body = ObservedBody(response, self._self_observer)
        return self._self_body

    def _self_stopped(self, error: BaseException) -> None:
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self._self_observer.end()
        elif isinstance(error, GeneratorExit):
            self._self_observer.drop()
        else:
            self._self_observer.fail(error)


class ObservedStream(_ObservedChunks):
    """A sync stream."""

    def __next__(self) -> Any:
        observer = self._self_observer
        while True:
            try:
                if observer.unsent:
                    observer.enter()
                    try:
                        chunk = self.__wrapped__.__next__()
                    finally:
                        observer.leave()
                else:
                    chunk = self.__wrapped__.__next__()
            except BaseException as error:
                self._self_stopped(error)
                raise
            if observer.read_chunk(chunk):
                return chunk

    def __iter__(self) -> Iterator[Any]:
        try:
            chunk = self.__next__()
        except StopIteration:
            return
        yield chunk
        # The same for the rest, in the few steps that fit between two chunks.
        observer = self._self_observer
        try:
            yield from filter(observer.following(), self.__wrapped__)
        except GeneratorExit:
            raise  # the app may read on in another loop
        except BaseException as error:
            observer.fail(error)
            raise
        observer.end()

    def __enter__(self) -> ObservedStream:
        self.__wrapped__.__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> Any:
        try:
            return self.__wrapped__.__exit__(*exc_info)
        finally:
            self._self_observer.drop()


class AsyncObservedStream(_ObservedChunks):
    """An async stream."""

    async def __anext__(self) -> Any:
        observer = self._self_observer
        while True:
            try:
                if observer.unsent:
                    observer.enter()
                    try:
                        chunk = await self.__wrapped__.__anext__()
                    finally:
                        observer.leave()
                else:
                    chunk = await self.__wrapped__.__anext__()
            except BaseException as error:
                self._self_stopped(error)
                raise
            if observer.read_chunk(chunk):
                return chunk

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            chunk = await self.__anext__()
        except StopAsyncIteration:
            return
        yield chunk
        observer = self._self_observer
        shows = observer.following()
        try:
            async for chunk in self.__wrapped__:
                if shows(chunk):
                    yield chunk
        except GeneratorExit:
            raise  # the app may read on in another loop
        except BaseException as error:
            observer.fail(error)
            raise
        observer.end()

    async def __aenter__(self) -> AsyncObservedStream:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> Any:
        try:
            return await self.__wrapped__.__aexit__(*exc_info)
        finally:
            self._self_observer.drop()


class EitherObservedStream(ObservedStream, AsyncObservedStream):
    """A stream that sync and async code read alike."""


def _observed_raw(result: Any, observer: Observer) -> Any:
    """A raw response: at once when its body is there already, else when the caller reads it."""
    response = getattr(result, "http_response", None)
    if response is None:  # the HTTP response itself, which an app can ask for
        if not _read_body(result, observer):
            observer.complete(None)
        return result
    streams = "text/event-stream" in response.headers.get("content-type", "")
    return result if not streams and _read_body(response, observer) else RawResponse(result, observer)


def _read_body(response: Any, observer: Observer) -> bool:
    """Ends the call with a body that has been read; False when it has not."""
    if not hasattr(response, "_content"):
        return False
    try:
        whole: object = response.json()
    except NO_JSON:
        body = Body(response.headers.get("content-type", ""), observer)
        body.take(response.content)
        return True
    observer.complete(whole)
    return True


class RawResponse(_Observed):
    """A raw response whose body is still to come: `parse` gives an observed stream, `close` ends the call."""

    def __init__(self, wrapped: Any, observer: Observer) -> None:
        super().__init__(wrapped, observer)
        self._self_parsed: tuple[Any, Any] | None = None

    def __del__(self) -> None:
        # What `parse` gave may live on, and ends the call itself.
        if self._self_parsed is None:
            self._self_abandoned()

    @property
    def iter_bytes(self) -> Callable[..., Any]:
        """The body as bytes."""
        return self._self_read(self.__wrapped__.iter_bytes)

    @property
    def iter_text(self) -> Callable[..., Any]:
        """The body as text."""
        return self._self_read(self.__wrapped__.iter_text)

    @property
    def iter_lines(self) -> Callable[..., Any]:
        """The body in lines."""
        return self._self_read(self.__wrapped__.iter_lines, end="\n")

    def _self_read(self, iterate: Callable[..., Any], end: str = "") -> Callable[..., Any]:
        def reading(*args: Any, **kwargs: Any) -> Any:
            pieces = iterate(*args, **kwargs)
            body = Body(self.__wrapped__.http_response.headers.get("content-type", ""), self._self_observer)
            together = body.async_pieces if hasattr(pieces, "__anext__") else body.pieces
            return together(pieces, end)

        return reading

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """What the SDK makes of the body."""
        parsed = self.__wrapped__.parse(*args, **kwargs)
        return self._self_later(parsed) if inspect.isawaitable(parsed) else self._self_seen(parsed)

    async def _self_later(self, parsed: Awaitable[Any]) -> Any:
        return self._self_seen(await parsed)

    def _self_seen(self, parsed: Any) -> Any:
        # The SDK answers a second `parse` from its cache; so do we, or a stream would be counted twice.
        before = self._self_parsed
        if before is None or before[0] is not parsed:
            seen = observed(parsed, self._self_observer)
            if before is not None and isinstance(seen, _Observed):
                # Somebody put his own stream around the SDK's: what we gave before lives on, or it would end the call.
                seen._self_before = before[1]
            self._self_parsed = before = (parsed, seen)
        return before[1]

    def _self_closed(self) -> None:
        if self._self_parsed is not None or not _read_body(self.__wrapped__.http_response, self._self_observer):
            # There was an answer, even if nobody kept what it said.
            self._self_observer.complete(None)
