"""Settings come from a file, the environment and the command line, and what cannot work is refused all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from spancost_collector.config import Address, NextHop, Settings, json_schema, load, parse_address
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.collector.conftest import Write


def problems(file: Path | None, environment: Mapping[str, str] | None = None, **flags: object) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(file, environment or {}, {f"--{name}": ((name,), value) for name, value in flags.items()})
    return str(refused.value).splitlines()


def test_everything_listens_on_this_machine_only_unless_told_otherwise() -> None:
    settings = load(None, {}, {}).settings

    assert [str(one.listen) for one in (settings.grpc, settings.http, settings.web)] == [
        "127.0.0.1:4317",
        "127.0.0.1:4318",
        "127.0.0.1:9464",
    ]
    assert settings.forward == ()


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(write: Write) -> None:
    file = write("ledger: /file\nprices: /file\ntime_zone: Europe/Vienna\n")
    environment = {"SPANCOST_LEDGER": "/environment", "SPANCOST_PRICES": "/environment", "SPANCOST_LISTEN": "[::1]:1"}

    settings = load(
        file, environment, {"--ledger": (("ledger",), "/flag"), "--grace": (("grace_seconds",), None)}
    ).settings

    assert (str(settings.ledger), str(settings.prices), str(settings.time_zone)) == (
        "/flag",
        "/environment",
        "Europe/Vienna",
    )
    assert (settings.grpc.listen, settings.grace_seconds) == (Address("::1", 1), 10.0)


def test_an_empty_environment_variable_says_nothing() -> None:
    assert load(None, {"SPANCOST_FORWARD": "", "SPANCOST_LISTEN": ""}, {}).settings.forward == ()


def test_every_scalar_can_be_set_by_the_environment() -> None:
    settings = load(
        None,
        {
            "SPANCOST_HTTP_LISTEN": "off",
            "SPANCOST_GRPC_TOKENS": "one, two",
            "SPANCOST_GRPC_TLS_CERT": "/cert.pem",
            "SPANCOST_GRPC_TLS_KEY": "/key.pem",
            "SPANCOST_INTAKE_MAX_MESSAGE_BYTES": "8MiB",
            "SPANCOST_LABELS_TENANT": "true",
            "SPANCOST_FORWARD": "tempo:4317,otel:4317",
        },
        {},
    ).settings

    assert settings.http.listen is None
    assert [token.get_secret_value() for token in settings.grpc.tokens] == ["one", "two"]
    assert settings.grpc.tls is not None
    assert str(settings.grpc.tls.key) == "/key.pem"
    assert (settings.intake.max_message_bytes, settings.labels.tenant) == (8_388_608, True)
    assert [hop.endpoint for hop in settings.forward] == ["tempo:4317", "otel:4317"]


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
        "{grpc: {listen: '127.0.0.1:4319'}, forward: ['localhost:4317', '127.0.0.2:4319', 'tempo:4319']}",
        "",
    ],
)
def test_what_goes_together_is_taken(write: Write, text: str) -> None:
    assert load(write(text), {}, {}).settings.grace_seconds == 10.0


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


def test_a_misspelt_variable_is_a_warning_and_those_of_a_kubernetes_service_are_not() -> None:
    loaded = load(
        None, {"SPANCOST_LEDGR": "/x", "SPANCOST_PORT": "tcp://10.0.0.1:4317", "SPANCOST_SERVICE_HOST": "x"}, {}
    )

    assert loaded.warnings == ("SPANCOST_LEDGR: is not a setting and has no effect; did you mean SPANCOST_LEDGER?",)


def test_the_json_schema_takes_what_the_receiver_takes() -> None:
    schema = json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = yaml.safe_load(
        """
grpc: {listen: 0.0.0.0:4317, tls: {cert: a, key: b, client_ca: c}, tokens: ["${env:TOKEN}"]}
http: {listen: off}
intake: {max_message_bytes: 8MiB, max_concurrent_requests: "${env:THREADS}"}
forward: [{endpoint: "tempo:4317", compression: gzip, headers: {a: b}}]
attribution: {keys: {feature: [a]}, hash_identifiers: true, salt: 0123456789abcdef}
time_zone: Europe/Vienna
"""
    )

    jsonschema.validate(document, schema)
    assert schema["$defs"]["Grpc"]["properties"]["listen"]["default"] == "127.0.0.1:4317"


@pytest.mark.parametrize(
    "document",
    [
        {"ledgr": "/x"},
        {"grpc": {"listen": 4317}},
        {"intake": {"max_message_bytes": "many"}},
        {"labels": {"tenant": "x"}},
    ],
)
def test_the_json_schema_refuses_what_the_receiver_refuses(document: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json_schema())


@pytest.mark.parametrize(
    ("hop", "address", "url", "secure"),
    [
        (NextHop(endpoint="tempo:4317"), "tempo:4317", "http://tempo:4317/v1/traces", False),
        (NextHop(endpoint="https://a.example"), "a.example:443", "https://a.example:443/v1/traces", True),
        (NextHop(endpoint="http://a/otlp/v1/traces"), "a:80", "http://a:80/otlp/v1/traces", False),
        (
            NextHop.model_validate({"endpoint": "a:1", "tls": {"ca": "x"}}),
            "a:1",
            "https://a:1/v1/traces",
            True,
        ),
        (
            NextHop.model_validate({"endpoint": "https://a:1", "tls": {"insecure": True}}),
            "a:1",
            "http://a:1/v1/traces",
            False,
        ),
    ],
)
def test_a_next_hop_says_where_and_how(hop: NextHop, address: str, url: str, secure: bool) -> None:
    assert (str(hop.address), hop.url, hop.secure) == (address, url, secure)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:4317", Address("127.0.0.1", 4317)),
        ("otel-collector:4317", Address("otel-collector", 4317)),
        ("[::1]:0", Address("::1", 0)),
    ],
)
def test_an_address_is_read_and_written_the_same_way(text: str, address: Address) -> None:
    assert parse_address("forward", text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "4317", ":4317", "host:", "host:http", "host:65536", "::1:4317", "host:-1", "host:٣"]
)
def test_anything_else_is_not_an_address(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^forward: got .*expected host:port"):
        parse_address("forward", text)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().grace_seconds = 1.0
