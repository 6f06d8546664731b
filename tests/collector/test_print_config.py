"""What `spancost serve --print-config` prints: who said what, no secret, and a file that means the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from spancost_collector.config import load, render
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.conftest import Write

    from spancost_collector.config import Loaded


def loaded_example(write: Write) -> Loaded:
    file = write(
        """grpc: {tokens: [hush-hush]}
forward:
  - endpoint: https://otlp.example.com
    headers: {x-key: hush-hush}
attribution: {salt: hush-hush-hush-hush, keys: {feature: [app.feature]}}
"""
    )
    return load(file, {"SPANCOST_WEB_LISTEN": "127.0.0.1:1"}, {"--ledger": (("ledger",), "/flag")})


def test_the_printed_configuration_says_who_said_what_and_hides_secrets(write: Write) -> None:
    lines = [re.sub(" {2,}# ", " # ", line) for line in render(loaded_example(write)).splitlines()]

    assert "hush" not in "".join(lines)
    assert [line for line in lines if "# default" not in line] == [
        "grpc:",
        "  tokens: ['****************'] # spancost.yaml:1",
        "http:",
        "web:",
        "  listen: 127.0.0.1:1 # SPANCOST_WEB_LISTEN",
        "intake:",
        "ledger: /flag # --ledger",
        "forward:",
        "  - endpoint: https://otlp.example.com # spancost.yaml:3",
        "    headers:",
        "      x-key: '****************' # spancost.yaml:4",
        "labels:",
        "metrics:",
        "attribution:",
        "  keys:",
        "    feature: [app.feature] # spancost.yaml:5",
        "  salt: '****************' # spancost.yaml:5",
        "election:",
        "log:",
    ]


PRINTABLE = [
    "",
    "{http: {listen: off}, prices: null, own_traces: null, metrics: {otlp: null}, forward: [], subscriptions: []}",
    "{ledger: 'led$$ger $${x}.sqlite3', attribution: {keys: {feature: ['$${env:NOT_SET}', 'x, y', '#z', 'on', '12']}}}",
    """forward:
  - a:1
  - {endpoint: 'c:3', tls: {insecure: true}}
  - {endpoint: 'https://b/$$x', protocol: http/protobuf, tls: {ca: ca.pem}, required: false, max_queue_bytes: 1MiB}
subscriptions: [{agent: codex, user: ''}, {service: 'yes', organization: '*'}]
""",
    "{grpc: {listen: '[::]:4317', tls: {cert: me.pem, key: me.key, client_ca: ca.pem}}, time_zone: Europe/Vienna}",
    "{grace_seconds: 1e-9, intake: {max_queue_bytes: 3.5GiB, max_waiting_requests: 0}, labels: {tenant: true}}",
]


@pytest.mark.parametrize("text", PRINTABLE)
def test_the_printed_configuration_means_the_same_wherever_it_is_read(write: Write, tmp_path: Path, text: str) -> None:
    first = load(write(text), {}, {})
    elsewhere = tmp_path / "elsewhere" / "spancost.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(render(first), encoding="utf-8")

    assert load(elsewhere, {}, {}).settings == first.settings


def test_a_relative_path_of_the_command_line_is_printed_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = render(load(None, {}, {"--ledger": (("ledger",), "mine.sqlite3")}))

    assert f"ledger: {tmp_path}/mine.sqlite3 " in printed


def test_a_printed_secret_is_not_mistaken_for_one(write: Write) -> None:
    printed = render(loaded_example(write))

    with pytest.raises(ConfigError) as refused:
        load(write(printed), {}, {})

    rule = "got a secret; expected the secret itself or ${env:NAME}; this is what --print-config shows in its place"
    assert [line.partition(": ")[2] for line in str(refused.value).splitlines()] == [
        f"grpc.tokens[0]: {rule}",
        f"forward[0].headers.x-key: {rule}",
        f"attribution.salt: {rule}",
    ]
