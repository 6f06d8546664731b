"""The writer's side of the workers' calls: one thread that charges, and one for each worker that waits for its frames.

Whatever the workers have handed in by the time that the charging thread looks up is charged together and shares a
commit. A fault of ours in a group costs only the workers' groups that cause it, as it costs only the requests that do
within one.
"""

from __future__ import annotations

import logging
import marshal
import traceback
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from spancost_collector.errors import LedgerUnavailableError
from spancost_collector.outcome import FAULT
from spancost_collector.workers.frames import unpack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from spancost_collector.call import ModelCall
    from spancost_collector.pipeline import Charges

_log: Final = logging.getLogger(__name__)


def _answer() -> Future[Any]:
    return Future()


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """What a worker wants to know."""

    calls: Sequence[ModelCall] | None
    """None asks for a check."""
    answer: Future[Any] = field(default_factory=_answer)
    """In the form in which it goes over the socket."""


class Desk:
    """Charges for the workers, from `start` to `stop`."""

    def __init__(self, charging: Charges) -> None:
        self._charging = charging
        self._questions: SimpleQueue[_Question | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="spancost-desk", daemon=True)

    @property
    def waiting(self) -> int:
        """How many groups wait to be charged."""
        return self._questions.qsize()

    def start(self) -> None:
        """Begin to charge."""
        self._thread.start()

    def serve(self, connection: Connection) -> None:
        """Answer a worker until it hangs up or dies, and close its connection."""
        try:
            while True:
                frame = connection.recv_bytes()
                question = _Question(unpack(frame) if frame else None)
                self._questions.put(question)
                connection.send_bytes(marshal.dumps(question.answer.result()))
        except (EOFError, OSError):
            return
        except Exception:
            _log.exception("a worker said what cannot be read, and is hung up on")
        finally:
            connection.close()

    def stop(self) -> None:
        """Answer what waits, and then no more."""
        if self._thread.is_alive():
            self._questions.put(None)
            self._thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            group = [self._questions.get()]
            try:
                while True:
                    group.append(self._questions.get_nowait())
            except Empty:
                pass
            going_on = None not in group
            asked = [question for question in group if question is not None]
            self._charge([(question, question.calls) for question in asked if question.calls is not None])
            for question in asked:
                if question.calls is None:
                    question.answer.set_result(self._check())

    def _charge(self, group: Sequence[tuple[_Question, Sequence[ModelCall]]]) -> None:
        try:
            charged = iter(self._charging([call for _, calls in group for call in calls]) if group else [])
        except LedgerUnavailableError as error:
            for question, _ in group:
                question.answer.set_result(("unavailable", str(error)))
        except Exception:
            if len(group) == 1:
                group[0][0].answer.set_result(("fault", traceback.format_exc()))
            else:
                for one in group:
                    self._charge([one])
        else:
            for question, calls in group:
                question.answer.set_result(("charged", [next(charged) for _ in calls]))

    def _check(self) -> tuple[str, str, int | None] | None:
        try:
            problem = self._charging.check()
        except Exception:
            _log.exception("the readiness check failed")
            return FAULT.kind, FAULT.reason, FAULT.retry_seconds
        return None if problem is None else (problem.kind, problem.reason, problem.retry_seconds)
