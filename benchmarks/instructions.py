"""What instrumentation adds to a call in instructions of the processor, beside a span written by hand.

Time varies with what else a machine does by more than what is measured here; instructions vary by a few in a thousand
of the bare call. Valgrind's cachegrind counts those of many calls in a row, and how often code and data were not in the
first caches that it simulates.
Each contender runs in a process of its own, once with few calls and once with many: the difference is the calls.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Final, NamedTuple

from overhead import anthropic_messages, google_content, openai_chat
from overhead.contenders import Contender, Hand, Spancost
from overhead.measuring import SHORT, Entry, Scenario, check
from overhead.scenario import Provider

SDKS: Final = {module.SDK.name: module.SDK for module in (openai_chat, anthropic_messages, google_content)}
CONTENDERS: Final = {"bare": lambda: Contender("bare"), "by hand": Hand, "spancost": Spancost}
FEW: Final = 20
MANY: Final = 120
CACHES: Final = ("--I1=32768,8,64", "--D1=32768,8,64", "--LL=1048576,16,64")
_FIGURE: Final = re.compile(r"== (I +refs|I1 +misses|D1 +misses): +([\d,]+)")


class Counts(NamedTuple):
    """What calls took."""

    instructions: float
    code_misses: float
    data_misses: float

    def over(self, other: Counts) -> Counts:
        return Counts(*(ours - theirs for ours, theirs in zip(self, other, strict=True)))


class Kind(NamedTuple):
    """A scenario, as the command line has it."""

    sdk: str
    streamed: bool
    is_async: bool

    def entry(self, contender: Contender) -> tuple[Scenario, Entry]:
        sdk = SDKS[self.sdk]
        provider = Provider(sdk.body, SHORT)
        calls = contender.prepare(sdk, provider)[self.is_async]
        return Scenario(sdk, provider, self.streamed, self.is_async), Entry(contender, calls)


def make(kind: Kind, name: str, calls: int) -> None:
    """Makes the calls, and nothing after them."""
    scenario, entry = kind.entry(CONTENDERS[name]())
    call = scenario.call(entry)
    gc.disable()
    with entry.contender.turn(scenario.sdk):
        for _ in range(calls):
            call()
            entry.contender.exporter.clear()
    os._exit(0)  # what an interpreter does at its end would be counted


def counted(kind: Kind, name: str, calls: int) -> Counts:
    """What a process of its own takes, with all that it does before the calls."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=yes", "--cachegrind-out-file=/dev/null", *CACHES]
    command += [sys.executable, __file__, kind.sdk, "--contender", name, "--calls", str(calls)]
    command += ["--streamed"] * kind.streamed + ["--async"] * kind.is_async
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    figures = [float(figure.replace(",", "")) for _, figure in _FIGURE.findall(done.stderr)]
    if done.returncode or len(figures) != len(Counts._fields):
        sys.exit(f"cachegrind failed: {done.stderr[-2000:]}")
    return Counts(*figures)


def compare(kind: Kind) -> None:
    """Prints what a call takes by hand and with spancost, over the bare SDK."""
    entries = [kind.entry(contender()) for contender in CONTENDERS.values()]
    check(entries[0][0], *(entry for _, entry in entries))
    runs = [(name, calls) for name in CONTENDERS for calls in (FEW, MANY)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        totals = dict(zip(runs, threads.map(counted, repeat(kind), *zip(*runs, strict=True)), strict=True))
    a_call = {
        name: Counts(*(total / (MANY - FEW) for total in totals[name, MANY].over(totals[name, FEW])))
        for name in CONTENDERS
    }
    bare = a_call["bare"]
    hand = a_call["by hand"].over(bare)
    print(f"\n{entries[0][0].name}: the bare call takes {bare.instructions:,.0f} instructions")
    for name in ("by hand", "spancost"):
        more = a_call[name].over(bare)
        said = [f"{figure:+11,.0f} {figure / base:5.2f} x" for figure, base in zip(more, hand, strict=True)]
        print(f"  {name:<9} {said[0]}, not cached: code {said[1]}, data {said[2]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sdk", nargs="?", choices=SDKS, help="only this SDK")
    parser.add_argument("--async", action="store_true", dest="is_async", help="its async client")
    parser.add_argument("--streamed", action="store_true", help="only streams; without, calls and streams")
    parser.add_argument("--contender", choices=CONTENDERS, help="make calls, to be counted")
    parser.add_argument("--calls", type=int, default=FEW)
    given = parser.parse_args()
    if given.contender:
        make(Kind(given.sdk, given.streamed, given.is_async), given.contender, given.calls)
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not installed; it is in the package of this name of Debian and others")
    for sdk in [given.sdk] if given.sdk else SDKS:
        for streamed in [True] if given.streamed else [False, True]:
            compare(Kind(sdk, streamed, given.is_async))


if __name__ == "__main__":
    main()
