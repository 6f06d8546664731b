"""CPU of each program for every span, on the same requests and in the same run; prints a Markdown table.

Every program runs in a process of its own, all are started before anything is measured, and rounds go around all of
them, so that whatever else the machine does falls on all. What arrives at the next hop, and the cost on it, is checked
before a figure is printed. The sender and the next hop are in this process and are not counted.

    make bench-peers-receiver
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.receiver_peers.peers import PEERS, Peer, cpu_seconds, peak_megabytes
from benchmarks.receiver_peers.spans import COST_PICO, Shape, requests
from benchmarks.receiver_peers.wire import Sink, send
from tests.end_to_end.neighbours import Neighbour, free_ports, wait_until

SHAPES: Final = (
    Shape(spans=512, concurrent=8),
    Shape(spans=512, concurrent=8, one_in=5),
    Shape(spans=16, concurrent=64),
)
SPANS: Final = 512 * 40
"""In each round and shape."""
_BEGIN: Final = "<!-- receiver_peers: written by `make bench-peers-receiver` -->"
_END: Final = "<!-- receiver_peers: end -->"


@dataclass
class Running:
    """One program, with the next hop that only it sends to."""

    peer: Peer
    address: str
    sink: Sink
    process: Neighbour
    folder: Path
    sent: int = 0
    calls: int = 0
    """Model calls among what was sent."""
    microseconds: dict[Shape, list[float]] = field(default_factory=dict[Shape, list[float]])

    def measure(self, shape: Shape, *, first: int, spans: int) -> float:
        """CPU in microseconds for each span, until the last one has arrived."""
        spans //= self.peer.share
        bodies = requests(shape, first=first, spans=spans)
        self.sent += spans
        self.calls += shape.calls(spans)
        before = cpu_seconds(self.process.pid)
        send(self.address, bodies, shape.concurrent)
        if (arrived := self.peer.arrived) is None:
            self.sink.wait_for(self.sent)
        else:
            wait_until(f"{self.peer.name} has {self.calls} calls", lambda: arrived(self.folder) >= self.calls, 300)
        return (cpu_seconds(self.process.pid) - before) / spans * 1e6

    def check(self) -> None:
        """Every span came once, and every cost that was looked at is right."""
        if self.peer.arrived is None:
            assert self.sink.spans == self.sent, f"{self.peer.name}: {self.sink.spans} of {self.sent} spans arrived"
        wrong = [cost for cost in self.sink.costs if abs(cost - COST_PICO / 1e12) > 1e-12]
        assert not wrong, f"{self.peer.name}: {wrong[:3]}"
        assert bool(self.sink.costs) == self.peer.costs_at_the_next_hop, self.peer.name
        if self.peer.audit is not None:
            self.peer.audit(self.folder, self.calls)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receiver_peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", action="append", help="a part of the name of a program to measure beside spancost; may be given again"
    )
    parser.add_argument("--into", type=Path, help="a page whose table is replaced")
    arguments = parser.parse_args()
    first_and_only = [PEERS[0].name, *arguments.only] if arguments.only else [""]
    chosen = [peer for peer in PEERS if any(part in peer.name for part in first_and_only)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spancost-bench.")))
        running = [_start(peer, folder / str(number), stack) for number, peer in enumerate(chosen)]
        first = 1
        for number in range(arguments.rounds + 1):
            for shape in SHAPES:
                for each in running:
                    used = each.measure(shape, first=first, spans=SPANS)
                    print(
                        f"round {number} of {arguments.rounds}: {each.peer.name}, {shape}: {used:.1f}", file=sys.stderr
                    )
                    # The first round warms up and fills caches.
                    if number:
                        each.microseconds.setdefault(shape, []).append(used)
                first += SPANS
        for each in running:
            each.check()
        table = _table(running)
    print(table, end="")
    if arguments.into is not None:
        _write(table, arguments.into)


def _start(peer: Peer, folder: Path, stack: ExitStack) -> Running:
    folder.mkdir()
    sink = Sink()
    stack.callback(sink.stop)
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = peer.command(address, sink.address, folder)
    process = Neighbour(command.arguments, command.environment, folder / "log")
    stack.callback(process.stop)
    return Running(peer, address, sink, process, folder)


def _table(running: list[Running]) -> str:
    baseline = {shape: statistics.median(running[0].microseconds[shape]) for shape in SHAPES}
    titles = ["CPU, µs a span: median (least–most)"]
    titles += [title for shape in SHAPES for title in (str(shape), "spancost ÷ this")] + ["peak MB"]
    rows = [titles, ["---", *["---:"] * (len(titles) - 1)]]
    for each in running:
        row = [each.peer.name]
        for shape in SHAPES:
            found = each.microseconds[shape]
            middle = statistics.median(found)
            row += [f"{middle:.1f} ({min(found):.1f}–{max(found):.1f})", f"{baseline[shape] / middle:.2f}"]
        rows.append([*row, f"{peak_megabytes(each.process.pid):.0f}"])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _write(table: str, page: Path) -> None:
    """Put the table where the page says."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert end, f"{page}: expected {_BEGIN} and {_END}"
    page.write_text(f"{before}{_BEGIN}\n{table}{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
