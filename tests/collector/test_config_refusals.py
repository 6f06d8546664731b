"""What cannot work is refused all at once: where it stands, what is wrong with it, and never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.collector.refused import problems

from spancost_collector.config import load

if TYPE_CHECKING:
    from tests.collector.conftest import Write


def test_all_problems_of_all_sources_are_reported_together(write: Write) -> None:
    file = write(
        """grpc:
  listen: 127.0.0.1:70000
  tokns: [a]
http:
  tls: {cert: server.pem}
intake: {max_concurrent_requests: yes, max_queue_bytes: 1MiB}
forward:
  - endpoint: tempo
    protocol: grcp
  - {}
labels: {tenant: maybe, max_values: 0}
attribution: {keys: {featur: [a]}}
time_zone: Europe/Wien
log: text
ledgr: /x
listen: 127.0.0.1:1
"""
    )

    assert problems(file, {"SPANCOST_WEB_LISTEN": "here"}, grace_seconds=-1) == [
        'spancost.yaml:2: grpc.listen: got "127.0.0.1:70000";'
        " expected host:port, e.g. 127.0.0.1:4317 or [::1]:4317, or off",
        "spancost.yaml:3: grpc.tokns: unknown key; did you mean tokens?",
        "spancost.yaml:5: http.tls.key: is missing",
        'SPANCOST_WEB_LISTEN: got "here"; expected host:port, e.g. 127.0.0.1:4317 or [::1]:4317, or off',
        "spancost.yaml:6: intake.max_concurrent_requests: got true; expected a number",
        'spancost.yaml:8: forward[0].endpoint: got "tempo";'
        " expected host:port or an http:// or https:// URL, e.g. tempo:4317",
        "spancost.yaml:9: forward[0].protocol: got \"grcp\"; expected 'grpc' or 'http/protobuf'",
        "spancost.yaml:10: forward[1].endpoint: is missing, e.g. tempo:4317",
        'spancost.yaml:11: labels.tenant: got "maybe"; expected true or false',
        "spancost.yaml:11: labels.max_values: got 0; expected at least 1",
        "spancost.yaml:12: attribution.keys.featur: unknown key;"
        " expected 'feature', 'task', 'tenant', 'user', 'session', 'prompt' or 'prompt_version'",
        'spancost.yaml:13: time_zone: got "Europe/Wien"; expected the name of a time zone, e.g. Europe/Vienna or UTC;'
        " did you mean Europe/Vienna?",
        "--grace_seconds: got -1; expected more than 0",
        'spancost.yaml:14: log: got "text"; expected a mapping',
        "spancost.yaml:15: ledgr: unknown key; did you mean ledger?",
        "spancost.yaml:16: listen: unknown key; did you mean grpc.listen?",
        "spancost.yaml:6: intake.max_queue_bytes: got 1048576; expected at least intake.max_message_bytes (67108864),"
        " or the largest request never fits",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "grpc: {listen: 0.0.0.0:4317}",
            "grpc.listen: got 0.0.0.0:4317, which others than this machine can reach; set grpc.tls or grpc.tokens,"
            " or grpc.insecure: true where the network keeps others out",
        ),
        (
            "web: {listen: '[::]:9464'}",
            "web.listen: got [::]:9464, which others than this machine can reach; set web.tls or web.tokens,"
            " or web.insecure: true where the network keeps others out",
        ),
        (
            "http: {listen: 127.0.0.1:4317}",
            "http.listen: got 127.0.0.1:4317, which grpc.listen already uses; give it another port",
        ),
        (
            "forward: [127.0.0.1:4317]",
            "forward[0].endpoint: got 127.0.0.1:4317, which is this receiver itself; name the next one",
        ),
        (
            "forward: [localhost:4317]",
            "forward[0].endpoint: got localhost:4317, which is this receiver itself; name the next one",
        ),
        (
            "{http: {listen: '0.0.0.0:4318', insecure: true},"
            " forward: [{endpoint: 'http://localhost:4318', protocol: http/protobuf}]}",
            "forward[0].endpoint: got http://localhost:4318, which is this receiver itself; name the next one",
        ),
        (
            "forward: ['0.0.0.0:4317']",
            "forward[0].endpoint: got 0.0.0.0:4317, which is this receiver itself; name the next one",
        ),
        (
            "own_traces: {endpoint: '127.0.0.1:4317'}",
            "own_traces.endpoint: got 127.0.0.1:4317, which is this receiver itself; name the next one",
        ),
        (
            "forward: [https://otlp.example.com/v1/traces]",
            "forward[0].endpoint: got https://otlp.example.com/v1/traces, and OTLP/gRPC has no path;"
            " say protocol: http/protobuf, or drop the path",
        ),
        (
            "{grpc: {listen: off}, http: {listen: off}}",
            "grpc.listen: got off, as is http.listen; spans have to come in on one of them",
        ),
        (
            "attribution: {hash_identifiers: true}",
            "attribution.hash_identifiers: needs attribution.salt, or anyone could undo the hash by trying names;"
            " e.g. salt: ${env:SPANCOST_SALT}",
        ),
        (
            "revenue: revenue.csv",
            "revenue: stands beside what each tenant costs, and tenants are no label of metrics;"
            " say labels: {tenant: true}",
        ),
        (
            "subscriptions: [{agent: codex}, {}]",
            "subscriptions[1]: names nobody; expected an agent, a service, an organization or a user",
        ),
        (
            "{attribution: {hash_identifiers: true, salt: 0123456789abcdef}, subscriptions: [{user: '*@example.com'}]}",
            "subscriptions[0].user: got *@example.com, which no user is called: attribution.hash_identifiers keeps"
            " hashes instead of names; name the hash that reports show, or the organization",
        ),
        (
            "forward: [{endpoint: 'tempo:4317', headers: {authorization: Bearer x}}]",
            "forward[0].headers: would go to another machine in clear text; use https://, or say tls: {insecure: true}",
        ),
        (
            "own_traces: {endpoint: 'tempo:4317', headers: {authorization: Bearer x}}",
            "own_traces.headers: would go to another machine in clear text; use https://, or say tls: {insecure: true}",
        ),
        (
            "forward: [{endpoint: 'http://tempo:4318', tls: {ca: ca.pem}}]",
            "forward[0].tls: says TLS for an http:// endpoint; write https://, or drop one of the two",
        ),
        (
            "forward: [{endpoint: 'tempo:4317', tls: {cert: me.pem}}]",
            "forward[0].tls: has only one of cert and key; a client certificate needs both",
        ),
    ],
    ids=lambda text: text.partition(":")[0],
)
def test_what_does_not_go_together_is_refused(write: Write, text: str, problem: str) -> None:
    assert problems(write(text)) == [f"spancost.yaml:1: {problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "forward: [{endpoint: 'otel:4318/custom', protocol: http/protobuf}]",
            'forward[0].endpoint: got "otel:4318/custom"; expected host:port or an http:// or https:// URL,'
            " e.g. tempo:4317",
        ),
        (
            "forward: [{endpoint: 'https://a/v1/traces?key=1', protocol: http/protobuf}]",
            'forward[0].endpoint: got "https://a/v1/traces?key=1"; expected a URL without a query;'
            " what says who we are goes into headers, e.g. tempo:4317",
        ),
        ("grace_seconds: .inf", "grace_seconds: got inf; expected at most 3600.0"),
        (
            "metrics: {otlp: {endpoint: 'a:1', interval_seconds: .inf}}",
            "metrics.otlp.interval_seconds: got inf; expected at most 86400.0",
        ),
    ],
    ids=lambda text: text.partition(":")[0],
)
def test_what_could_not_be_followed_is_refused(write: Write, text: str, problem: str) -> None:
    assert problems(write(text)) == [f"spancost.yaml:1: {problem}"]


@pytest.mark.parametrize(
    "text",
    [
        "grpc: {listen: '0.0.0.0:4317', insecure: true}",
        "grpc: {listen: '0.0.0.0:4317', tokens: [one]}",
        "grpc: {listen: '0.0.0.0:4317', tls: {cert: a.pem, key: a.key}}",
        "forward: [{endpoint: 'tempo:4317', headers: {x: y}, tls: {insecure: true}}]",
        "forward: [{endpoint: '127.0.0.1:4319', headers: {x: y}}]",
        "{attribution: {hash_identifiers: true, salt: 0123456789abcdef}, subscriptions: [{user: '5123*'}]}",
        "{grpc: {listen: '127.0.0.1:4319'}, forward: ['localhost:4317', '127.0.0.2:4319', 'tempo:4319']}",
        "",
    ],
)
def test_what_goes_together_is_taken(write: Write, text: str) -> None:
    assert load(write(text), {}, {}).settings.grace_seconds == 10.0


def test_of_what_could_not_be_put_in_nothing_more_is_said(write: Write) -> None:
    file = write("workers: ${env:WORKERS}\nhttp: {tokens: ['${env:TOKEN}']}\ngrpc: {listen: '${port}'}\n")

    assert problems(file) == [
        "spancost.yaml:1: workers: environment variable WORKERS is not set; set it, or give a default:"
        " ${env:WORKERS:-…}",
        "spancost.yaml:2: http.tokens[0]: environment variable TOKEN is not set; set it, or give a default:"
        " ${env:TOKEN:-…}",
        "spancost.yaml:3: grpc.listen: got ${port}; expected ${env:NAME} or ${file:PATH}, or $$ for a dollar",
    ]


def test_secrets_are_never_in_a_message(write: Write) -> None:
    found = problems(
        write(
            "grpc: {tokens: [hush-hush, 4711]}\nforward: [{endpoint: 'a:1', headers: {k: 4711}}]\n"
            "attribution: {salt: hush}\nhttp: {tokens: ['']}"
        )
    )

    assert found == [
        "spancost.yaml:1: grpc.tokens[1]: got a secret; expected text; put it in quotes",
        "spancost.yaml:4: http.tokens[0]: got a secret; expected at least 1 characters",
        "spancost.yaml:2: forward[0].headers.k: got a secret; expected text; put it in quotes",
        "spancost.yaml:3: attribution.salt: got a secret; expected at least 16 characters",
    ]


def test_what_no_header_can_hold_is_refused_at_the_start(write: Write) -> None:
    found = problems(
        write(
            'grpc: {tokens: ["tök"]}\nhttp: {tokens: [" a"]}\nforward:\n'
            '  - {endpoint: "localhost:1", headers: {x-key: "a\\nb"}}\n'
            '  - {endpoint: "localhost:2", headers: {"x key": a}}'
        )
    )

    rule = "got a secret; expected what a header can hold: ASCII, without line breaks, or spaces around it"
    assert found == [
        f"spancost.yaml:1: grpc.tokens[0]: {rule}",
        f"spancost.yaml:2: http.tokens[0]: {rule}",
        f"spancost.yaml:4: forward[0].headers.x-key: {rule}",
        "spancost.yaml:5: forward[1].headers: got a secret; expected names of headers: letters, digits, - _ and .",
    ]
