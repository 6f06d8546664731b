"""How large conversations begin: what tells a longer prompt from a context that grows turn by turn.

Input per call rises in both cases, and the remedy differs: a prompt is edited, a conversation is cut or summarised. The
first call of each session is counted apart; where input per call has grown and first calls have not, it is the
conversation. Sessions met in the first hour after a start may have begun before it and are not counted; the sessions
remembered are bounded, longest unheard of forgotten first.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from spancost_collector.metrics.table import OPENING_TOKENS, OPENINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spancost_collector.call import Charged
    from spancost_collector.metrics.labels import LabelBounds

MOST_SESSIONS: Final = 100_000
LEARNING_SECONDS: Final = 3600.0


class Conversations(Collector):
    """Counts first calls of sessions and their input."""

    def __init__(
        self,
        bounds: LabelBounds,
        *,
        most_sessions: int = MOST_SESSIONS,
        learning_seconds: float = LEARNING_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._labels = bounds.narrowed(OPENINGS.labels)
        self._most = most_sessions
        self._clock = clock
        self._learned = clock() + learning_seconds
        self._created = now()
        self._sessions: dict[tuple[str | None, str], None] = {}  # longest unheard of first
        self._counted: dict[tuple[str, ...], tuple[int, int]] = {}
        self._lock = Lock()

    def observe(self, calls: Sequence[Charged]) -> None:
        """Add calls that the ledger has just accepted as new."""
        counts = self._clock() >= self._learned
        with self._lock:
            sessions = self._sessions
            for call, _, series in calls:
                who, usage = call.attribution, call.usage
                session = who.session
                if session is None or usage is None or usage.input_tokens is None or usage.input_tokens < 0:
                    continue
                key = (who.feature, session)
                begun = key in sessions
                if begun:
                    del sessions[key]
                elif len(sessions) >= self._most:
                    del sessions[next(iter(sessions))]
                sessions[key] = None
                if counts and not begun:
                    labels = self._labels[series]
                    openings, tokens = self._counted.get(labels, (0, 0))
                    self._counted[labels] = (openings + 1, tokens + usage.input_tokens)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Both counters, of the same moment."""
        with self._lock:
            counted = list(self._counted.items())
        for number, metric in enumerate((OPENINGS, OPENING_TOKENS)):
            family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, values in counted:
                family.add_metric(labels, values[number], self._created)
            yield family
