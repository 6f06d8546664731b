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


def test_a_command_that_is_not_there_names_the_nearest() -> None:
    result = CliRunner().invoke(app, ["repotr"])

    assert result.exit_code == 2
    assert "No such command 'repotr'. Did you mean 'report', 'reprice'?" in result.output
