"""The receiver's settings: declared with their defaults, checked all at once, then trusted."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final, NamedTuple

from spancost_collector.locations import default_ledger
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MEBIBYTE: Final = 1024 * 1024


class Address(NamedTuple):
    """Where to listen or connect."""

    host: str
    port: int

    def __str__(self) -> str:
        """`host:port`, with an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_OTLP: Final = Address("127.0.0.1", 4317)
_WEB: Final = Address("127.0.0.1", 9464)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a receiver runs. Creating one checks it.

    Raises:
        ConfigError: one line for each setting that cannot be used.
    """

    listen: Address = _OTLP
    """OTLP/gRPC; port 0 takes any free one."""
    web_listen: Address = _WEB
    """Metrics and health; port 0 takes any free one."""
    ledger: Path = field(default_factory=default_ledger)
    """The ledger file."""
    forward: Address | None = None
    """The next hop for enriched spans; None keeps nothing but the ledger."""
    prices: Path | None = None
    """The user's own prices."""
    tenant_label: bool = False
    """Whether tenants become a label: only where there are few."""
    max_label_values: int = 200
    """Values that each dimension may have before the rest is shown as `__other__`."""
    max_message_bytes: int = 64 * _MEBIBYTE
    """Largest request that is accepted, after decompression."""
    max_queue_bytes: int = 256 * _MEBIBYTE
    """Requests waiting beyond this are refused, and sent again by their senders."""
    max_concurrent_requests: int = 64
    """Requests that wait for their answer at the same time; each holds a thread."""
    max_forward_bytes: int = 4 * _MEBIBYTE
    """How far requests are concatenated for the next hop: what an OTLP receiver accepts unless told otherwise."""
    forward_timeout_seconds: float = 10.0
    """How long the next hop may take."""

    def __post_init__(self) -> None:
        """Check everything together."""
        problems = list(self._problems())
        if problems:
            raise ConfigError("\n".join(problems))

    def _problems(self) -> Iterator[str]:
        for name in ("listen", "web_listen", "forward"):
            address: Address | None = getattr(self, name)
            if address is None:
                continue
            lowest = 1 if name == "forward" else 0
            if not address.host or not lowest <= address.port <= 65535:
                yield (
                    f'{name}: got "{address}"; expected host:port with a port from {lowest} to 65535,'
                    " e.g. 127.0.0.1:4317"
                )
        if self.listen.port != 0 and self.listen == self.web_listen:
            yield f"web_listen: got {self.web_listen}, which listen already uses; give it another port"
        if self.forward is not None and self.forward == self.listen:
            yield f"forward: got {self.forward}, which is this receiver itself; name the next one"
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name.startswith("max_") and value < 1:
                yield f"{setting.name}: got {value}; expected a whole number of at least 1"
        if self.max_queue_bytes < self.max_message_bytes:
            yield (
                f"max_queue_bytes: got {self.max_queue_bytes}; expected at least max_message_bytes"
                f" ({self.max_message_bytes}), or the largest request never fits"
            )
        if not 0 < self.forward_timeout_seconds <= 300:
            yield f"forward_timeout_seconds: got {self.forward_timeout_seconds}; expected seconds up to 300, e.g. 10"


def parse_address(name: str, text: str) -> Address:
    """Read `host:port` as setting `name`.

    Raises:
        ConfigError: `text` is something else.
    """
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or not port.isascii() or not port.isdigit() or int(port) > 65535 or (":" in bare and bare == host):
        raise ConfigError(f'{name}: got "{text}"; expected host:port, e.g. 127.0.0.1:4317 or [::1]:4317')
    return Address(bare, int(port))
