"""Which signal of a coding agent's run is believed, where the run describes its calls in several.

A run tells the same calls in log events, in spans and as totals in metrics. Single descriptions of a call are joined as
everybody's are; what nothing joins, totals above all, is judged by the run: where one of its log events is known, spans
and totals of the run only repeat it, and where one of its spans is, its totals do. Of totals since the run's start,
which share a trace, the newest stands for those before it. All that holds whatever came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spancost_collector.call import Key, ModelCall

SEVERAL_SIGNALS: Final = frozenset({"claude_code", "codex", "gemini_cli"})
"""The dialects whose emitters have several signals."""
_LOGS, _SPANS, _METRICS, _SUMS = _ALL = range(4)
"""The signals, the most telling first: events, spans, totals between two exports, totals since the start."""
_ENDINGS: Final = ((".logs", _LOGS), (".metrics", _METRICS), (".sums", _SUMS))

_Described = tuple[dict["Key", "ModelCall"], ...]
"""For each signal, what it has told."""


def signal(call: ModelCall) -> int:
    """Which signal a description came in; smaller tells more."""
    return next((found for ending, found in _ENDINGS if call.emitter.endswith(ending)), _SPANS)


class Instances:
    """Remembered descriptions, by run and signal."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], _Described] = {}

    def add(self, call: ModelCall) -> None:
        """Take a description in."""
        run = _run(call)
        if run is not None:
            self._runs.setdefault(run, tuple({} for _ in _ALL))[signal(call)][call.key] = call

    def remove(self, call: ModelCall) -> None:
        """Forget a description."""
        run = _run(call)
        described = None if run is None else self._runs.get(run)
        if run is not None and described is not None:
            described[signal(call)].pop(call.key, None)
            if not any(described):
                del self._runs[run]

    def better(self, calls: Sequence[ModelCall]) -> ModelCall | None:
        """What stands for these, which are of the same call: told in a better signal, or newer; None for nothing."""
        best = min(calls, key=signal)
        rank = signal(best)
        for told in self._of(best)[:rank]:
            for call in told.values():
                return call
        if rank == _SUMS:
            newest = max(self._series(best), key=_by_end, default=best)
            return None if newest.key == best.key else newest
        return None

    def outdone(self, call: ModelCall) -> list[ModelCall]:
        """What a description outdoes: worse signals, where it is the first of its own; of totals, the newest so far."""
        described, rank = self._of(call), signal(call)
        if not described or any(described[:rank]):
            return []
        if rank == _SUMS:
            before = max((one for one in self._series(call) if one.key != call.key), key=_by_end, default=None)
            return [] if before is None or _by_end(before) > _by_end(call) else [before]
        if next(iter(described[rank])) != call.key:
            return []
        return [other for worse in described[rank + 1 :] for other in worse.values()]

    def _series(self, call: ModelCall) -> Iterator[ModelCall]:
        """Totals since the same start, of the same."""
        described = self._of(call)
        return (one for one in described[_SUMS].values() if one.trace_id == call.trace_id) if described else iter(())

    def _of(self, call: ModelCall) -> _Described:
        run = _run(call)
        return () if run is None else self._runs.get(run, ())


def _by_end(call: ModelCall) -> tuple[int, Key]:
    return call.end_ns, call.key


def _run(call: ModelCall) -> tuple[str, str] | None:
    """The run that a description is of; None for everything but coding agents, and for what does not say."""
    if call.dialect not in SEVERAL_SIGNALS:
        return None
    run = call.attribution.session
    if run is None and signal(call) == _SUMS:
        run = call.trace_id.hex()
    return None if run is None else (call.dialect, run)
