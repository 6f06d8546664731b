"""The demo's child processes: started with their output in a file, waited for, and never left behind."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Final, Self

from spancost_pricing import SpancostError

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_POLL_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 10.0


class DemoError(SpancostError):
    """A part of the demo failed; the message ends with what that part printed."""


class Child:
    """A running program with a name; a context manager that ends it."""

    def __init__(self, name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self._name = name
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._terminate()

    def wait_to_print(self, pattern: re.Pattern[str], seconds: float) -> re.Match[str]:
        """Return the first match of `pattern` in what the program prints.

        Raises:
            DemoError: the program ended first, or it took longer than `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not (match := pattern.search(self._log.read_text(errors="replace"))):
            if self._process.poll() is not None:
                raise self.failure(f"ended with status {self._process.returncode} before it was ready")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready within {seconds:g} seconds")
            time.sleep(_POLL_SECONDS)
        return match

    def wait(self, seconds: float) -> None:
        """Return when the program has ended well.

        Raises:
            DemoError: it ended with another status than 0, or it took longer than `seconds`.
        """
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failure(f"still ran after {seconds:g} seconds") from None
        if status != 0:
            raise self.failure(f"ended with status {status}")

    def stop(self) -> None:
        """Ask the program to end, as a service manager does.

        Raises:
            DemoError: it did not end, or not with status 0.
        """
        status = self._terminate()
        if status != 0:
            raise self.failure(f"did not shut down cleanly: status {status}")

    def _terminate(self) -> int:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def failure(self, what: str) -> DemoError:
        """The error for a program that did not do its work, with what it printed."""
        printed = self._log.read_text(errors="replace").strip() or "(nothing)"
        return DemoError(f"the {self._name} {what}. It printed, in {self._log}:\n{printed}")
