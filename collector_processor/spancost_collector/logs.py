"""What the receiver writes to stderr: lines for people, or one JSON object a line for whatever collects them.

Nothing is logged for a span or a call; those are counted. A line is a start, a stop, a problem or its end, and what
many senders run into at the same time is a line a minute (`Repeated`).
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

LogFormat = Literal["text", "json"]

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_SAID_AGAIN_SECONDS: Final = 60.0


class Repeated:
    """Problems that come many times over: when each is due to be said, the first time and then once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}
        self._unsaid = Counter[str]()

    def add(self, problem: str, times: int = 1) -> int:
        """How often it is now to be said to have been met; 0 where nothing is to be said yet."""
        self._unsaid[problem] += times
        now = self._clock()
        if problem in self._said and now - self._said[problem] < _SAID_AGAIN_SECONDS:
            return 0
        self._said[problem] = now
        return self._unsaid.pop(problem)


class JsonFormatter(logging.Formatter):
    """One object a line: time (RFC 3339, UTC), level, logger, message, and the exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, without line breaks."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(log_format: LogFormat, level: str) -> None:
    """Write to stderr what is at least as severe as `level`, in `log_format`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter(_TEXT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    # uvicorn says at "info" what `serve` has already said; httpx2 says every request.
    for talkative in ("uvicorn", "httpx2", "httpcore2"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
