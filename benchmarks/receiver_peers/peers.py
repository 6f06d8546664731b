"""The programs that are compared, each started to listen on one port and to send on to another."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.receiver_peers.spans import COST_PICO
from tests import programs
from tests.end_to_end.neighbours import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Command:
    """How a peer is started."""

    arguments: list[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """Something that takes OTLP."""

    name: str
    command: Callable[[str, str, Path], Command]
    """From the address to listen on, the next hop and a folder of its own."""
    share: int = 1
    """Of how many spans it gets one, where all of them would take too long."""
    arrived: Callable[[Path], int] | None = None
    """How many model calls it has kept, where it does not send spans on."""
    costs_at_the_next_hop: bool = True
    audit: Callable[[Path, int], None] | None = None
    """Checks what it has kept of so many model calls."""


def _spancost(listen: str, following: str, folder: Path) -> Command:
    arguments = [sys.executable, "-m", "spancost_collector", "serve", "--listen", listen, "--forward", following]
    arguments += ["--http-listen", "off", "--web-listen", "127.0.0.1:0", "--ledger", str(folder / "ledger.sqlite3")]
    return Command(arguments, {})


def _audit_spancost(folder: Path, calls: int) -> None:
    command = [
        sys.executable,
        "-m",
        "spancost_collector",
        "report",
        "--json",
        "--ledger",
        str(folder / "ledger.sqlite3"),
    ]
    total = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["total"]
    assert (total["calls"], Decimal(total["cost_usd"])) == (calls, Decimal(calls * COST_PICO).scaleb(-12)), total


def _rotel(*processor: str) -> Callable[[str, str, Path], Command]:
    def command(listen: str, following: str, _folder: Path) -> Command:
        (http,) = free_ports(1)
        arguments = [str(programs.build("rotel-agent")), "start", "--otlp-grpc-endpoint", listen]
        arguments += ["--otlp-http-endpoint", f"127.0.0.1:{http}", "--otlp-grpc-max-recv-msg-size-mib", "64"]
        arguments += ["--exporter", "otlp", "--otlp-exporter-endpoint", f"http://{following}"]
        arguments += ["--otlp-exporter-compression", "none", *processor]
        return Command(arguments, {})

    return command


def _collector(queue: str) -> Callable[[str, str, Path], Command]:
    def command(listen: str, following: str, folder: Path) -> Command:
        arguments = [str(programs.build("otelcol")), f"--config={_HERE / 'collector.yaml'}"]
        environment = {"LISTEN": listen, "NEXT": following, "STORAGE": str(folder / "queue"), "QUEUE": queue}
        return Command(arguments, environment)

    return command


def _phoenix(listen: str, _following: str, folder: Path) -> Command:
    (web,) = free_ports(1)
    host, _, port = listen.rpartition(":")
    environment = {"PHOENIX_WORKING_DIR": str(folder), "PHOENIX_HOST": host, "PHOENIX_PORT": str(web)}
    environment |= {"PHOENIX_GRPC_PORT": port, "PHOENIX_TELEMETRY_ENABLED": "false"}
    return Command([str(programs.build("phoenix")), "serve"], environment)


def _phoenix_costs(folder: Path) -> tuple[int, float]:
    with closing(sqlite3.connect(f"file:{folder / 'phoenix.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*), coalesce(sum(total_cost), 0) FROM span_costs").fetchone()


def _audit_phoenix(folder: Path, calls: int) -> None:
    count, cost = _phoenix_costs(folder)
    assert count == calls, (count, calls)
    assert abs(cost - calls * COST_PICO / 1e12) < 1e-6, cost


PEERS: Final = (
    Peer("spancost, all of it", _spancost, audit=_audit_spancost),
    Peer("rotel, passing on", _rotel(), costs_at_the_next_hop=False),
    Peer("rotel + Python cost processor", _rotel("--otlp-with-trace-processor", str(_HERE / "rotel_processor.py"))),
    Peer("Collector + transform, queue in memory", _collector("memory")),
    Peer("Collector + transform, queue on disk", _collector("disk")),
    Peer(
        "Phoenix, to SQLite",
        _phoenix,
        share=40,
        arrived=lambda folder: _phoenix_costs(folder)[0],
        costs_at_the_next_hop=False,
        audit=_audit_phoenix,
    ),
)


def cpu_seconds(pid: int) -> float:
    """What a process and its living children have used so far."""
    used = 0.0
    for process in _with_children(pid):
        fields = _stat(process)
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def peak_megabytes(pid: int) -> float:
    """The largest resident size, children included."""
    peak = 0
    for process in _with_children(pid):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak += int(line.split()[1])
    return peak / 1024


def _with_children(pid: int) -> list[int]:
    parents = {int(path.name): int(_stat(int(path.name))[1]) for path in Path("/proc").glob("[0-9]*")}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def _stat(pid: int) -> list[str]:
    """The fields of a process after its name, or zeroes where it has just ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 50
