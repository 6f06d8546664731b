"""What the `openai` and `anthropic` SDKs have in common: they come out of the same generator.

Every operation, typed, parsed, raw or streamed, ends in `SyncAPIClient.request` or its async twin. So one pair
of patch points serves them all, and an operation is a row: a URL path. A retry is counted where the SDK waits for it,
because a patch that every request goes through costs every one of them something.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from spancost.fields import count, text, word
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, awaits, before, calls
from spancost.wire import RETRIES, Reading, Request

if TYPE_CHECKING:
    from spancost.described import Arguments
    from spancost.invocation import Invocation

NO_BODY: Final[Mapping[str, Any]] = MappingProxyType({})
UNRETRIED: Final[Mapping[str, int]] = MappingProxyType({RETRIES: 0})
"""What the span of a call starts with: how it is until there is a retry."""
_REMEMBERED: Final = 1000
"""Addresses, and calls that have everything in common: an app has a handful."""


def patches(base_client: str) -> tuple[Patch, ...]:
    """The patch points, given the SDK's module of base clients."""
    return (
        Patch(base_client, "SyncAPIClient.request", calls, overrides=True),
        Patch(base_client, "AsyncAPIClient.request", awaits, overrides=True),
        *(
            Patch(base_client, f"{client}.{name}", before(_retried), optional=True)
            for client in ("SyncAPIClient", "AsyncAPIClient")
            for name in ("_sleep_for_retry", "_retry_request")  # the second until openai 1.67
        ),
        Patch(base_client, "SyncAPIClient._process_response", before(_responded)),
        Patch(base_client, "AsyncAPIClient._process_response", before(_responded)),
    )


def _retried(invocation: Invocation, *_: object) -> None:
    invocation.retries = (invocation.retries or 0) + 1
    invocation.unsent = False


def _responded(invocation: Invocation, _: tuple[Any, ...], given: Mapping[str, Any]) -> None:
    """Keeps the response: to make the SDK's objects of it can fail after the call has been paid for.

    That is when the answer was cut off or does not fit the app's schema.
    """
    invocation.unsent = False
    response = given.get("response")
    if not given.get("stream") and getattr(response, "is_closed", False):  # else its body is the app's to read
        invocation.response = response


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of an SDK's table of operations."""

    name: str
    """`gen_ai.operation.name`."""
    reading: Callable[[Posted], Reading]
    asked: bool = False
    """Whether its streams have to be asked for their usage."""


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """Where a client's requests go, and what that says; one is equal only to itself."""

    url: object
    address: str
    """The same as text."""
    client: type[Any]
    host: str | None
    port: int | None
    provider: str | None
    """Who bills; None where the address does not tell."""
    biller: str
    """The same, and where the address does not tell, who bills for this kind of client."""
    region: str | None

    def request(self, operation: str, model: str | None = None) -> Request:
        """What is known of a call to here when its answer is delivered later."""
        return Request(operation, self.biller, model, self.host, self.port)


def _nowhere(_: object) -> None:
    """The region of a client of which nobody says it."""


class Endpoints:
    """What the addresses of clients say: read once, because an SDK's URL takes longer to ask than a dictionary."""

    def __init__(self, otherwise: Callable[[Any], str], region: Callable[[Any], str | None] = _nowhere) -> None:
        self._otherwise = otherwise
        self._region = region
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
        region = self._region(client)
        endpoint = Endpoint(url, str(url), client.__class__, host, count(url, "port"), provider, biller, region)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[id(url)] = endpoint
        return endpoint


class Posted:
    """A request that is about to be posted: where to, the SDK's options for it and the body."""

    __slots__ = ("body", "endpoint", "given", "options", "stream")

    def __init__(self, endpoint: Endpoint, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.endpoint = endpoint
        self.given: Arguments = (args, kwargs)
        """The arguments of `request`."""
        options: Any = args[1] if len(args) > 1 else kwargs["options"]
        self.options = options
        self.stream = bool(kwargs.get("stream"))
        body, extra = options.json_data, options.extra_json
        if type(body) is not dict and not isinstance(body, Mapping):
            body = NO_BODY
        self.body: Mapping[str, Any] = body
        if extra is not None and isinstance(extra, Mapping):
            self.body = {**body, **cast("Mapping[str, Any]", extra)}

    @property
    def path(self) -> str | None:
        """The path that is posted to, without query; None for anything but a POST."""
        method, url = self.options.method, self.options.url
        if not isinstance(method, str) or method.lower() != "post":
            return None
        return url.partition("?")[0] if isinstance(url, str) else ""

    @property
    def line(self) -> str:
        """Method and path, without query: `GET /messages/batches`."""
        return f"{(text(self.options, 'method') or '').upper()} {(text(self.options, 'url') or '').partition('?')[0]}"

    def changed(self, **changes: Any) -> Arguments:
        """The arguments of `request` with these changes to its options; the caller's own options stay as they are."""
        args, kwargs = self.given
        options: object = copy.copy(self.options)
        vars(options).update(changes)  # in the model's own dictionary: to set an attribute of a model takes long
        if "options" in kwargs:
            return args, {**kwargs, "options": options}
        return (args[0], options, *args[2:]), kwargs


class Told(NamedTuple):
    """What a request that is a model call says before it is sent."""

    operation: Operation
    request: Request


class Operations:
    """The table of an SDK's operations, by the end of their path; remembers what requests that are alike stand for."""

    def __init__(self, rows: Mapping[str, Operation], tier: str) -> None:
        self._rows = rows
        self._tier = tier
        """The attribute for the tier that is asked for."""
        self._known: dict[tuple[object, ...], Told] = {}

    def told(self, posted: Posted) -> Told | None:
        """What is known of the call that is posted; None for any other request."""
        model, tier = posted.body.get("model"), posted.body.get("service_tier")
        key = (posted.endpoint, posted.options.method, posted.options.url, posted.stream, model, tier)
        try:
            return self._known[key]
        except KeyError:
            told = self._read(posted, word(model), word(tier))
            if told is not None:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[key] = told
            return told
        except TypeError:  # something that is no word, and cannot be remembered either
            return self._read(posted, word(model), word(tier))

    def _read(self, posted: Posted, model: str | None, tier: str | None) -> Told | None:
        if (path := posted.path) is None:
            return None
        operation = next((operation for end, operation in self._rows.items() if path.endswith(end)), None)
        if operation is None:
            return None
        endpoint = posted.endpoint
        attributes = {self._tier: tier, "spancost.region": endpoint.region}
        request = Request(
            operation=operation.name,
            provider=endpoint.biller,
            model=model,
            address=endpoint.host,
            port=endpoint.port,
            stream=posted.stream,
            attributes={**UNRETRIED, **{name: value for name, value in attributes.items() if value is not None}},
        )
        return Told(operation, request)
