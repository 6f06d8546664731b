"""What the `openai` and `anthropic` SDKs have in common: they come out of the same generator.

Every operation, typed, parsed, raw or streamed, ends in `SyncAPIClient.request` or `AsyncAPIClient.request`, and every
attempt in `_build_request`. So one pair of patch points serves them all, and an operation is a row: a URL path.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from spancost.fields import count, fields_of, text
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, Recorder, attempts, awaits, calls
from spancost.invocation import current
from spancost.wire import Reading, Request

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from spancost.described import Arguments

Attributes: TypeAlias = "tuple[tuple[str, AttributeValue], ...]"
"""Names and values; a tuple, so that what is said of many calls alike is worked out once."""

NO_BODY: Final[Mapping[str, Any]] = MappingProxyType({})
_OPTIONS: Final = ("method", "url", "json_data", "extra_json")
_REMEMBERED: Final = 1000
"""Addresses, and calls that have everything in common: an app has a handful."""


def patches(base_client: str) -> tuple[Patch, ...]:
    """The patch points, given the SDK's module of base clients."""
    return (
        Patch(base_client, "SyncAPIClient.request", calls, overrides=True),
        Patch(base_client, "AsyncAPIClient.request", awaits, overrides=True),
        Patch(base_client, "BaseClient._build_request", attempts),
        Patch(base_client, "SyncAPIClient._process_response", responds),
        Patch(base_client, "AsyncAPIClient._process_response", responds),
    )


def responds(_: Recorder) -> Callable[..., Any]:
    """Around the function that makes the SDK's objects of a response.

    It can fail after the call has been paid for, when the answer was cut off or does not fit the app's schema.
    """

    def shell(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        invocation = current()
        if invocation is not None and not kwargs.get("stream"):
            invocation.response = kwargs.get("response")
        return wrapped(*args, **kwargs)

    return shell


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of an SDK's table of operations."""

    name: str
    """`gen_ai.operation.name`."""
    reading: Callable[[Posted], Reading]
    attributes: Callable[[Posted], Attributes] | None = None
    """Anything else worth having on the span from the start."""
    asked: bool = False
    """Whether its streams have to be asked for their usage."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a client's requests go, and what that says."""

    url: object
    client: type[Any]
    host: str | None
    port: int | None
    provider: str | None
    """Who bills; None where the address does not tell."""
    biller: str
    """The same, and where the address does not tell, who bills for this kind of client."""


class Endpoints:
    """What the addresses of clients say: read once, because an SDK's URL takes longer to ask than a dictionary."""

    def __init__(self, otherwise: Callable[[Any], str]) -> None:
        self._otherwise = otherwise
        self._known: dict[int, Endpoint] = {}

    def of(self, client: Any) -> Endpoint:
        """Where `client` sends its requests now."""
        # Past the property, which imports a module every time that it is read.
        url: object = client._base_url
        known = self._known.get(id(url))
        if known is not None and known.url is url and known.client is client.__class__:
            return known
        host = text(url, "host")
        provider = provider_of(host, "", text(url, "path") or "") or None
        biller = self._otherwise(client) if provider is None else provider
        endpoint = Endpoint(url, client.__class__, host, count(url, "port"), provider, biller)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[id(url)] = endpoint
        return endpoint


class Posted:
    """A request that is about to be posted: the client, its options and the body."""

    __slots__ = ("body", "client", "endpoint", "given", "method", "options", "stream", "url")

    def __init__(self, client: Any, endpoint: Endpoint, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.client = client
        self.endpoint = endpoint
        self.given: Arguments = (args, kwargs)
        """The arguments of `request`."""
        self.options: Any = args[1] if len(args) > 1 else kwargs["options"]
        self.stream = bool(kwargs.get("stream"))
        read: Any = map(fields_of(self.options).get, _OPTIONS)
        self.method, self.url, body, extra = read
        if type(body) is not dict and not isinstance(body, Mapping):
            body = NO_BODY
        self.body: Mapping[str, Any] = body
        if extra is not None and isinstance(extra, Mapping):
            self.body = {**body, **cast("Mapping[str, Any]", extra)}

    @property
    def path(self) -> str | None:
        """The path that is posted to, without query; None for anything but a POST."""
        if not isinstance(self.method, str) or self.method.lower() != "post":
            return None
        return self.url.partition("?")[0] if isinstance(self.url, str) else ""

    def changed(self, **changes: Any) -> Arguments:
        """The arguments of `request` with these changes to its options; the caller's own options stay as they are."""
        args, kwargs = self.given
        options = copy.copy(self.options)
        for name, value in changes.items():
            setattr(options, name, value)
        if "options" in kwargs:
            return args, {**kwargs, "options": options}
        return (args[0], options, *args[2:]), kwargs


class Operations:
    """The table of an SDK's operations, by the end of their path; remembers which one an address stands for."""

    def __init__(self, rows: Mapping[str, Operation]) -> None:
        self._rows = rows
        self._known: dict[tuple[object, object], Operation] = {}

    def of(self, posted: Posted) -> Operation | None:
        """The operation that is posted; None for any other request."""
        key = (posted.method, posted.url)
        if (known := self._known.get(key)) is not None:
            return known
        if (path := posted.path) is None:
            return None
        for end, operation in self._rows.items():
            if path.endswith(end):
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[key] = operation
                return operation
        return None


def request_of(posted: Posted, operation: Operation) -> Request:
    """What is known of the call."""
    endpoint = posted.endpoint
    more = () if operation.attributes is None else operation.attributes(posted)
    model: object = posted.body.get("model")
    if not isinstance(model, str):
        model = None
    return _request(operation.name, endpoint.biller, model or None, endpoint.host, endpoint.port, posted.stream, more)


@lru_cache(maxsize=_REMEMBERED)
def _request(
    operation: str,
    provider: str,
    model: str | None,
    host: str | None,
    port: int | None,
    stream: bool,
    attributes: Attributes,
) -> Request:
    return Request(operation, provider, model, host, port, stream, MappingProxyType(dict(attributes)))
