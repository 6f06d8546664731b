"""What instrumentation adds to a call and to a chunk, beside a span written by hand with the same attributes.

One process, no network: the real SDKs talk to a transport that answers from memory. Contenders take turns in short
rounds and are compared with the bare SDK of the same round; what each captured is checked before anything is timed.
`--peers` measures other instrumentations too, each in an environment of its own that is made for it.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from overhead import anthropic_messages, google_content, openai_chat
from overhead.contenders import Contender, Hand, Peer, Spancost
from overhead.measuring import CALLS, LONG, LOOP, READY, SHORT, Entry, Scenario, check, chunk_times, over, steps, turns
from overhead.peers import KITS, UnavailableError, python_of
from overhead.scenario import Provider

if TYPE_CHECKING:
    from overhead.scenario import Sdk

SDKS: Final = {module.SDK.name: module.SDK for module in (openai_chat, anthropic_messages, google_content)}
INPUT_TOKENS: Final = ("gen_ai.usage.input_tokens", "llm.token_count.prompt")


def measure(sdk: Sdk, wanted: str, rounds: int, peer: str | None) -> None:
    """Prints what each contender adds to each kind of call of one SDK."""
    provider = Provider(sdk.body)
    contenders = [Contender("bare"), Hand(), Spancost()]
    if peer is not None:
        # Before ours, whose patches wait for parts of the SDK that are not imported yet.
        contenders.insert(2, Peer(peer, sdk.peers[peer]))
    prepared = [(contender, contender.prepare(sdk, provider)) for contender in contenders]
    for is_async in (False, True):
        entries = [Entry(contender, calls[is_async]) for contender, calls in prepared]
        for streamed in (False, True):
            scenario = Scenario(sdk, provider, streamed, is_async)
            if wanted in scenario.name:
                check(scenario, entries[0], entries[1], entries[-1])
                gc.collect()
                gc.freeze()
                report(scenario, entries, rounds)


def report(scenario: Scenario, entries: list[Entry], rounds: int) -> None:
    short = turns(scenario, entries, rounds, SHORT)
    refillable = [entry for entry in entries if not isinstance(entry.contender, Peer)]
    chunks = chunk_times(scenario, refillable, rounds) if scenario.streamed else {}
    taken = [steps(scenario, entry, SHORT) for entry in entries]
    taken_long = [steps(scenario, entry, LONG) for entry in entries] if scenario.streamed else []
    scenario.provider.chunks = SHORT
    bare, by_hand = short["bare"], over(short["by hand"], short["bare"]).median
    print(f"\n{scenario.name}: the bare call takes {sorted(bare)[len(bare) // 2]:.0f} us, {taken[0]} steps")
    for index, entry in enumerate(entries[1:], start=1):
        name = entry.contender.name
        added, more = over(short[name], bare), taken[index] - taken[0]
        line = (
            f"  {name:<16} +{added.median:6.0f} us [{added.lower:.0f} to {added.upper:.0f}]"
            f" {added.median / by_hand:5.2f} x  +{more:6} steps {more / (taken[1] - taken[0]):5.2f} x"
        )
        if scenario.streamed:
            each = (taken_long[index] - taken[index] - taken_long[0] + taken[0]) / (LONG - SHORT)
            line += f"  a chunk: {each:+6.1f} steps"
            if (chunk := chunks.get(name)) is not None:
                line += f" {chunk:+5.2f} us"
        seen = scenario.captured(entry)
        tokens = next((seen[key] for key in INPUT_TOKENS if key in seen), None)
        print(f"{line}  {len(seen)} attributes, input tokens: {tokens}", flush=True)


def measure_peers(wanted: str, rounds: int) -> None:
    """The same once more for each peer, in its own environment."""
    for kit in KITS:
        print(f"\n== {kit.peer} for {kit.sdk} ({', '.join(kit.requirements)})", flush=True)
        try:
            python = python_of(kit)
        except UnavailableError as error:
            print(f"  cannot be installed: {error}")
            continue
        command = [str(python), __file__, wanted, "--sdk", kit.sdk, "--peer", kit.peer, "--rounds", str(rounds)]
        done = subprocess.run(command, stdout=None, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"  cannot be measured: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wanted", nargs="?", default="", help="only scenarios whose name contains this")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--sdk", choices=SDKS, help="only this SDK")
    parser.add_argument("--peers", action="store_true", help="also other instrumentations; installs them first")
    parser.add_argument("--peer", help="one that is installed here, for the SDK that --sdk names")
    given = parser.parse_args()
    print(
        f"processor time over the bare SDK: median [quartiles] of {given.rounds} rounds, best of {CALLS} calls in each;"
        f"\nsteps of the interpreter over the bare SDK; multiples of the span written by hand;"
        f"\nstreams of {SHORT} chunks; a chunk's steps are from streams of {LONG}, its time from {READY} that are ready"
    )
    for name in [given.sdk] if given.sdk else SDKS:
        measure(SDKS[name], given.wanted, given.rounds, given.peer)
    LOOP.close()
    if given.peers:
        measure_peers(given.wanted, given.rounds)


if __name__ == "__main__":
    sys.exit(main())
