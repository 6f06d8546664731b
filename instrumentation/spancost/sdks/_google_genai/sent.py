"""A request of the `google-genai` SDK, as it goes to the Gemini API or to Vertex AI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from spancost.fields import text
from spancost.hosts import provider_of
from spancost.wire import NO_ATTRIBUTES, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost.wire import Reading

Origin: TypeAlias = tuple[str | None, bool, str | None]
"""Where requests go, whether to Vertex AI, and to which of its locations."""

TIERS: Final[Mapping[str, str]] = {
    "ON_DEMAND": "standard",
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned",
}
"""Vertex AI's `trafficType` -> the tier that served."""

GIVEN: Final = ("http_method", "path", "request_dict", "http_options")
"""What the SDK's functions that send are given."""

_JSON: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table of operations."""

    name: str | Callable[[Sent], str]
    """`gen_ai.operation.name`, or how the request tells it."""
    reading: Callable[..., Reading]
    """How the answer is read, given what was sent."""
    told: bool = True
    """False where what was sent makes no difference to that, and is not given."""


class Sent(NamedTuple):
    """A request that is about to be sent."""

    client: Any
    path: str
    """Without its query."""
    body: object
    options: object
    """Its own `http_options`."""

    def request(self, operation: str, model: str | None) -> Request:
        """What is known of a call that was made like this."""
        return request_from(origin_of(self.client, self.options), operation, model)


def given(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Method, path, body and options, by position or by name; None for what is not given."""
    positioned = dict(zip(GIVEN, args, strict=False))
    return tuple(kwargs.get(name, positioned.get(name)) for name in GIVEN)


def origin_of(client: Any, options: object = None) -> Origin:
    """What a client's requests have in common; one goes where its own `options` say, or else the client's."""
    url = None if options is None else text(options, "base_url")
    try:
        if url is None:
            url = client._http_options.base_url
        return url, client.vertexai is True, client.location
    except AttributeError:
        return url, False, None


@lru_cache(maxsize=1024)
def request_from(origin: Origin, operation: str, model: str | None, stream: bool = False) -> Request:
    """What is known of a call, once for all calls that have it in common."""
    url, vertex, location = origin
    address = urlsplit(url or "")
    return Request(
        operation=operation,
        provider=provider_of(address.hostname, "gcp.vertex_ai" if vertex else "gcp.gemini"),
        model=short_name(model),
        address=address.hostname,
        port=address.port,
        stream=stream,
        attributes=MappingProxyType({"spancost.region": location}) if vertex and location else NO_ATTRIBUTES,
    )


def short_name(model: str | None) -> str | None:
    """`models/gemini-2.5-flash` and `projects/p/…/gemini-2.5-flash` are the same model."""
    return None if model is None else model.rpartition("/")[2] or None


def json_of(response: object) -> object:
    """The JSON in the SDK's HTTP response, of a whole answer or of one chunk; None where there is no body."""
    body = text(response, "body")
    return decoded(body) if body is not None else None


def decoded(body: str) -> object:
    """The JSON in a string, None where there is none: `json.loads` in fewer steps."""
    try:
        return _JSON.raw_decode(body.lstrip())[0]
    except ValueError:
        return None
