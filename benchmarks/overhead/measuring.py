"""Running a scenario and timing it: contenders take turns, and each is compared with the bare SDK of the same round.

What is timed is the processor time of single calls. Of a turn the fastest is kept, because whatever else the machine
does only ever makes a call slower; of all rounds the median and the quartiles.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .contenders import Contender
    from .scenario import ByHand, Calls, Provider, Sdk

CALLS: Final = 8
"""Timed calls of a turn."""
WARM: Final = 3
"""Calls before them."""
SHORT: Final = 10
LONG: Final = 210
READY: Final = 2010
"""Text chunks of a short stream, and of long ones: what these take longer is what a chunk costs."""
LOOP: Final = asyncio.new_event_loop()

Turns = dict[str, list[float]]
"""Contender -> the µs of a call in each round."""


class Entry(NamedTuple):
    """A contender that is ready to take turns."""

    contender: Contender
    calls: Calls


class Over(NamedTuple):
    """How many µs more than the bare SDK: the quartiles of the differences within a round."""

    lower: float
    median: float
    upper: float


@dataclass(frozen=True)
class Scenario:
    """An SDK's plain or streamed calls, sync or async."""

    sdk: Sdk
    provider: Provider
    streamed: bool
    is_async: bool

    @property
    def name(self) -> str:
        kind = "stream" if self.streamed else "plain"
        return f"{self.sdk.title}, {kind}, {'async' if self.is_async else 'sync'}"

    def call(self, entry: Entry) -> Callable[[], int]:
        """Makes one call; returns how many answers or chunks the app got."""
        make = entry.contender.stream(entry.calls) if self.streamed else entry.contender.plain(entry.calls)

        def call() -> int:
            if not self.streamed:
                make()
                return 1
            return sum(1 for _ in make())

        async def awaited() -> int:
            if not self.streamed:
                await make()
                return 1
            stream = await make() if entry.contender.awaits_stream else make()
            return len([chunk async for chunk in stream])

        return (lambda: LOOP.run_until_complete(awaited())) if self.is_async else call

    def captured(self, entry: Entry) -> dict[str, Any]:
        """The attributes of the one span of a call; empty when there is not exactly one."""
        contender = entry.contender
        contender.exporter.clear()
        with contender.turn(self.sdk):
            self.call(entry)()
        spans = contender.exporter.get_finished_spans()
        contender.exporter.clear()
        return dict(spans[0].attributes or {}) if len(spans) == 1 else {}


def check(scenario: Scenario, bare: Entry, hand: Entry, ours: Entry) -> None:
    """The app gets the same from all three; ours has every attribute that was written by hand, with its value."""
    scenario.provider.chunks = SHORT
    got: list[int] = []
    for entry in (bare, hand, ours):
        with entry.contender.turn(scenario.sdk):
            got.append(scenario.call(entry)())
    assert got[0] == got[1] == got[2], (scenario.name, got)
    assert scenario.captured(bare) == {}
    written, seen = scenario.captured(hand), scenario.captured(ours)
    if scenario.streamed:
        assert written.pop("gen_ai.response.time_to_first_chunk") > 0
        assert seen.pop("gen_ai.response.time_to_first_chunk") > 0
    assert written == seen, (scenario.name, set(written.items()) ^ set(seen.items()))


def turns(scenario: Scenario, entries: list[Entry], rounds: int, chunks: int) -> Turns:
    """What a call took in each round; the order changes from round to round."""
    scenario.provider.chunks = chunks
    found: Turns = {entry.contender.name: [] for entry in entries}
    made = [scenario.call(entry) for entry in entries]
    for number in range(rounds):
        for step in range(len(entries)):
            index = (number + step) % len(entries)
            contender = entries[index].contender
            with contender.turn(scenario.sdk):
                found[contender.name].append(_turn(made[index]))
            contender.exporter.clear()
    return found


def _turn(call: Callable[[], int]) -> float:
    for _ in range(WARM):
        call()
    gc.collect()  # so that nobody pays for what another has left behind
    times: list[int] = []
    for _ in range(CALLS):
        began = time.thread_time_ns()
        call()
        times.append(time.thread_time_ns() - began)
    return min(times) / 1000


def steps(scenario: Scenario, entry: Entry, chunks: int) -> int:
    """How many instructions the interpreter carries out for a call: the same on every machine, however busy.

    What is done in C, such as validating or parsing, counts as the one instruction that asks for it.
    """
    scenario.provider.chunks = chunks
    call, taken = scenario.call(entry), 0

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        nonlocal taken
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        taken += event == "opcode"
        return trace

    with entry.contender.turn(scenario.sdk):
        call()
        call()
        gc.collect()
        sys.settrace(trace)
        try:
            call()
        finally:
            sys.settrace(None)
    entry.contender.exporter.clear()
    return taken


def over(times: list[float], bare: list[float]) -> Over:
    lower, median, upper = statistics.quantiles([ours - theirs for ours, theirs in zip(times, bare, strict=True)])
    return Over(lower, median, upper)


def chunk_times(scenario: Scenario, entries: list[Entry], rounds: int) -> dict[str, float]:
    """Contender -> the least µs that a chunk took in any round, over the bare SDK; it was made beforehand.

    To make a chunk takes a hundred times what it takes to look at one, and varies by more than that.
    """
    scenario.provider.chunks = SHORT
    times: dict[int, Turns] = {}
    for chunks in (SHORT, READY):
        ready: list[Entry] = []
        for entry in entries:
            with entry.contender.turn(scenario.sdk):
                stream = entry.calls.ready(chunks)
            calls = replace(entry.calls, stream=stream, stream_with_usage=stream, by_hand=_notes(entry.calls.by_hand))
            ready.append(Entry(entry.contender, calls))
        times[chunks] = turns(scenario, ready, rounds, SHORT)
    each = {name: (min(times[READY][name]) - min(short)) / (READY - SHORT) for name, short in times[SHORT].items()}
    return {name: taken - each["bare"] for name, taken in each.items()}


def _notes(by_hand: type[ByHand]) -> type[ByHand]:
    """The same way to read a stream, without what it makes of it at the end."""
    return type(by_hand.__name__, (by_hand,), {"noted": lambda _: {}})  # pyright: ignore[reportUnknownLambdaType]  # itself
