"""What a file of settings can say: values from elsewhere and paths, each read where it is; and what is no such file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.collector.refused import problems

from spancost_collector.config import load

if TYPE_CHECKING:
    from tests.collector.conftest import Write


def test_values_come_from_the_environment_and_from_files(write: Write, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123\n")
    file = write(
        f"""grpc:
  tokens: ["${{env:TOKEN}}", "${{file:{tmp_path}/token}}", "a$$b"]
intake: {{max_concurrent_requests: "${{env:THREADS:-7}}"}}
ledger: ${{env:STATE}}/ledger.sqlite3
"""
    )

    settings = load(file, {"TOKEN": "00", "STATE": "/var/lib/spancost"}, {}).settings

    assert [token.get_secret_value() for token in settings.grpc.tokens] == ["00", "0123", "a$b"]
    assert (settings.intake.max_concurrent_requests, str(settings.ledger)) == (7, "/var/lib/spancost/ledger.sqlite3")


def test_a_path_in_the_file_is_relative_to_the_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "token").write_text("secret\n")
    path = write(
        "ledger: kept/ledger.sqlite3\n"
        "prices: ~/prices.yaml\n"
        "revenue: /srv/revenue.csv\n"
        "labels: {tenant: true}\n"
        "grpc: {tls: {cert: server.pem, key: server.key}, tokens: ['${file:token}']}\n"
        "forward: ['tempo:4317', {endpoint: 'https://example.com', tls: {ca: ours.pem}}]\n"
    )
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", "/home/someone")
    settings = load(Path("..") / path.name, {}, {}).settings

    assert settings.grpc.tls is not None
    assert settings.forward[1].tls is not None
    assert settings.forward[0].endpoint == "tempo:4317"
    assert [token.get_secret_value() for token in settings.grpc.tokens] == ["secret"]
    assert [settings.prices, settings.revenue] == [Path("/home/someone/prices.yaml"), Path("/srv/revenue.csv")]
    relative = [settings.ledger, settings.grpc.tls.cert, settings.grpc.tls.key, settings.forward[1].tls.ca]
    assert [found and found.resolve() for found in relative] == [
        tmp_path / "kept" / "ledger.sqlite3",
        tmp_path / "server.pem",
        tmp_path / "server.key",
        tmp_path / "ours.pem",
    ]


def test_a_path_of_the_environment_or_the_command_line_is_relative_to_where_one_is(write: Write) -> None:
    path = write("ledger: from-file\nprices: from-file\n")
    settings = load(path, {"SPANCOST_PRICES": "mine.yaml"}, {"--ledger": (("ledger",), Path("mine.sqlite3"))}).settings
    assert (settings.ledger, settings.prices) == (Path("mine.sqlite3"), Path("mine.yaml"))


def test_what_cannot_be_put_in_is_named(write: Write) -> None:
    assert problems(write("ledger: ${env:NOBODY}\nprices: ${file:/no/where}\ntime_zone: ${vault:x}\n"))[:3] == [
        "spancost.yaml:1: ledger: environment variable NOBODY is not set; set it, or give a default: ${env:NOBODY:-…}",
        "spancost.yaml:2: prices: /no/where cannot be read: No such file or directory",
        "spancost.yaml:3: time_zone: got ${vault:x}; expected ${env:NAME} or ${file:PATH}, or $$ for a dollar",
    ]


def test_what_looks_like_a_date_is_text_whether_or_not_a_calendar_has_it(write: Write) -> None:
    assert load(write("ledger: 2026-13-01\n"), {}, {}).settings.ledger.name == "2026-13-01"
    assert problems(write("workers: 2026-13-01\n")) == [
        'spancost.yaml:1: workers: got "2026-13-01"; expected a whole number'
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a", "spancost.yaml: got list; expected a mapping of settings, e.g. ledger: PATH"),
        (
            "a: [",
            "spancost.yaml: is not valid YAML: while parsing a flow node (line 1, column 5), "
            "expected the node content, but found '<stream end>' (line 1, column 5)",
        ),
        (
            "ledger: /a\n? [a]\n: b",
            "spancost.yaml: is not valid YAML: found a list or a mapping where a key should stand (line 2, column 3)",
        ),
        (
            "ledger: /a\x00",
            "spancost.yaml: is not valid YAML: special characters are not allowed (character 11 of the file)",
        ),
        (
            "ledger: " + "[" * 10_000,
            "spancost.yaml: is not valid YAML: found more than 50 lists and mappings within each other"
            " (line 1, column 59)",
        ),
        ("ledger: &a [*a]", "spancost.yaml: is not valid YAML: found *a within itself (line 1, column 13)"),
        ("ledger: /a\nledger: /b", "spancost.yaml:2: ledger: stands twice; keep one"),
    ],
)
def test_a_file_that_is_not_a_mapping_of_settings_is_refused(write: Write, text: str, problem: str) -> None:
    assert problems(write(text))[0].startswith(problem)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "no.yaml") == [f"{tmp_path}/no.yaml: cannot be read: No such file or directory"]
