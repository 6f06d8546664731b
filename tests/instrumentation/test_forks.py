"""Apps that fork: every call is recorded once, by the process that made it, and nothing waits for what is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.end_to_end

APP = Path(__file__).with_name("forking_app.py")


def calls(way: str) -> list[dict[str, Any]]:
    """The attributes of the spans that all processes of the app exported."""
    finished = subprocess.run(
        [sys.executable, APP, way], capture_output=True, text=True, timeout=120, check=True, cwd=APP.parent
    )
    decoder, text = json.JSONDecoder(), finished.stdout.strip()
    found: list[dict[str, Any]] = []
    while text:
        span, end = decoder.raw_decode(text)
        found.append(span["attributes"])
        text = text[end:].strip()
    return found


def test_what_a_worker_process_called_is_sent_when_it_ends() -> None:
    (call,) = calls("worker")
    assert (call["gen_ai.usage.input_tokens"], call["spancost.feature"]) == (11, "worker")


def test_a_stream_that_a_forked_process_gives_up_is_its_parents_to_record() -> None:
    (call,) = calls("stream")
    assert (call["gen_ai.usage.input_tokens"], call["gen_ai.usage.output_tokens"]) == (11, 2)
    assert "spancost.usage.estimated" not in call


def test_a_lock_that_is_held_while_the_process_forks_stops_nobody_in_the_child() -> None:
    (call,) = calls("lock")
    assert call["gen_ai.usage.input_tokens"] == 11
