"""The kinds of values that settings have: how each is read from text, checked, and written back."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    WithJsonSchema,
)

from spancost_pricing import ConfigError

MEBIBYTE: Final = 1024 * 1024
MASK: Final = "*" * 16
"""What is shown instead of a secret."""
_ADDRESS_RULE: Final = "expected host:port, e.g. 127.0.0.1:4317 or [::1]:4317"
_ENDPOINT_RULE: Final = "expected host:port or an http:// or https:// URL"
_MOST: Final = 2**31 - 1
"""The largest number that gRPC, SQLite and the system all take."""
_LOOPBACK: Final = frozenset({"localhost", "::1"})


class Address(NamedTuple):
    """Where to listen or connect."""

    host: str
    port: int

    def __str__(self) -> str:
        """`host:port`, with an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in _LOOPBACK or self.host.startswith("127.")


def parse_address(name: str, text: str) -> Address:
    """Read `host:port` as setting `name`.

    Raises:
        ConfigError: `text` is something else.
    """
    address = _address_in(text)
    if address is None:
        raise ConfigError(f'{name}: got "{text}"; {_ADDRESS_RULE}')
    return address


def _address_in(text: str) -> Address | None:
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or not port.isascii() or not port.isdigit() or int(port) > 65535 or (":" in bare and bare == host):
        return None
    return Address(bare, int(port))


def _address(value: object) -> Address:
    address = value if isinstance(value, Address) else _address_in(value) if isinstance(value, str) else None
    if address is None or not address.host or not 0 <= address.port <= 65535:
        raise ValueError(_ADDRESS_RULE)
    return address


class Endpoint(NamedTuple):
    """An OTLP receiver's `host:port` or URL, taken apart."""

    scheme: str
    """`http` or `https`; empty where there is none."""
    host: str
    port: int | None
    path: str
    """What a URL says after the host; empty where that is nothing."""


def parse_endpoint(text: str) -> Endpoint:
    """Take `host:port` or a URL apart.

    Raises:
        ValueError: `text` is neither, or says more than where the receiver is.
    """
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        endpoint = Endpoint(parts.scheme, parts.hostname or "", parts.port, parts.path if parts.path.strip("/") else "")
    except ValueError:
        raise ValueError(_ENDPOINT_RULE) from None
    complete = endpoint.scheme in {"http", "https"} or (not endpoint.scheme and endpoint.port and not endpoint.path)
    if not complete or not endpoint.host or endpoint.port == 0 or parts.username:
        raise ValueError(_ENDPOINT_RULE)
    if parts.query or parts.fragment:
        raise ValueError("expected a URL without a query; what says who we are goes into headers")
    return endpoint


def _listen(value: object) -> Address | None:
    if value is None or value is False or value == "off":
        return None
    try:
        return _address(value)
    except ValueError as error:
        raise ValueError(f"{error}, or off") from None


def _time_zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    name = value if isinstance(value, str) else ""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # a name that nobody knows is a KeyError
        known = {zone.casefold(): zone for zone in sorted(available_timezones())}
        near = get_close_matches(name.casefold(), known, n=1, cutoff=0.7)
        hint = f"; did you mean {known[near[0]]}?" if near else ""
        raise ValueError(f"expected the name of a time zone, e.g. Europe/Vienna or UTC{hint}") from error


def not_a_flag(value: object) -> object:
    """A number that was written as true or false is a mistake, although Python counts with them."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


def _file(value: object) -> object:
    if not isinstance(value, str | Path):
        return value
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"expected a path; {Path(value).parts[0]} is no home directory that is known here") from None
    try:
        usable = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise ValueError("expected a path; no file can have this name")
    return path


def _listed(value: object) -> object:
    """Lists may be written as one text with commas, which is all that an environment variable can hold."""
    if isinstance(value, str):
        return tuple(part for part in (part.strip() for part in value.split(",")) if part)
    return value


def _not_masked(secret: SecretStr) -> SecretStr:
    """Settings that were printed and are used again would have a secret that everybody knows."""
    if secret.get_secret_value() == MASK:
        raise ValueError("expected the secret itself or ${env:NAME}; this is what --print-config shows in its place")
    return secret


def _fits_a_header(secret: SecretStr) -> SecretStr:
    """What a header cannot hold would never be sent, or never be equal to what is."""
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise ValueError("expected what a header can hold: ASCII, without line breaks, or spaces around it")
    return secret


Listen = Annotated[
    Address | None,
    PlainValidator(_listen),
    PlainSerializer(lambda address: "off" if address is None else str(address), return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r":\d+$|^off$"}, {"enum": [False, None]}]}),
]
"""Where to listen; None is `off`."""

TimeZone = Annotated[
    ZoneInfo,
    PlainValidator(_time_zone),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string"}),
]
Count = Annotated[int, BeforeValidator(not_a_flag), Field(ge=1, le=_MOST)]
Bytes = Annotated[
    ByteSize,
    BeforeValidator(not_a_flag),
    Field(ge=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^\d+(\.\d+)? *[KMGkmg]?i?[Bb]?$"},
            ]
        }
    ),
]
"""A number of bytes, also as `64MiB`."""
MessageBytes = Annotated[Bytes, Field(le=_MOST)]
"""The size of one message, which gRPC counts in 32 bits."""
Seconds = Annotated[float, BeforeValidator(not_a_flag), Field(gt=0)]
File = Annotated[Path, BeforeValidator(_file)]
"""A path; `~` is the home directory."""
Secret = Annotated[SecretStr, AfterValidator(_not_masked)]
"""A text that is never shown."""
HeaderValue = Annotated[Secret, AfterValidator(_fits_a_header)]
"""A text that is never shown, in a header."""
Tokens = Annotated[tuple[Annotated[HeaderValue, Field(min_length=1)], ...], BeforeValidator(_listed)]
"""What senders give in a header; never shown."""
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
