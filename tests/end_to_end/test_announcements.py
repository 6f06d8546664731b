"""The first line of a server says where it answers, also where it was told to answer elsewhere or not at all."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = pytest.mark.end_to_end


@contextmanager
def first_line(*arguments: str) -> Generator[str]:
    """What a module says first; it runs for as long as the block."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().rstrip()
        finally:
            process.terminate()
            process.wait(30)


def test_a_receiver_without_a_web_listener_says_so(tmp_path: Path) -> None:
    listeners = ("--listen", "127.0.0.1:0", "--http-listen", "off", "--web-listen", "off")
    with first_line("spancost_collector", "serve", *listeners, "--ledger", str(tmp_path / "ledger.sqlite3")) as said:
        assert said.split(", ")[1:3] == ["no OTLP/HTTP", "no web"]


def test_the_demos_provider_answers_where_it_is_told_to() -> None:
    with first_line("spancost.demo.provider", "--port", "0") as said:
        url = said.removeprefix("answering on ")

        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url, timeout=30)
