"""Settings come from a file, the environment and the command line, and otherwise are what is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_collector.config import Address, Settings, load
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from tests.collector.conftest import Write


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


def test_what_one_text_cannot_hold_is_refused_in_the_environment() -> None:
    environment = {
        "SPANCOST_ATTRIBUTION_KEYS": "feature=app.feature",
        "SPANCOST_METRICS_OTLP_HEADERS": "x-api-key=secret",
        "SPANCOST_OWN_TRACES_HEADERS": "",
        "SPANCOST_SUBSCRIPTIONS": "claude_code",
    }

    with pytest.raises(ConfigError) as caught:
        load(None, environment, {})

    assert str(caught.value).splitlines() == [
        "SPANCOST_METRICS_OTLP_HEADERS: stands in the file only, as metrics.otlp.headers",
        "SPANCOST_ATTRIBUTION_KEYS: stands in the file only, as attribution.keys",
        "SPANCOST_SUBSCRIPTIONS: stands in the file only, as subscriptions",
    ]


def test_a_misspelt_variable_is_a_warning_and_those_of_a_kubernetes_service_are_not() -> None:
    loaded = load(
        None, {"SPANCOST_LEDGR": "/x", "SPANCOST_PORT": "tcp://10.0.0.1:4317", "SPANCOST_SERVICE_HOST": "x"}, {}
    )

    assert loaded.warnings == ("SPANCOST_LEDGR: is not a setting and has no effect; did you mean SPANCOST_LEDGER?",)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().grace_seconds = 1.0
