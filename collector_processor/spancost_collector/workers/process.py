"""What runs in a worker process: one front on the shared ports, and the thread that does what the writer says.

Signals are the writer's business: whoever stops the receiver often tells all of its processes at once, and a worker has
to go on until its senders are answered. It ends when the writer says so or is gone.
"""

from __future__ import annotations

import marshal
import pickle
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from spancost_collector.front import Front
from spancost_collector.garbage import look_for_cycles_rarely
from spancost_collector.logs import configure_logs
from spancost_collector.metrics.receiver import ReceiverMetrics
from spancost_collector.workers.sums import figures
from spancost_collector.workers.writer_link import WriterLink
from spancost_pricing import SpancostError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from spancost_collector.config import Settings

_ORPHAN_SECONDS: Final = 0.5
"""Enough to tell the senders; whoever starts the receiver again wants the ports."""


def run(calls: Connection, control: Connection) -> None:
    """Work until told to stop, or until the writer is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # What comes first is the writer's own, on a socket that only it has the other end of.
    settings: Settings
    settings, mark = pickle.loads(control.recv_bytes())
    configure_logs(settings.log.format, settings.log.level)
    registry = CollectorRegistry()
    try:
        front = Front(settings, WriterLink(calls), ReceiverMetrics(registry), mark=mark, shared=True)
    except SpancostError as error:
        with suppress(OSError):  # another worker has said it already
            control.send_bytes(marshal.dumps(str(error)))
        return
    look_for_cycles_rarely()
    front.start()
    number, grace = _obey(front, registry, control)
    front.stop(grace)
    with suppress(OSError):  # nobody is there to hear it
        control.send_bytes(marshal.dumps((number, _plain(registry))))


def _obey(front: Front, registry: CollectorRegistry, control: Connection) -> tuple[int, float]:
    """Answer the writer until it says stop or is gone; the number of that, and the grace. Answers carry the number."""
    try:
        control.send_bytes(marshal.dumps(None))
        while True:
            number, what, argument = marshal.loads(control.recv_bytes())
            match what:
                case "figures":
                    answer = _plain(registry)
                case "check":
                    problem = front.check()
                    answer = None if problem is None else (problem.kind, problem.reason, problem.retry_seconds)
                case _:
                    return number, argument
            control.send_bytes(marshal.dumps((number, answer)))
    except (EOFError, OSError):
        return 0, _ORPHAN_SECONDS


def _plain(registry: CollectorRegistry) -> list[object]:
    return [(tuple(series), value, stays) for series, value, stays in figures(registry)]
