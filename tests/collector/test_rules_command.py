"""`spancost rules`: ordinary files for Prometheus, or one clear line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from typer.testing import CliRunner

from spancost_collector.cli import app
from spancost_collector.rules import render
from spancost_collector.rules.values import default_values
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_rules_are_printed_or_written_into_a_folder_that_need_not_be_there(tmp_path: Path) -> None:
    out = tmp_path / "etc" / "rules"

    printed = CliRunner().invoke(app, ["rules"])
    written = CliRunner().invoke(app, ["rules", "--out", str(out)])

    assert printed.exit_code == written.exit_code == 0
    assert printed.stdout == render(default_values())
    assert (out / "spancost.yaml").read_text(encoding="utf-8") == printed.stdout
    assert written.stdout == f"{out}/spancost.yaml: written; `promtool check rules {out}/spancost.yaml` checks it\n"


def test_printed_values_are_a_values_file_that_changes_nothing(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(CliRunner().invoke(app, ["rules", "--print-values"]).stdout, encoding="utf-8")

    assert yaml.safe_load(values.read_text(encoding="utf-8")) == default_values()
    assert CliRunner().invoke(app, ["rules", "--values", str(values)]).stdout == render(default_values())


def test_a_values_file_that_cannot_be_used_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("spend: {daily: 25}\n")

    done = CliRunner().invoke(app, ["rules", "--values", str(values), "--out", str(tmp_path / "out")])

    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == f'{values}: spend.daily: unknown. Did you mean "spend.daily_usd"?'
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = CliRunner().invoke(app, ["rules", "--out", str(tmp_path / "file" / "rules")])

    assert isinstance(done.exception, ConfigError)
    assert "rules/spancost.yaml: cannot be written: Not a directory" in str(done.exception)


def test_a_date_where_a_threshold_should_stand_is_said_with_its_place(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("spend:\n  daily_usd: 2026-13-01\n", encoding="utf-8")

    done = CliRunner().invoke(app, ["rules", "--values", str(values)])

    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith(f"{values}: spend.daily_usd: got '2026-13-01'; expected a number")
