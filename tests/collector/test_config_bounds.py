"""Settings that nothing could work with are refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_collector import locations
from spancost_collector.config import load
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.conftest import Write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('ledger: "a\\0b"', "spancost.yaml:1: ledger: "),
        ('prices: "a\\ud800b"', "spancost.yaml:1: prices: "),
    ],
)
def test_a_path_that_no_file_can_have_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "spancost.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file, {}, {})
    assert str(refused.value).startswith(said)
    assert "expected a path; no file can have this name" in str(refused.value)


@pytest.mark.parametrize("key", ["ledger", "prices"])
def test_a_path_in_a_home_that_nobody_knows_is_refused_with_its_line(write: Write, key: str) -> None:
    said = 'got "~nobody-here/x"; expected a path; ~nobody-here is no home directory that is known here'
    with pytest.raises(ConfigError) as refused:
        load(write(f"{key}: ~nobody-here/x"), {}, {})
    assert str(refused.value) == f"spancost.yaml:1: {key}: {said}"

    with pytest.raises(ConfigError) as refused:
        load(None, {f"SPANCOST_{key.upper()}": "~nobody-here/x"}, {})
    assert str(refused.value) == f"SPANCOST_{key.upper()}: {said}"


@pytest.mark.parametrize(
    ("name", "said"),
    [("~nobody-here/token", "No such file or directory"), ("a\\0b", "is not text")],
)
def test_a_file_that_nobody_can_have_is_refused_with_its_line(write: Write, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"^spancost\.yaml:1: attribution\.salt: .* cannot be read: {said}"):
        load(write(f'attribution: {{salt: "${{file:{name}}}"}}'), {}, {})


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_name: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(locations, "user_data_path", nowhere)

    with pytest.raises(ConfigError, match=r"no home directory, .*; set HOME, or XDG_DATA_HOME"):
        load(None, {}, {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "intake: {max_message_bytes: 3GiB, max_queue_bytes: 9GiB}",
            'spancost.yaml:1: intake.max_message_bytes: got "3GiB"; expected at most 2147483647',
        ),
        (
            "election: {max_calls: 99999999999999999999999}",
            "spancost.yaml:1: election.max_calls: got 99999999999999999999999; expected at most 2147483647",
        ),
    ],
)
def test_a_number_that_is_too_large_to_be_used_is_refused_with_its_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "spancost.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file, {}, {})
    assert str(refused.value) == problem
