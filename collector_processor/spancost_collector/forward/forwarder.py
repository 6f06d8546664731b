"""The next hops together: what an acknowledgement waits for, and what follows it.

A request is taken when every required hop has taken it. They are asked at the same time, so the slowest decides how
long a sender waits and none adds to another. Where one cannot take it now, its sender is asked to send again and the
others get it twice: every hop has every span at least once, which is what OTLP promises anyway. Only where all have
answered and one refuses for good does the sender hear that. Best-effort hops get what was acknowledged, and only then.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spancost_collector.forward.best_effort import BestEffort
    from spancost_collector.forward.hop import Hop
    from spancost_collector.outcome import Refusal


class Forwarder:
    """Hands requests to all next hops."""

    def __init__(self, required: Sequence[Hop], best_effort: Sequence[BestEffort] = ()) -> None:
        self._required = tuple(required)
        self._best_effort = tuple(best_effort)
        self._threads = ThreadPoolExecutor(max(1, len(self._required)), thread_name_prefix="spancost-forward")
        self._ask: Callable[[Sequence[bytes]], list[Refusal | None]]
        match self._required:
            case ():
                self._ask = _ask_nobody
            case (only,):
                self._ask = only
            case _:
                self._ask = self._ask_all

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Send `bodies` on; one answer for each, None where all that are required took it."""
        answers = self._ask(bodies)
        if self._best_effort:
            taken = [body for body, answer in zip(bodies, answers, strict=True) if answer is None]
            for hop in self._best_effort:
                hop.offer(taken)
        return answers

    def check(self) -> Refusal | None:
        """Why a required hop would not take a request at this moment; None when all would."""
        for hop in self._required:
            problem = hop.check()
            if problem is not None:
                return problem
        return None

    def hurry(self) -> None:
        """Give up the connections to the required hops: whatever is under way or still comes ends as unavailable."""
        for hop in self._required:
            hop.close()

    def stop(self, grace: float) -> None:
        """Let the best-effort hops have what waits for them within `grace` seconds, then close everything."""
        deadline = time.monotonic() + grace
        self.hurry()
        for hop in self._best_effort:
            hop.finish()  # all at once, so that one which is away leaves the others their time
        for hop in self._best_effort:
            hop.stop(deadline - time.monotonic())
        self._threads.shutdown()

    def _ask_all(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        asked = [self._threads.submit(hop, bodies) for hop in self._required]
        return [_together(answers) for answers in zip(*(one.result() for one in asked), strict=True)]


def _ask_nobody(bodies: Sequence[bytes]) -> list[Refusal | None]:
    return [None] * len(bodies)


def _together(answers: Sequence[Refusal | None]) -> Refusal | None:
    """The answer of all hops to one request: sent again while anyone may still take it, and final only after that."""
    refusals = [answer for answer in answers if answer is not None]
    return next((refusal for refusal in refusals if refusal.kind == "unavailable"), refusals[0] if refusals else None)
