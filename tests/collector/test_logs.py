"""Log lines that a machine reads."""

from __future__ import annotations

import json
import logging
import sys

from spancost_collector.logs import JsonFormatter, Repeated


def test_a_record_is_one_line_of_json() -> None:
    record = logging.LogRecord(
        "spancost.test", logging.WARNING, "file.py", 1, "%d requests: %s", (3, "line\nbreak"), None
    )
    record.created = 1_795_176_000.25

    line = JsonFormatter().format(record)

    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-20T12:00:00.250+00:00",
        "level": "warning",
        "logger": "spancost.test",
        "message": "3 requests: line\nbreak",
    }


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        record = logging.LogRecord("spancost.test", logging.ERROR, "file.py", 1, "failed", (), sys.exc_info())

    line = JsonFormatter().format(record)

    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: broken")


def test_a_problem_that_many_have_is_said_once_a_minute() -> None:
    now = 0.0
    repeated = Repeated(lambda: now)

    assert [repeated.add("disk full") for _ in range(1000)] == [1, *[0] * 999]
    assert repeated.add("locked", 3) == 3
    now = 61.0
    assert repeated.add("disk full") == 1000
    assert repeated.add("disk full") == 0
