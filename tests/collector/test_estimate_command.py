"""`spancost estimate` prints the library's estimate, exactly, and refuses bad input in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from spancost_collector.cli.estimate import estimate
from spancost_pricing import ConfigError, UnknownModelError

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

PRICES = """
version: 1
prices:
  - {provider: acme, model: claude-3-haiku, input_per_mtok: "1", cache_read_per_mtok: "0.1", output_per_mtok: "5"}
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


class Run:
    """The command on a price file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prices = folder / "prices.yaml"
        self._prices.write_text(PRICES)
        self._app = typer.Typer()
        self._app.command()(estimate)

    def file(self, name: str, text: str) -> str:
        path = self._folder / name
        path.write_text(text)
        return str(path)

    def __call__(self, *arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(
            self._app, ["--provider", "acme", "--prices", str(self._prices), *arguments], input=stdin
        )


def test_the_table_shows_tokens_money_and_what_was_assumed(run: Run) -> None:
    result = run("--model", "claude-3-haiku", "--max-tokens", "1000", "--choices", "2", stdin="Hello there.")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["input", "tokens", "output", "tokens", "cost", "USD"]
    assert [line.split()[0] for line in lines[1:4]] == ["lower", "expected", "upper"]
    assert lines[1].split()[2] == "0"
    assert lines[3].split()[2] == "2,000"
    assert float(lines[3].split()[3]) == pytest.approx(0.01, rel=0.01)  # 2000 x 5, and a few tokens of input
    assert any(line.startswith("assumed: tokens counted by what the text is made of") for line in lines)


def test_json_has_money_as_text_and_says_why_there_is_no_bound(run: Run) -> None:
    body = run.file(
        "body.json", json.dumps({"model": "claude-3-haiku", "messages": [{"role": "user", "content": "a"}]})
    )

    shown = json.loads(run("--json", body).stdout)

    assert shown["model"] == "claude-3-haiku"
    assert shown["unbounded"] is True
    assert shown["unbounded_because"] == ["nothing limits the answer; give max_output_tokens (--max-tokens)"]
    assert shown["upper"]["cost_usd"] is None
    assert shown["lower"]["cost_usd"] == "0"
    assert shown["lower"]["output_tokens"] == 0


def test_the_limit_in_the_body_bounds_the_call(run: Run) -> None:
    body = json.dumps({"model": "claude-3-haiku", "max_tokens": 1000, "messages": [{"role": "user", "content": "a"}]})

    shown = json.loads(run("--json", stdin=body).stdout)

    assert (shown["unbounded"], shown["upper"]["output_tokens"]) == (False, 1000)


def test_a_byte_order_mark_does_not_make_a_body_text(run: Run) -> None:
    body = '\ufeff{"model": "claude-3-haiku", "max_tokens": 1000, "messages": [{"role": "user", "content": "a"}]}'

    for result in (run("--json", run.file("body.json", body)), run("--json", stdin=body)):
        assert json.loads(result.stdout)["upper"]["output_tokens"] == 1000


def test_text_that_only_begins_like_json_is_text(run: Run) -> None:
    result = run("--json", "--model", "claude-3-haiku", "--max-tokens", "1", stdin="[draft] Hello there.")

    assert json.loads(result.stdout)["expected"]["input_tokens"] > 5


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        ((), "Hello", "--model: neither given nor in the request body"),
        (("--model", "claude-3-haiku"), "  \n", "standard in: is empty"),
        (("--model", "claude-3-haiku", "/nowhere/prompt.txt"), "", "/nowhere/prompt.txt: cannot be read"),
        (("--model", "claude-3-haiku", "--at", "soon"), "Hello", '--at: got "soon"'),
        (("--model", "claude-3-haiku", "--max-tokens", "0"), "Hello", "max_output_tokens: got 0"),
        (("--model", "claude-3-haiku"), '{"a": 1}', "an object without a prompt in it"),
    ],
)
def test_bad_input_is_one_clear_error(run: Run, arguments: tuple[str, ...], stdin: str, message: str) -> None:
    result = run(*arguments, stdin=stdin)

    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_broken_json_in_a_json_file_is_said_and_not_priced_as_text(run: Run) -> None:
    result = run("--model", "claude-3-haiku", run.file("body.json", '{"messages": ['))

    assert isinstance(result.exception, ConfigError)
    assert "is not JSON" in str(result.exception)


def test_a_model_without_a_price_is_an_error(run: Run) -> None:
    assert isinstance(run("--model", "claude-9", stdin="Hello").exception, UnknownModelError)
