"""`spancost prices update`: newer price data is shown, taken over and given back."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.collector.prices_command.running import NOON, data, document, output, prices, saved
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.price_data import PriceDataFolder, load_current_book
from spancost_pricing import ConfigError, PriceFileError, Route, Usage

if TYPE_CHECKING:
    from pathlib import Path


def test_newer_data_is_shown_kept_by_its_content_and_used(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one=2))
    newer = data(one=2.5, two=1)

    said = output("update", "--file", saved(tmp_path, newer))

    assert "new models, 1: acme two" in said
    row = next(line.split() for line in said.splitlines() if line.startswith("acme"))
    assert row == ["acme", "one", "input_per_mtok", "always", "2", "2.5", "+25", "%"]
    assert (folder.folder / f"{hashlib.sha256(newer).hexdigest()}.json").read_bytes() == newer
    assert len(list(folder.folder.glob("*.json"))) == 2
    charge = load_current_book().charge(Route("acme", "one"), Usage(input_tokens=4), NOON)
    assert charge.total_pico == 10_000_000
    assert charge.items[0].rate.source == f"genai-prices data {hashlib.sha256(newer).hexdigest()[:12]}"


def test_the_commands_charge_by_the_data_in_use(folder: PriceDataFolder) -> None:
    folder.adopt(data(one=3))

    arguments = ["price", "--provider", "acme", "--model", "one", "--input-tokens", "1000000", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments).stdout)

    assert found["cost_usd"] == "3"


def test_a_dry_run_changes_nothing(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one=2))

    found = document("update", "--dry-run", "--file", saved(tmp_path, data(one=9)))

    assert (found["adopted"], found["rates"][0]["jump"], found["rates"][0]["change"]) == (False, True, "+350 %")
    assert load_current_book().charge(Route("acme", "one"), Usage(input_tokens=1), NOON).total_pico == 2_000_000


@pytest.mark.parametrize(
    ("newer", "said"),
    [
        (data(one=2.7, two=1), "update: 1 rate moves by more than 30 % or goes away; nothing was changed."),
        (data(one=2, three=1), "update: 1 model goes; nothing was changed."),
        (data(one=2), "update: the file knows 1 models, fewer than the 2 known now; nothing was changed."),
    ],
    ids=["jump", "model-gone", "shrink"],
)
def test_a_large_change_needs_somebodys_word(tmp_path: Path, folder: PriceDataFolder, newer: bytes, said: str) -> None:
    folder.adopt(data(one=2, two=1))
    before = load_current_book().version

    refused = prices("update", "--file", saved(tmp_path, newer))

    assert isinstance(refused.exception, ConfigError)
    assert str(refused.exception) == f"{said} If that is right, say --yes"
    assert load_current_book().version == before
    assert document("update", "--yes", "--file", saved(tmp_path, newer))["adopted"] is True
    assert load_current_book().version != before


@pytest.mark.parametrize(("answer", "status", "pico"), [("n", 1, 2_000_000), ("y", 0, 9_000_000)])
def test_at_a_terminal_a_jump_is_asked_about(
    tmp_path: Path, folder: PriceDataFolder, answer: str, status: int, pico: int
) -> None:
    folder.adopt(data(one=2))
    here, there = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "spancost_collector", "prices", "update", "--file", saved(tmp_path, data(one=9))],
        stdin=there,
        stdout=there,
        stderr=there,
    ) as command:
        os.write(here, f"{answer}\n".encode())
        found = command.wait(timeout=60)
    os.close(there)
    os.close(here)

    assert found == status
    assert load_current_book().charge(Route("acme", "one"), Usage(input_tokens=1), NOON).total_pico == pico


def test_a_change_that_a_correction_overrules_says_so(tmp_path: Path, folder: PriceDataFolder) -> None:
    def mistral(price: float) -> bytes:
        model = {
            "id": "mistral-large-latest",
            "match": {"equals": "mistral-large-latest"},
            "prices": {"input_mtok": price},
        }
        return json.dumps([{"id": "mistral", "name": "M", "api_pattern": "m", "models": [model]}]).encode()

    folder.adopt(mistral(2))

    found = document("update", "--dry-run", "--file", saved(tmp_path, mistral(2.2)))

    assert found["rates"][0]["decided_by"].startswith("corrections.yaml: prices[")


@pytest.mark.parametrize("arguments", [(), ("--reset", "--file", "data.json")])
def test_an_update_needs_a_file_or_a_way_back(arguments: tuple[str, ...]) -> None:
    assert isinstance(prices("update", *arguments).exception, ConfigError)


def test_a_file_that_is_no_price_data_changes_nothing(tmp_path: Path, folder: PriceDataFolder) -> None:
    assert isinstance(prices("update", "--file", saved(tmp_path, b"<html>")).exception, PriceFileError)
    assert isinstance(prices("update", "--file", str(tmp_path / "none.json")).exception, ConfigError)
    assert folder.current() is None


def test_going_back_uses_the_installed_data_and_keeps_the_rest(folder: PriceDataFolder) -> None:
    installed = load_current_book().version
    adopted = folder.adopt(data(one=2))

    assert output("update", "--reset").endswith("is in use now\n")

    assert load_current_book().version == installed
    assert adopted.path.exists()
    assert output("update", "--reset").endswith("was in use already\n")


@pytest.mark.parametrize("harm", ["changed", "gone", "pointer"])
def test_broken_data_is_never_used_and_the_way_back_is_named(folder: PriceDataFolder, harm: str) -> None:
    adopted = folder.adopt(data(one=2))
    match harm:
        case "changed":
            adopted.path.write_bytes(data(one=1))
        case "gone":
            adopted.path.unlink()
        case _:
            (folder.folder / "current").write_text('{"sha256": "../../elsewhere", "beside": ""}')

    with pytest.raises(PriceFileError, match="Run `spancost prices update --reset` to go back"):
        load_current_book()

    output("update", "--reset")
    assert load_current_book().snapshot.version.startswith("genai-prices 0.2.3 (")


def test_broken_data_can_be_replaced_without_going_back_first(tmp_path: Path, folder: PriceDataFolder) -> None:
    folder.adopt(data(one=2)).path.unlink()

    result = prices("update", "--yes", "--file", saved(tmp_path, data(one=3)))

    assert result.exit_code == 0, result.output
    assert "comparing with the installed price data instead" in result.stderr
    assert load_current_book().charge(Route("acme", "one"), Usage(input_tokens=1), NOON).total_pico == 3_000_000


def test_data_that_outlived_another_installation_is_warned_about(
    folder: PriceDataFolder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.adopt(data(one=2))
    load_current_book()
    assert caplog.text == ""
    pointer = folder.folder / "current"
    pointer.write_text(pointer.read_text().replace("0.2.3", "0.1.0"))

    load_current_book()

    assert "other data was installed, which may be newer" in caplog.text


def test_a_folder_that_cannot_be_written_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(ConfigError, match="price data cannot be kept"):
        PriceDataFolder().adopt(data(one=2))
