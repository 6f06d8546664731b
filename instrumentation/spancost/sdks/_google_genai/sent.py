"""A request of the `google-genai` SDK, as it goes to the Gemini API or to Vertex AI."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from spancost.fields import count, items, pick, text, total
from spancost.hosts import provider_of
from spancost.wire import Reading, Request

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

TIERS: Final[Mapping[str, str]] = {
    "ON_DEMAND": "standard",
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned",
}
"""Vertex AI's `trafficType` -> the tier that served."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table of operations."""

    name: str | Callable[[Sent], str]
    """`gen_ai.operation.name`, or how the request tells it."""
    reading: Callable[[Sent], Reading]


class Sent:
    """A request that is about to be sent: the client, the path and the body."""

    __slots__ = ("_options", "body", "client", "method", "path")

    def __init__(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.client = client
        self.method = _text(kwargs.get("http_method", args[0] if args else None)).lower()
        self.path = _text(kwargs.get("path", args[1] if len(args) > 1 else None)).partition("?")[0]
        body: object = kwargs.get("request_dict", args[2] if len(args) > 2 else None)
        self.body: Mapping[str, Any] = cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else {}
        self._options: object = kwargs.get("http_options", args[3] if len(args) > 3 else None)

    @property
    def address(self) -> SplitResult:
        """Where it goes: its own options before the client's."""
        return address_of(self.client, self._options)

    def request(self, operation: str, model: str | None, *, stream: bool = False) -> Request:
        """What is known of the call."""
        return request_of(self.client, self.address, operation, model, stream=stream)


def address_of(client: object, options: object = None) -> SplitResult:
    """Where a client's requests go."""
    return urlsplit(text(options, "base_url") or text(client, "_http_options", "base_url") or "")


def request_of(
    client: object, address: SplitResult, operation: str, model: str | None, *, stream: bool = False
) -> Request:
    """What is known of a call of a client."""
    vertex = pick(client, "vertexai") is True
    attributes: dict[str, AttributeValue] = {}
    if vertex and (location := text(client, "location")) is not None:
        attributes["spancost.region"] = location
    return Request(
        operation=operation,
        provider=provider_of(address.hostname, "gcp.vertex_ai" if vertex else "gcp.gemini"),
        model=short_name(model),
        address=address.hostname,
        port=address.port,
        stream=stream,
        attributes=attributes,
    )


def short_name(model: str | None) -> str | None:
    """`models/gemini-2.5-flash` and `projects/p/…/gemini-2.5-flash` are the same model."""
    return None if model is None else model.rpartition("/")[2] or None


def json_of(response: object) -> object:
    """The JSON in the SDK's HTTP response, of a whole answer or of one chunk; None where there is no body."""
    body = text(response, "body")
    return json.loads(body) if body is not None else None


def of_modality(usage: object, details: tuple[str, ...], modality: str, amount: str = "tokenCount") -> int | None:
    """Tokens of one modality in the breakdowns of a report; None where none is listed."""
    return total(
        *(
            count(detail, amount)
            for name in details
            for detail in items(usage, name)
            if (text(detail, "modality") or "").upper() == modality
        )
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
