"""Settings that nothing could work with are refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_collector.config import load
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


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
