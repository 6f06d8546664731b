"""A next hop that answers as a test tells it, and what is counted of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spancost_collector.forward.hop import Failed, Patience, Taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_collector.outcome import Refusal

DOWN = Failed("unavailable", "nobody there")
NEVER = Failed("rejected", "not OTLP")
TAKEN = Taken()
ONCE = Patience(total_seconds=0.0, first_pause_seconds=0.0, longest_pause_seconds=0.0)


@dataclass
class Counts:
    failures: int = 0
    refusals: int = 0
    spans: int = 0

    def failed(self, requests: int) -> None:
        self.failures += requests

    def rejected(self, requests: int) -> None:
        self.refusals += requests

    def rejected_spans(self, spans: int) -> None:
        self.spans += spans


@dataclass
class Script:
    """A transport that answers as it is told and remembers what was taken."""

    answer: Callable[[bytes], Taken | Failed] = lambda _body: TAKEN
    name: str = "next:4317"
    asked: list[bytes] = field(default_factory=list[bytes])
    taken: list[bytes] = field(default_factory=list[bytes])
    closed: bool = False

    def send(self, body: bytes) -> Taken | Failed:
        self.asked.append(body)
        answer = DOWN if self.closed else self.answer(body)
        if isinstance(answer, Taken):
            self.taken.append(body)
        return answer

    def close(self) -> None:
        self.closed = True


def kinds(answers: list[Refusal | None]) -> list[str | None]:
    return [answer and answer.kind for answer in answers]
