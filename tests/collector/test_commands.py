"""A command loads what it uses and no more: scripts ask for reports over and over."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from spancost_collector.cli import app

HEAVY = ("genai_prices", "grpc", "uvicorn")
PROGRAM = f"""
import sys
from typer.testing import CliRunner
from spancost_collector.cli import app
result = CliRunner().invoke(app, sys.argv[1:])
assert result.exit_code == 0, result.output
print(*(name for name in {HEAVY} if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("command", "loads"),
    [
        ("--version", []),
        ("report --help", []),
        ("price --help", ["genai_prices"]),
        ("serve --help", ["genai_prices", "grpc", "uvicorn"]),
    ],
)
def test_a_command_brings_in_what_it_uses_and_no_more(command: str, loads: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *command.split()], capture_output=True, text=True, check=True)

    assert done.stdout.split() == loads


def test_the_help_lists_every_command_in_its_order() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output.partition("Commands:")[2]

    assert [line.split()[0] for line in shown.strip().splitlines()] == [
        "serve",
        "report",
        "price",
        "prices",
        "estimate",
        "reprice",
        "rules",
        "doctor",
        "demo",
    ]


def test_where_there_is_no_posix_the_help_shows_and_a_receiver_says_what_it_needs() -> None:
    program = """
import asyncio, sys
sys.modules.update(fcntl=None, resource=None)
from spancost_collector.__main__ import main
main()
"""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)

    helped, served = run("--help"), run("serve", "--listen", "127.0.0.1:0")

    assert helped.returncode == 0
    assert "doctor    Not on this system: needs Linux or macOS." in helped.stdout
    assert "report    Who spent what" in helped.stdout
    assert served.returncode == 2
    assert served.stderr == (
        "spancost: this command needs Linux or macOS; elsewhere, run the receiver in WSL or as a container."
        " Apps are instrumented on any system\n"
    )


def test_a_command_that_is_not_there_names_the_nearest() -> None:
    result = CliRunner().invoke(app, ["repotr"])

    assert result.exit_code == 2
    assert "No such command 'repotr'. Did you mean 'report', 'reprice'?" in result.output
