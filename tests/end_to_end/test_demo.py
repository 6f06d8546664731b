"""The demo as a person runs it: its figures, worked out by hand, and its manners when something fails.

The demo's provider counts one token per word. Prices are USD per million tokens, as published by the providers.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

_DEMO = (sys.executable, "-m", "spancost.demo")
_TIMEOUT = 120.0

Figures = tuple[int, int, int, int, str | None]
"""Calls, failed calls, tokens in, tokens out, USD."""

EXPECTED: dict[tuple[str, str, str], Figures] = {
    # gpt-4.1-mini at 0.40 in, 0.10 cached, 1.60 out. The guide has 80 x 16 = 1280 words, each query 4, each answer 40.
    # First call 1284 x 0.40 + 40 x 1.60 = 577.6; two more with the guide cached, 4 x 0.40 + 1280 x 0.10 + 64 = 193.6.
    ("search", "rewrite", "gpt-4.1-mini"): (3, 0, 3_852, 120, "0.0009648"),
    # 50 x 16 = 800 words in and 10 out, three times, on a model that no price list knows.
    ("search", "rank", "shop-ranker-preview"): (3, 0, 2_400, 30, None),
    # claude-sonnet-4-6 at 3.00 in, 3.75 written to the cache, 0.30 read from it, 15.00 out. The style guide has
    # 300 x 16 = 4800 words, the reviews 800, each answer 200: written once, read twice.
    # 3 x 800 x 3.00 + 4800 x 3.75 + 2 x 4800 x 0.30 + 3 x 200 x 15.00 = 7200 + 18000 + 2880 + 9000 = 37080.
    ("summaries", "reviews", "claude-sonnet-4-6"): (3, 0, 16_800, 600, "0.03708"),
    # claude-haiku-4-5 at 1.00 in, 2.00 written for an hour, 0.10 read, 5.00 out; streamed.
    # 2 x 800 x 1.00 + 4800 x 2.00 + 4800 x 0.10 + 2 x 320 x 5.00 = 1600 + 9600 + 480 + 3200 = 14880.
    ("summaries", "digest", "claude-haiku-4-5"): (2, 0, 11_200, 640, "0.01488"),
    # gemini-2.5-flash at 0.30 in, 2.50 out; of each 600 out 256 are thoughts, billed as output.
    # 2 x (800 x 0.30 + 600 x 2.50) = 480 + 3000 = 3480.
    ("summaries", "translate", "gemini-2.5-flash"): (2, 0, 1_600, 1_200, "0.00348"),
    # gpt-5-mini at 0.25 in, 2.00 out; streamed, 64 of each 256 out are reasoning. Two conversations, and in each a
    # message that is refused: a call, without usage and without cost.
    # 2 x (804 x 0.25 + 256 x 2.00) = 402 + 1024 = 1426.
    ("chat", "unattributed", "gpt-5-mini"): (4, 2, 1_608, 512, "0.001426"),
    # gemini-2.5-flash-lite at 0.10 in, 0.40 out; streamed: 2 x (804 x 0.10 + 120 x 0.40) = 160.8 + 96 = 256.8.
    ("chat", "unattributed", "gemini-2.5-flash-lite"): (2, 0, 1_608, 240, "0.0002568"),
}
TOTAL: Figures = (19, 2, 39_068, 3_342, "0.0580876")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the demo printed, and the folder it left."""
    folder = tmp_path_factory.mktemp("demo")
    return _output([*_DEMO, "--work-dir", str(folder)]), folder


def test_every_call_of_the_demo_is_charged_to_the_last_digit(demo: tuple[str, Path]) -> None:
    found = _report(demo[1], "feature,task,model")

    assert {(row["feature"], row["task"], row["model"]): _figures(row) for row in found["rows"]} == EXPECTED
    assert _figures(found["total"]) == TOTAL


def test_calls_of_an_unknown_model_are_named_and_not_free(demo: tuple[str, Path]) -> None:
    unpriced = {"provider": "openai", "model": "shop-ranker-preview", "reason": "unknown_model"}
    assert _report(demo[1], "model")["unpriced"] == [unpriced | {"calls": 3, "tokens": 2_430}]


def test_who_pays_arrives_from_a_context_manager_a_decorator_and_an_enclosing_span(demo: tuple[str, Path]) -> None:
    rows = _report(demo[1], "feature,tenant,user,session,environment,release,service")["rows"]

    # Calls with and without a price are rows of their own.
    who = Counter[tuple[str, ...]]()
    for row in rows:
        who[row["feature"], row["tenant"], row["user"], row["session"]] += row["calls"]
    assert who == {
        ("search", "north", "u-1001", "unattributed"): 2,
        ("search", "north", "u-1002", "unattributed"): 2,
        ("search", "south", "u-2001", "unattributed"): 2,
        ("summaries", "north", "unattributed", "unattributed"): 3,
        ("summaries", "south", "unattributed", "unattributed"): 4,
        ("chat", "north", "u-1001", "s-u-1001"): 3,
        ("chat", "north", "u-1002", "s-u-1002"): 3,
    }
    assert {(row["environment"], row["release"], row["service"]) for row in rows} == {("demo", "1.0.0", "shop")}


def test_the_report_and_where_to_look_next_are_printed(demo: tuple[str, Path]) -> None:
    lines = [" ".join(line.split()) for line in demo[0].splitlines()]

    assert "summaries claude-sonnet-4-6 3 0 16,800 600 0.037080" in lines
    assert "search shop-ranker-preview 3 0 2,400 30 unpriced" in lines
    assert "Not in the total: 3 unpriced calls, 2,430 tokens" in lines
    assert any("curl http://127.0.0.1:9464/metrics" in line for line in lines)


def test_a_pipe_gets_no_escape_sequences(demo: tuple[str, Path]) -> None:
    assert "\x1b" not in demo[0]


def test_the_next_report_works_as_it_is_printed(demo: tuple[str, Path]) -> None:
    command = next(line for line in demo[0].splitlines() if "--by tenant,user" in line)

    assert "u-2001" in _output(shlex.split(command))


def test_a_second_demo_in_the_same_folder_is_refused_and_changes_nothing(demo: tuple[str, Path]) -> None:
    refused = subprocess.run(
        [*_DEMO, "--work-dir", str(demo[1])], capture_output=True, text=True, timeout=_TIMEOUT, check=False
    )

    assert refused.returncode == 2
    assert "ledger.db: an earlier demo's ledger is there. Name another folder with --work-dir" in refused.stderr
    assert _figures(_report(demo[1], "feature")["total"]) == TOTAL


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    refused = subprocess.run(
        [*_DEMO, "--work-dir", str(taken)], capture_output=True, text=True, timeout=_TIMEOUT, check=False
    )

    assert refused.returncode == 2
    assert refused.stderr == (
        f"spancost demo: {taken}: cannot be written: File exists. Name another folder with --work-dir\n"
    )


def test_a_shop_that_fails_fails_the_demo_with_what_the_shop_printed(tmp_path: Path) -> None:
    broken = tmp_path / "modules"
    broken.mkdir()
    (broken / "anthropic.py").write_text('raise RuntimeError("no shop today")\n')

    failed = subprocess.run(
        [*_DEMO, "--work-dir", str(tmp_path / "demo")],
        env={**os.environ, "PYTHONPATH": str(broken)},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )

    assert failed.returncode == 1
    assert "the shop ended with status 1" in failed.stderr
    assert "RuntimeError: no shop today" in failed.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "TERM"])
def test_an_interrupted_demo_leaves_no_process_behind(tmp_path: Path, number: signal.Signals, status: int) -> None:
    folder = tmp_path / "demo"
    with subprocess.Popen([*_DEMO, "--work-dir", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        receiver = _receiver_address(folder / "receiver.log")
        demo.send_signal(number)
        demo.communicate(timeout=_TIMEOUT)

    assert demo.returncode == status
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(receiver, timeout=5).close()


def _receiver_address(log: Path) -> tuple[str, int]:
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        if log.exists() and (found := re.search(r"OTLP/gRPC on (\S+):(\d+),", log.read_text())):
            return found[1], int(found[2])
        time.sleep(0.02)
    pytest.fail("the receiver was not ready in time")


def _report(folder: Path, by: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "spancost_collector", "report", "--json", "--by", by]
    return json.loads(_output([*command, "--ledger", str(folder / "ledger.db")]))


def _figures(row: dict[str, Any]) -> Figures:
    return row["calls"], row["errors"], row["input_tokens"], row["output_tokens"], row["cost_usd"]


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
