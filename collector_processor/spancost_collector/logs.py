"""What the receiver writes to stderr: lines for people, or one JSON object a line for whatever collects them.

Nothing is logged for a span or a call; those are counted. A line is a start, a stop, a problem or its end.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final, Literal

LogFormat = Literal["text", "json"]

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


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
