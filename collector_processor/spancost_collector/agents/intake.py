"""Where logs and metrics come in: what they say of coding agents' calls goes to the pipeline, as spans.

Only calls are taken. What else coding agents say is acknowledged and dropped; a request in which none of them has a
word is refused, as it would be if nobody took that signal.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from spancost_collector.agents.events import calls_in_logs
from spancost_collector.agents.points import calls_in_metrics
from spancost_collector.intake.signals import LOGS, METRICS
from spancost_collector.outcome import Refusal
from spancost_collector.reading.decode import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spancost_collector.agents.events import Found
    from spancost_collector.intake.signals import Destinations, Signal, Submit
    from spancost_collector.metrics.receiver import ReceiverMetrics

    Answer = Future[Refusal | None]


def destinations(submit: Submit, metrics: ReceiverMetrics) -> Destinations:
    """Where logs and metrics go; `submit` takes trace requests that are charged and not passed on."""
    return {
        LOGS: _Intake(LOGS, calls_in_logs, submit, metrics),
        METRICS: _Intake(METRICS, calls_in_metrics, submit, metrics),
    }


class _Intake:
    """Takes the requests of one signal."""

    def __init__(
        self, signal: Signal, find: Callable[[bytes], Found], submit: Submit, metrics: ReceiverMetrics
    ) -> None:
        self._signal = signal
        self._find = find
        self._submit = submit
        self._records = {kind: metrics.agent_records.labels(signal.name, kind) for kind in ("call", "other", "foreign")}

    def __call__(self, body: bytes) -> Answer | None:
        """Hand a request in; the promise of its answer, or None where there is no room."""
        try:
            found = self._find(body)
        except MalformedRequestError as error:
            return _answered(Refusal("malformed", str(error)))
        if found.calls:
            answer = self._submit(found.body)
            if answer is None:
                return None
        else:
            answer = _answered(self._refusal(found))
        for kind, number in zip(self._records, (found.calls, found.others, found.foreign), strict=True):
            self._records[kind].inc(number)
        return answer

    def _refusal(self, found: Found) -> Refusal | None:
        """Why a request without a call is refused; None where it is none of an agent's calls, and done with."""
        return self._signal.not_taken if found.foreign and not found.others else None


def _answered(answer: Refusal | None) -> Answer:
    promise: Answer = Future()
    promise.set_result(answer)
    return promise
