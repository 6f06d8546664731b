"""Addresses and next hops, as they are written and what they stand for."""

from __future__ import annotations

import pytest

from spancost_collector.config import Address, NextHop, parse_address
from spancost_pricing import ConfigError


@pytest.mark.parametrize(
    ("hop", "address", "url", "secure"),
    [
        (NextHop(endpoint="tempo:4317"), "tempo:4317", "http://tempo:4317/v1/traces", False),
        (NextHop(endpoint="https://a.example"), "a.example:443", "https://a.example:443/v1/traces", True),
        (NextHop(endpoint="HTTPS://a.example"), "a.example:443", "https://a.example:443/v1/traces", True),
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
