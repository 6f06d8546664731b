"""A worker's way to the writer, in the place where a receiver of one process has its `Charging`."""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING, Final

from spancost_collector.errors import LedgerUnavailableError
from spancost_collector.outcome import Refusal
from spancost_collector.workers.frames import pack
from spancost_pricing import SpancostError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from spancost_collector.call import ModelCall

_GONE: Final = "the process that keeps the ledger has ended, and with it this one; send again"


class WriterFaultError(SpancostError):
    """A fault in the writer; nothing was kept. The message is its traceback."""


class WriterLink:
    """Asks the writer, and waits for its answer; used by one thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, calls: Sequence[ModelCall]) -> list[bytes]:
        """Have a group charged; what to append to each call's span, in order.

        Raises:
            LedgerUnavailableError: nothing was kept, or nobody can say whether it was.
            WriterFaultError: nothing was kept.
        """
        try:
            self._connection.send_bytes(pack(calls))
            how, answer = marshal.loads(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise LedgerUnavailableError(_GONE) from error
        match how:
            case "charged":
                return answer
            case "unavailable":
                raise LedgerUnavailableError(answer)
            case _:
                raise WriterFaultError(answer)

    def check(self) -> Refusal | None:
        """What would keep a group from being charged at this moment; None when nothing would."""
        try:
            self._connection.send_bytes(b"")
            answer = marshal.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            return Refusal("unavailable", _GONE)
        return None if answer is None else Refusal(*answer)
