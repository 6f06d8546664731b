"""Work that would keep an event loop from everybody else, on threads that nobody waits for when the loop ends.

asyncio waits for threads of its own until they are done, and to read a request of many megabytes takes longer than a
receiver has to stop.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Aside:
    """Runs work beside an event loop, so much of it at the same time and no more."""

    def __init__(self, at_once: int) -> None:
        self._room = asyncio.Semaphore(at_once)

    async def __call__(self, work: Callable[..., Any], *arguments: object) -> Any:
        """The result of `work`. Whoever is cancelled waits no longer; the work goes on, and nobody hears of it."""
        result: Future[Any] = Future()
        result.set_running_or_notify_cancel()

        def run() -> None:
            try:
                result.set_result(work(*arguments))
            except BaseException as error:
                result.set_exception(error)

        async with self._room:
            Thread(target=run, name="spancost-aside", daemon=True).start()
            return await asyncio.wrap_future(result)
