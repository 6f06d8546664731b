"""One worker process as the writer sees it: how it is started, asked, and known to be gone."""

from __future__ import annotations

import marshal
import pickle
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import Pipe
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from spancost_collector.workers.sums import Figure, Series
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from threading import Event

    from spancost_collector.config import Settings

_START_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2
_END_SECONDS: Final = 5.0


class NoAnswerError(Exception):
    """A worker did not answer in time, or is gone."""


class Colleague:
    """A worker process that was started with these settings."""

    def __init__(self, settings: Settings, mark: str) -> None:
        """Start it; whether it listens, `wait_until_listening` tells. `mark` is the receiver's own (`own_requests`).

        Raises:
            ConfigError: there can be no further process.
        """
        self.calls, calls = Pipe()
        """Where its calls come from."""
        self._control, control = Pipe()
        try:
            inherited = (calls.fileno(), control.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "spancost_collector.workers", *map(str, inherited)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=inherited,
                process_group=0,  # what is typed at a terminal is for the writer
            )
        except OSError as error:
            raise ConfigError(f"workers: no process could be started: {error.strerror}") from error
        finally:
            calls.close()
            control.close()
        self._lock = Lock()
        self._asked = 0
        with suppress(OSError):  # it is gone already, which `wait_until_listening` will find out
            self._control.send_bytes(pickle.dumps((settings, mark)))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_until_listening(self, stopping: Event) -> None:
        """Return once it listens.

        Raises:
            ConfigError: it cannot, or did not start at all, or not before it was to stop.
        """
        deadline = time.monotonic() + _START_SECONDS
        try:
            while not (self._control.poll(_LOOK_SECONDS) or stopping.is_set()):
                if time.monotonic() > deadline:
                    raise NoAnswerError
            problem = _received(self._control, 0.0)
        except NoAnswerError:
            raise ConfigError("workers: a worker process did not start; what it wrote to stderr says why") from None
        if problem is not None:
            raise ConfigError(problem)

    def check(self, seconds: float) -> tuple[Any, ...] | None:
        """A refusal's parts where an export would not be acknowledged by it now; None where it would.

        Raises:
            NoAnswerError: that cannot be said.
        """
        return self._ask("check", None, seconds)

    def figures(self, seconds: float) -> list[Figure]:
        """What it counts.

        Raises:
            NoAnswerError: that cannot be said.
        """
        return _figures(self._ask("figures", None, seconds))

    def stop(self, grace: float, seconds: float) -> list[Figure]:
        """Have it take nothing more, answer within `grace` seconds what it has taken, and end; what it counted.

        Raises:
            NoAnswerError: it did not do so within `seconds`.
        """
        return _figures(self._ask("stop", grace, seconds))

    def end(self) -> int:
        """Hang up, wait until it is gone, and see to it that it is; its exit status."""
        self._control.close()
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End it now. What it had not answered is sent again."""
        self._process.kill()

    def _ask(self, what: str, argument: float | None, seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            raise NoAnswerError
        try:
            self._asked += 1
            self._control.send_bytes(marshal.dumps((self._asked, what, argument)))
            while True:
                number, answer = _received(self._control, deadline)
                if number == self._asked:  # and not one that came too late for whoever asked
                    return answer
        except OSError as error:
            raise NoAnswerError from error
        finally:
            self._lock.release()


def _received(control: Connection, deadline: float) -> Any:
    try:
        if not control.poll(max(0.0, deadline - time.monotonic())):
            raise NoAnswerError
        return marshal.loads(control.recv_bytes())
    except (EOFError, OSError) as error:
        raise NoAnswerError from error


def _figures(plain: Any) -> list[Figure]:
    return [Figure(Series(*series), value, stays) for series, value, stays in plain]
