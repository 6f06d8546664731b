"""Streams that an SDK opens as a context manager: the call is made when it is entered, not when it is asked for.

`with client.stream(...) as response: for event in response.data` is one call, from the entering to the last event,
the leaving or an error, whichever comes first. One that is never entered is no call at all.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from spancost.invocation import Invocation
from spancost.streams import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost.instrumentor import Recorder


def opens(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around a function whose result makes the call when it is entered, and then has the events as its `data`."""

    def shell(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return Opening(original(self, *args, **kwargs), lambda: _begun(recorder, self, args, kwargs))

    return shell


def _begun(recorder: Recorder, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Invocation | None:
    begun = recorder.begin(instance, args, kwargs)
    return begun if isinstance(begun, Invocation) else None


class Opening(Proxy):
    """The SDK's context manager, sync or async."""

    def __init__(self, wrapped: Any, begin: Callable[[], Invocation | None]) -> None:
        super().__init__(wrapped)
        self._self_begin = begin
        self._self_invocation: Invocation | None = None

    def __copy__(self) -> Any:
        return Opening(copy.copy(self.__wrapped__), self._self_begin)

    def __enter__(self) -> Any:
        self._self_invocation = invocation = self._self_begin()
        if invocation is None:
            return self.__wrapped__.__enter__()
        try:
            invocation.enter()
            try:
                response = self.__wrapped__.__enter__()
            finally:
                invocation.leave()
        except BaseException as error:
            invocation.fail(error)
            raise
        return _opened(response, invocation)

    async def __aenter__(self) -> Any:
        self._self_invocation = invocation = self._self_begin()
        if invocation is None:
            return await self.__wrapped__.__aenter__()
        try:
            invocation.enter()
            try:
                response = await self.__wrapped__.__aenter__()
            finally:
                invocation.leave()
        except BaseException as error:
            invocation.fail(error)
            raise
        return _opened(response, invocation)

    def __exit__(self, *exc_info: Any) -> Any:
        try:
            return self.__wrapped__.__exit__(*exc_info)
        finally:
            self._self_left()

    async def __aexit__(self, *exc_info: Any) -> Any:
        try:
            return await self.__wrapped__.__aexit__(*exc_info)
        finally:
            self._self_left()

    def _self_left(self) -> None:
        if self._self_invocation is not None:
            self._self_invocation.drop()


def _opened(response: Any, invocation: Invocation) -> OpenResponse:
    invocation.read(response)
    return OpenResponse(response, invocation.settle(response.data))


class OpenResponse(Proxy):
    """The SDK's response, whose events are observed."""

    def __init__(self, wrapped: Any, data: Any) -> None:
        super().__init__(wrapped)
        self._self_data = data

    def __copy__(self) -> Any:
        return OpenResponse(copy.copy(self.__wrapped__), self._self_data)

    @property
    def data(self) -> Any:
        """The events."""
        return self._self_data
