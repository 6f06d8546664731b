"""`spancost serve` says what it would run with, and refuses what it cannot run with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from spancost_collector.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["spancost", "serve", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code if isinstance(left.value.code, int) else 0


def test_the_configuration_in_force_is_printed_and_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "spancost.yaml"
    file.write_text("ledger: /from/file\nlabels: {max_values: 7}\nforward: [tempo:4317]\n")
    monkeypatch.setenv("SPANCOST_CONFIG", str(file))
    monkeypatch.setenv("SPANCOST_LEDGER", "/from/environment")

    status = run(
        monkeypatch, "--http-listen", "off", "--forward", "a:1", "--forward", "b:2", "--tenant-label", "--print-config"
    )

    printed = yaml.safe_load(capsys.readouterr().out)
    assert status == 0
    assert (printed["ledger"], printed["http"]["listen"], printed["labels"]) == (
        "/from/environment",
        "off",
        {"tenant": True, "max_values": 7, "max_combinations": 5000, "max_histogram_combinations": 1000},
    )
    assert [hop["endpoint"] for hop in printed["forward"]] == ["a:1", "b:2"]


def test_the_configuration_is_printed_after_what_has_no_effect_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPANCOST_LEDGR", "/x")

    status = run(monkeypatch, "--print-config")

    said = capsys.readouterr()
    assert status == 0
    assert said.err.splitlines() == [
        "spancost: SPANCOST_LEDGR: is not a setting and has no effect; did you mean SPANCOST_LEDGER?"
    ]
    assert yaml.safe_load(said.out)["web"]["listen"] == "127.0.0.1:9464"


def test_the_schema_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--print-schema") == 0
    assert json.loads(capsys.readouterr().out)["properties"].keys() >= {"grpc", "http", "ledger", "forward"}


def test_everything_that_is_wrong_is_said_and_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "spancost.yaml"
    file.write_text("ledgr: /x\n")
    monkeypatch.setenv("SPANCOST_GRACE_SECONDS", "soon")

    status = run(monkeypatch, "--config", str(file), "--listen", "0.0.0.0:4317")

    assert status == 2
    assert capsys.readouterr().err.splitlines() == [
        'spancost: SPANCOST_GRACE_SECONDS: got "soon"; expected a number',
        "spancost.yaml:1: ledgr: unknown key; did you mean ledger?",
        "--listen: got 0.0.0.0:4317, which others than this machine can reach; set grpc.tls or grpc.tokens,"
        " or grpc.insecure: true where the network keeps others out",
    ]
