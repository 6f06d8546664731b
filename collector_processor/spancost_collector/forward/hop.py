"""One next hop: another OTLP receiver that enriched requests go on to, several in one call.

Requests are concatenated, which is valid OTLP (repeated fields concatenate) and saves most of a call's fixed cost.
What a next hop answers is one of three things:

- taken: also where it reports a partial success; OTLP forbids sending again, so the spans it rejected are counted;
- unavailable: no connection, a deadline, or a fault in the set-up (credentials, a missing service) that resending
  survives once it is mended;
- rejected: it will never take these bytes. A concatenation that is rejected is sent again request by request, so
  only the sender of the offending one is refused, and is told why;
- too large: it would take less at once. After the single requests come their halves, so that one enormous span costs
  its neighbours nothing; spans that are too large alone are left out and counted.

Senders wait while a hop is asked, so patience is short and only for a hop that has just worked: it is asked again,
with growing pauses, for as long as the policy says. One that is known to be down is asked once for each group, and one
that says when to come back is not asked before. Where no sender waits there is patience for minutes; there each attempt
that fails is counted, as it is where a sender sends again.
"""

from __future__ import annotations

import logging
import math
import random
import time
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from spancost_collector.forward.halves import halves, spans_in
from spancost_collector.outcome import BUSY_SECONDS, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_log: Final = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS: Final = 300.0
"""A hop that asks for more is asked again after this."""
_LONGEST_REASON: Final = 300
"""Room for all that gRPC says of a certificate, whose fault it names last."""
_LONGEST_HINT_SECONDS: Final = 30
"""What a sender is told to wait at most: there is room in its queue for so much and no more."""


def one_line(said: str) -> str:
    """What a hop says, for logs and senders: they have a line for it."""
    shown = "".join(sign if sign.isprintable() else " " for sign in said[: 2 * _LONGEST_REASON])
    return " ".join(shown.split())[:_LONGEST_REASON]


class Taken(NamedTuple):
    """The hop has the spans, but for those it says it left out."""

    rejected_spans: int = 0
    message: str = ""
    """Why it left them out, or what it has to say where it left out none."""


class Failed(NamedTuple):
    """The hop does not have the spans."""

    kind: Literal["unavailable", "rejected", "too_large"]
    reason: str
    """Who said what, without a remedy."""
    retry_after_seconds: float | None = None
    """When the hop wants to be asked again; None where it did not say."""


class Transport(Protocol):
    """How requests reach the hop: `over_grpc` or `over_http`."""

    @property
    def name(self) -> str:
        """The hop's address, as logs and metrics show it."""
        ...

    def send(self, body: bytes) -> Taken | Failed:
        """Hand over one request; never raises."""
        ...

    def close(self) -> None:
        """Give up the connection; a call under way ends as unavailable."""
        ...


class HopCounts(Protocol):
    """Where a hop counts what was not taken."""

    def failed(self, requests: int) -> None:
        """The hop could not be asked, or could not take the requests now."""
        ...

    def rejected(self, requests: int) -> None:
        """The hop will never take the requests."""
        ...

    def rejected_spans(self, spans: int) -> None:
        """The hop took a request except for so many spans."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an unavailable hop is asked again."""

    total_seconds: float
    """From the first attempt; 0 asks once."""
    first_pause_seconds: float
    longest_pause_seconds: float
    when_down: bool = False
    """Whether a hop that did not answer the last time gets as much; a waiting sender cannot afford that."""


BRIEF: Final = Patience(total_seconds=1.0, first_pause_seconds=0.05, longest_pause_seconds=0.4)
"""For hops that the acknowledgement waits for: outlasts a restarted connection, not an outage."""


class Hop:
    """Sends requests to one next hop; used by one thread."""

    def __init__(
        self,
        transport: Transport,
        *,
        counts: HopCounts,
        max_bytes: int,
        patience: Patience = BRIEF,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = transport.name
        self._transport = transport
        self._counts = counts
        self._max_bytes = max_bytes
        self._patience = patience
        self._clock = clock
        self._closed = Event()
        self._working = True
        self._not_before = 0.0
        self._last_said: str | None = None

    def __call__(self, bodies: Sequence[bytes]) -> list[Refusal | None]:
        """Send `bodies` on; one answer for each, None where the hop took it."""
        answers: list[Refusal | None] = []
        for chunk in self._chunks(bodies):
            answers += self._send_together(chunk, answers[-1] if answers else None)
        self._count(answers)
        return answers

    def check(self) -> Refusal | None:
        """Why the hop would not take a request at this moment, found out with an empty one."""
        resting = self._resting()
        if resting is not None:
            return resting
        answer = self._transport.send(b"")
        # A hop that objects to an empty request is there, and knows us.
        return self._unavailable(answer) if isinstance(answer, Failed) and answer.kind == "unavailable" else None

    def close(self) -> None:
        """Give up the connection and every pause; a call under way ends as unavailable."""
        self._closed.set()
        self._transport.close()

    def _chunks(self, bodies: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        start, size = 0, 0
        for index, body in enumerate(bodies):
            if index > start and size + len(body) > self._max_bytes:
                yield bodies[start:index]
                start, size = index, 0
            size += len(body)
        if bodies:
            yield bodies[start:]

    def _send_together(self, bodies: Sequence[bytes], last: Refusal | None) -> list[Refusal | None]:
        """The answers to `bodies` after one that was answered with `last`."""
        if last is not None and last.kind == "unavailable":  # nor will it take the rest, and its senders wait
            return [last] * len(bodies)
        refusal = self._send(b"".join(bodies), len(bodies))
        if refusal is not None and refusal.kind == "too_large" and len(bodies) == 1:
            return [self._send_halves(bodies[0], refusal)]
        if refusal is None or refusal.kind == "unavailable" or len(bodies) == 1:
            return [refusal] * len(bodies)
        answers: list[Refusal | None] = []
        for body in bodies:
            answers += self._send_together([body], answers[-1] if answers else None)
        return answers

    def _send_halves(self, body: bytes, too_large: Refusal) -> Refusal | None:
        """The answer to a request that is too large for the hop; taken where any of its spans was."""
        parts = halves(body)
        if parts is None:
            return too_large
        answers: list[Refusal | None] = []
        for part in parts:
            answer = self._send(part)
            if answer is not None and answer.kind == "too_large":
                answer = self._send_halves(part, answer)
            if answer is not None and answer.kind == "unavailable":
                return answer  # the sender sends all of it again
            answers.append(answer)
        if None not in answers:
            return answers[0]
        for part, answer in zip(parts, answers, strict=True):
            if answer is not None:
                self._leave_out(spans_in(part), answer.reason.removeprefix(f"next hop {self.name}: "))
        return None

    def _send(self, body: bytes, requests: int = 1) -> Refusal | None:
        patience = self._patience
        resting = self._resting()
        if resting is not None and not (patience.when_down and self._has_rested()):
            return resting
        asked_again_until = self._clock()
        if self._working or patience.when_down:
            asked_again_until += patience.total_seconds
        pause = patience.first_pause_seconds
        while True:
            answer = self._transport.send(body)
            if isinstance(answer, Taken):
                self._works(True, "takes requests again")
                self._read_partial_success(answer)
                return None
            if answer.kind != "unavailable":
                self._works(True, "takes requests again")
                return Refusal(answer.kind, f"next hop {self.name}: {answer.reason}; it will not take this request")
            wait = max(pause * random.uniform(0.5, 1.0), answer.retry_after_seconds or 0.0)
            gives_up = self._clock() + wait > asked_again_until
            if patience.when_down and not gives_up:  # that may take minutes, and no sender is refused meanwhile
                self._works(False, f"takes no requests: {answer.reason}")
                self._counts.failed(requests)
            if gives_up or self._closed.wait(wait):
                self._works(False, f"takes no requests: {answer.reason}")
                self._rest(answer.retry_after_seconds)
                return self._unavailable(answer)
            pause = min(pause * 2, patience.longest_pause_seconds)

    def _works(self, working: bool, what: str) -> None:
        """Logs where an outage begins and where it ends, and nothing in between."""
        if working is not self._working:
            self._working = working
            _log.log(logging.INFO if working else logging.WARNING, "next hop %s: %s", self.name, what)

    def _rest(self, seconds: float | None) -> None:
        if seconds is not None:
            self._not_before = self._clock() + min(seconds, _LONGEST_PAUSE_SECONDS)

    def _resting(self) -> Refusal | None:
        left = self._not_before - self._clock()
        if left <= 0:
            return None
        reason = f"next hop {self.name}: asked for a pause, {left:.1f} s of it left; send again"
        return Refusal("unavailable", reason, _hint(left))

    def _has_rested(self) -> bool:
        """Waits for the end of the pause that the hop asked for; False where the hop was closed meanwhile."""
        return not self._closed.wait(max(0.0, self._not_before - self._clock()))

    def _unavailable(self, answer: Failed) -> Refusal:
        reason = f"next hop {self.name}: {answer.reason}; send again"
        return Refusal("unavailable", reason, _hint(answer.retry_after_seconds))

    def _read_partial_success(self, taken: Taken) -> None:
        if taken.rejected_spans > 0:
            self._leave_out(taken.rejected_spans, taken.message)
        elif taken.message:
            self._say("took a request and says", taken.message)

    def _leave_out(self, spans: int, reason: str) -> None:
        self._counts.rejected_spans(spans)
        self._say(f"{spans} spans not taken", reason)

    def _say(self, what: str, reason: str) -> None:
        """Logs a reason once, however often it is given."""
        if reason != self._last_said:
            self._last_said = reason
            _log.warning("next hop %s: %s: %s", self.name, what, reason)

    def _count(self, answers: Sequence[Refusal | None]) -> None:
        failed = sum(1 for answer in answers if answer is not None and answer.kind == "unavailable")
        rejected = sum(1 for answer in answers if answer is not None and answer.kind != "unavailable")
        if failed:
            self._counts.failed(failed)
        if rejected:
            self._counts.rejected(rejected)


def _hint(seconds: float | None) -> int | None:
    """When a sender should try again, whole seconds as HTTP wants them; None where the hop did not say."""
    return None if seconds is None else max(BUSY_SECONDS, math.ceil(min(seconds, _LONGEST_HINT_SECONDS)))
