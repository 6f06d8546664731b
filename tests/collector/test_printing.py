"""Every command shows names as they are, also those that look like the markup of the library that draws tables."""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.cli import run as run_command
from spancost_collector.cli.printing import console, draw, say, table

FULL = Path("/dev/full")
MODEL = "[/red]"
PRICES = """version: 1
prices:
  - {provider: acme, model: "[/red]", input_per_mtok: "1", output_per_mtok: "2", source: "[bold]list[/bold] :free:"}
  - {provider: "[acme]", model: "[link=x]one", input_per_mtok: "1", output_per_mtok: "2"}
"""
SOURCE = "prices.yaml: prices[0] ([bold]list[/bold] :free:)"


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A price file whose names are markup."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("SPANCOST_PRICES", raising=False)
    path = tmp_path / "prices.yaml"
    path.write_text(PRICES)
    return str(path)


def output(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_a_console_takes_text_literally_and_keeps_the_styles_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    made = table("model [b]", "USD", right=("USD",), totals={"model [b]": "[total]"})
    made.add_row("[/red] :free:", "1")
    to = console()
    draw(to, made)
    to.print("[acme] in yellow", style="bold yellow")
    say(to, "[/plain] " + "x" * 300)

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "model [b]      USD",
        "[/red] :free:    1",
        "[total]",
        "[acme] in yellow",
        "[/plain] " + "x" * 300,
    ]


@pytest.mark.parametrize("width", [1, 12, 27])
def test_a_terminal_that_is_too_narrow_cuts_names_and_never_figures(width: int) -> None:
    written = StringIO()
    made = table("model", "tokens", "cost USD", right=("tokens", "cost USD"), totals={"cost USD": "112,500.000121"})
    made.add_row("gpt-5-mini", "10", "112,500.000000")
    draw(Console(file=written, width=width, force_terminal=True, color_system=None), made)

    assert [line.rstrip() for line in written.getvalue().splitlines()] == [
        "model  tokens        cost USD",
        "gpt-5      10  112,500.000000",
        "-mini",
        "               112,500.000121",
    ]


def test_a_row_stays_on_one_line_of_a_pipe_however_long_its_names_are(capsys: pytest.CaptureFixture[str]) -> None:
    made = table("model", "feature", "USD", right=("USD",), totals={"model": "total", "USD": "12"})
    made.add_row("m" * 300, "漢", "2")
    made.add_row("", "search", "10")
    draw(console(), made)

    assert capsys.readouterr().out.splitlines() == [
        "model" + " " * 295 + "  feature  USD",
        "m" * 300 + "  漢         2",
        " " * 300 + "  search    10",
        "total" + " " * 295 + "            12",
    ]


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", b"b\\xfccher\\u6f22"), ("latin-1", b"b\xfccher\\u6f22")])
def test_a_name_that_the_terminal_has_no_signs_for_is_written_out(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: bytes
) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding=encoding))
    call = ["--provider", "openai", "--model", "bücher漢", "--input-tokens", "1"]
    monkeypatch.setattr(sys, "argv", ["spancost", "price", *call])

    with pytest.raises(SystemExit) as left:
        run_command()
    sys.stdout.flush()

    assert left.value.code == 0
    assert b"'" + shown + b"'" in written.getvalue()


def test_a_file_of_calls_is_written_in_utf_8_as_it_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls, written = tmp_path / "calls.csv", BytesIO()
    calls.write_text("provider,model,input_tokens\nopenai,bücher漢,1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="latin-1"))
    monkeypatch.setattr(sys, "argv", ["spancost", "price", "--csv", str(calls)])

    with pytest.raises(SystemExit):
        run_command()
    sys.stdout.flush()

    assert written.getvalue().decode().splitlines()[1] == "openai,bücher漢,1,unpriced,"


@pytest.mark.parametrize(
    ("stream", "arguments", "status"),
    [
        ("stdout", ["prices", "list", "--provider", "cohere"], 0),
        ("stdout", ["price", "--csv"], 0),
        ("stderr", ["prices", "list", "--provider", "nobody"], 2),
        ("stdin", ["estimate", "--provider", "openai", "--model", "gpt-5"], 2),
    ],
)
def test_a_stream_that_is_closed_fails_no_command(
    stream: str, arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("provider,model,input_tokens\nopenai,gpt-5,1\n")
    monkeypatch.setattr(sys, "argv", ["spancost", *arguments, *([str(calls)] if arguments[-1] == "--csv" else ())])
    monkeypatch.setattr(sys, stream, None)

    try:
        left = run_command()
    except SystemExit as ended:
        left = ended.code
    getattr(sys, stream).close()

    assert left == status


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    "command",
    [
        ["prices", "list", "--provider", "cohere"],
        ["prices", "list", "--provider", "cohere", "--json"],
        ["price", "--csv"],
        ["--version"],
    ],
)
def test_output_for_which_there_is_no_room_ends_in_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("provider,model,input_tokens\nopenai,gpt-5,1\n")
    monkeypatch.setattr(sys, "argv", ["spancost", *command, *([str(calls)] if command[-1] == "--csv" else ())])
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        status = run_command()

    assert (status, capsys.readouterr().err) == (
        2,
        "spancost: the output cannot be written: No space left on device\n",
    )


def test_output_that_nobody_reads_on_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("provider,model,input_tokens\nopenai,gpt-5,1\n")
    monkeypatch.setattr(sys, "argv", ["spancost", "price", "--csv", str(calls)])
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        status = run_command()

    assert (status, capsys.readouterr().err) == (1, "")


def test_price_shows_names_as_they_are(prices: str) -> None:
    shown = output("price", "--provider", "acme", "--model", MODEL, "--input-tokens", "4", "--prices", prices)

    # 4 x 1 USD the million.
    assert shown.splitlines()[1].split(maxsplit=6) == [
        "input",
        "4",
        "1",
        "0.000004",
        "always",
        "user",
        f"acme/[/red]:input  {SOURCE}",
    ]


def test_price_shows_the_reason_for_no_price_as_it_is(prices: str) -> None:
    shown = output("price", "--provider", "[/b]", "--model", "[acme]", "--input-tokens", "4", "--prices", prices)

    assert "status unpriced: unknown_provider (no price list for provider '[/b]')" in shown


def test_prices_check_shows_names_as_they_are(prices: str) -> None:
    shown = output("prices", "check", prices)

    assert f"  {SOURCE}" in shown
    assert ["acme", MODEL, "input_per_mtok", "1", "user"] in [line.split()[:5] for line in shown.splitlines()]
    assert ["[acme]", "[link=x]one", "input_per_mtok", "1", "user"] in [line.split()[:5] for line in shown.splitlines()]
    assert 'warning: prices.yaml: prices[1]: no price list knows a provider "[acme]"' in shown


def test_prices_show_and_list_show_names_as_they_are(prices: str) -> None:
    shown = output("prices", "show", "acme", MODEL, "--prices", prices)
    listed = output("prices", "list", "--provider", "[acme]", "--prices", prices)

    assert shown.splitlines()[0] == "acme [/red]: priced"
    assert shown.splitlines()[2].rstrip().endswith(f"user   {SOURCE}")
    assert listed.splitlines()[1].split()[:3] == ["[acme]", "[link=x]one", "1"]


def test_prices_update_shows_names_as_they_are(tmp_path: Path, prices: str) -> None:
    def data(name: str, usd: float) -> str:
        listed = [{"id": MODEL, "match": {"equals": MODEL}, "prices": {"input_mtok": usd}}]
        path = tmp_path / name
        path.write_text(json.dumps([{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": listed}]))
        return str(path)

    first = output("prices", "update", "--yes", "--file", data("first.json", 1.0))
    second = output("prices", "update", "--yes", "--file", data("second.json", 3.0))

    assert "new models, 1: acme [/red]" in first
    assert ["acme", MODEL, "input_per_mtok", "always", "1", "3", "+200"] in [
        line.split()[:7] for line in second.splitlines()
    ]
