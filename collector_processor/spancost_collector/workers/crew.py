"""The workers together: started on shared ports, started again when one dies, stopped when their senders are answered.

To the receiver this is its front: the same promises as `front.Front`, kept by several processes.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from spancost_collector.config import Address
from spancost_collector.front import CHECK_SECONDS
from spancost_collector.intake.addresses import reserved
from spancost_collector.outcome import STOPPING, Refusal
from spancost_collector.workers.colleague import Colleague, NoAnswerError
from spancost_collector.workers.desk import Desk
from spancost_collector.workers.sums import Sums
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from spancost_collector.config import Settings
    from spancost_collector.metrics.receiver import ReceiverMetrics
    from spancost_collector.pipeline import Charges

_log: Final = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 30.0
_SETTLED_SECONDS: Final = 60.0
"""After a worker that lived for so long, the next one is started without much of a pause."""
_FIGURES_SECONDS: Final = 1.0
"""How often workers are asked what they count, and how long that may take; what a killed one counted since is lost."""
_MARGIN_SECONDS: Final = 2.0
"""What a worker may take beyond its grace before it is killed."""


class Crew:
    """`settings.workers` processes, which listen once this is made, and are answered from `start` to `stop`."""

    def __init__(
        self,
        settings: Settings,
        charging: Charges,
        metrics: ReceiverMetrics,
        own: CollectorRegistry,
        *,
        mark: str,
    ) -> None:
        """Take the addresses and start them; `own` is where `metrics` are, `mark` the receiver's (`own_requests`).

        Raises:
            ConfigError: an address cannot be listened on, or a certificate cannot be used.
        """
        self.sums = Sums(own, self._refresh)
        """All that is counted, by the writer and by the workers."""
        self._desk = Desk(charging)
        self._metrics = metrics
        self._mark = mark
        self._stopping = Event()
        self._lock = Lock()
        """Held while a worker comes to those that live, or all are told to stop."""
        self._colleagues: dict[int, Colleague] = {}
        """Those that live."""
        with ExitStack() as undo:
            self._settings = _on_shared_ports(settings, undo)
            for number in range(settings.workers):
                colleague = Colleague(self._settings, mark)
                undo.callback(colleague.end)
                self._colleagues[number] = colleague
                self.sums.add(colleague)
            for colleague in self._colleagues.values():
                colleague.wait_until_listening(self._stopping)
            self._resources = undo.pop_all()
        self._threads = [
            Thread(target=self._keep, args=one, name=f"spancost-worker-{one[0]}", daemon=True)
            for one in self._colleagues.items()
        ]
        self._threads.append(Thread(target=self._look_after, name="spancost-crew", daemon=True))

    @property
    def grpc_address(self) -> Address | None:
        """Where OTLP/gRPC is accepted; None where it is off."""
        return self._settings.grpc.listen

    @property
    def http_address(self) -> Address | None:
        """Where OTLP/HTTP is accepted; None where it is off."""
        return self._settings.http.listen

    def start(self) -> None:
        """Begin to answer."""
        self._desk.start()
        for thread in self._threads:
            thread.start()

    def check(self) -> Refusal | None:
        """What would keep an export from being acknowledged at this moment, by whichever worker it meets."""
        if self._stopping.is_set():
            return STOPPING
        answered = False
        for colleague in list(self._colleagues.values()):
            try:
                problem = colleague.check(CHECK_SECONDS + 1.0)
            except NoAnswerError:
                if colleague.running:
                    return Refusal("unavailable", f"worker process {colleague.pid} does not answer")
            else:
                if problem is not None:
                    return Refusal(*problem)
                answered = True
        return None if answered else Refusal("unavailable", "no worker process runs; the log says why")

    def stop(self, grace: float) -> None:
        """Accept nothing more, and have answered what was accepted within `grace` seconds.

        What is not answered in time is refused as unavailable; nothing that was acknowledged is lost.
        """
        with self._lock:
            self._stopping.set()
            living = list(self._colleagues.values())
        threads = [Thread(target=self._stop, args=(one, grace)) for one in living]
        for thread in threads:
            thread.start()
        for thread in (*threads, *self._threads):
            if thread.is_alive():
                thread.join()
        self._resources.close()
        self._desk.stop()

    def _stop(self, colleague: Colleague, grace: float) -> None:
        try:
            self.sums.update(colleague, colleague.stop(grace, grace + _MARGIN_SECONDS))
        except NoAnswerError:
            _log.warning("worker process %d did not stop in time and is ended", colleague.pid)
            colleague.kill()
        colleague.end()

    def _keep(self, number: int, colleague: Colleague) -> None:
        """Answer a worker, and whoever comes after it when it dies, until told to stop."""
        pause = _FIRST_PAUSE_SECONDS
        successor: Colleague | None = colleague
        while successor is not None:
            began = time.monotonic()
            self._desk.serve(successor.calls)
            if self._stopping.is_set():
                return
            del self._colleagues[number]
            status = successor.end()
            self.sums.retire(successor)
            _log.warning("worker process %d ended with status %d; starting another", successor.pid, status)
            self._metrics.worker_restarts.inc()
            if time.monotonic() - began > _SETTLED_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            successor = self._another(number, pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _another(self, number: int, pause: float) -> Colleague | None:
        """A worker in the place of one that died, after a pause that grows; None once told to stop."""
        while not self._stopping.wait(pause):
            with ExitStack() as undo:
                try:
                    colleague = Colleague(self._settings, self._mark)
                    undo.callback(colleague.end)
                    colleague.wait_until_listening(self._stopping)
                except ConfigError as error:
                    if not self._stopping.is_set():
                        _log.error("not started again: %s", error)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                    continue
                with self._lock:
                    if not self._stopping.is_set():
                        self._colleagues[number] = colleague
                        self.sums.add(colleague)
                        undo.pop_all()
                        return colleague
        return None

    def _look_after(self) -> None:
        while not self._stopping.wait(_FIGURES_SECONDS):
            self._refresh()

    def _refresh(self) -> None:
        if self._stopping.is_set():  # they are busy, and their last figures come by themselves
            return
        for colleague in list(self._colleagues.values()):
            try:
                self.sums.update(colleague, colleague.figures(_FIGURES_SECONDS))
            except NoAnswerError:
                continue  # what it said last stands


def _on_shared_ports(settings: Settings, undo: ExitStack) -> Settings:
    """The settings with the addresses that the workers are to share, which are taken until `undo`."""
    found: dict[str, object] = {}
    for name, listener in (("grpc", settings.grpc), ("http", settings.http)):
        if listener.listen is not None:
            held = reserved(listener.listen, name)
            undo.callback(held.close)
            address = Address(listener.listen.host, held.getsockname()[1])
            found[name] = listener.model_copy(update={"listen": address})
    return settings.model_copy(update=found)
