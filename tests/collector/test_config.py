"""Settings that cannot work are refused before anything starts, all of them at once."""

from __future__ import annotations

import re

import pytest

from spancost_collector.config import Address, Settings, parse_address
from spancost_pricing import ConfigError


def test_everything_listens_on_this_machine_only_unless_told_otherwise() -> None:
    settings = Settings()
    assert (str(settings.listen), str(settings.web_listen), settings.forward) == (
        "127.0.0.1:4317",
        "127.0.0.1:9464",
        None,
    )


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(ConfigError) as refused:
        Settings(
            listen=Address("127.0.0.1", 70000),
            forward=Address("otel", 0),
            max_label_values=0,
            max_queue_bytes=1000,
            forward_timeout_seconds=0,
        )

    assert str(refused.value).splitlines() == [
        'listen: got "127.0.0.1:70000"; expected host:port with a port from 0 to 65535, e.g. 127.0.0.1:4317',
        'forward: got "otel:0"; expected host:port with a port from 1 to 65535, e.g. 127.0.0.1:4317',
        "max_label_values: got 0; expected a whole number of at least 1",
        "max_queue_bytes: got 1000; expected at least max_message_bytes (67108864), or the largest request never fits",
        "forward_timeout_seconds: got 0; expected seconds up to 300, e.g. 10",
    ]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"web_listen": Address("127.0.0.1", 4317)}, "web_listen: got 127.0.0.1:4317, which listen already uses"),
        ({"forward": Address("127.0.0.1", 4317)}, "forward: got 127.0.0.1:4317, which is this receiver itself"),
    ],
)
def test_one_address_has_one_use(settings: dict[str, Address], problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        Settings(**settings)  # pyright: ignore[reportArgumentType]


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
