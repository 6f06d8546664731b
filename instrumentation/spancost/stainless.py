"""What the `openai` and `anthropic` SDKs have in common: they come out of the same generator.

Every operation, typed, parsed, raw or streamed, ends in `SyncAPIClient.request` or `AsyncAPIClient.request`, and every
attempt in `_build_request`. So one pair of patch points serves them all, and an operation is a row: a URL path.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from spancost.fields import count, fields_of, pick, text
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, Recorder, attempts, awaits, calls
from spancost.invocation import current
from spancost.wire import Reading, Request

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

NO_BODY: Final[Mapping[str, Any]] = MappingProxyType({})


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
        response = kwargs.get("response")
        if invocation is not None and response is not None and not kwargs.get("stream"):
            invocation.responded(response.json)
        return wrapped(*args, **kwargs)

    return shell


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of an SDK's table of operations."""

    name: str
    """`gen_ai.operation.name`."""
    reading: Callable[[Posted], Reading]
    attributes: Callable[[Posted], Mapping[str, AttributeValue]] = lambda _: NO_BODY


class Posted:
    """A request that is about to be posted: the client, its options and the body."""

    __slots__ = ("_args", "_kwargs", "body", "client", "host", "options", "path", "stream", "url")

    def __init__(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._args = args
        self._kwargs = kwargs
        self.client = client
        self.url = pick(client, "base_url")
        """Where the client's requests go."""
        self.host = text(self.url, "host")
        self.options: Any = kwargs["options"] if "options" in kwargs else args[1]
        self.stream = bool(kwargs.get("stream", False))
        options = fields_of(self.options)
        method, url = options.get("method"), options.get("url")
        posts = isinstance(method, str) and method.lower() == "post"
        self.path: str | None = (url.partition("?")[0] if isinstance(url, str) else "") if posts else None
        """The path that is posted to, without query; None for anything but a POST."""
        body, extra = options.get("json_data"), options.get("extra_json")
        self.body: Mapping[str, Any] = cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else NO_BODY
        if isinstance(extra, Mapping):
            self.body = {**self.body, **cast("Mapping[str, Any]", extra)}

    def arguments(self, **changes: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """The arguments of `request` with these changes to its options; the caller's own options stay as they are."""
        if not changes:
            return self._args, self._kwargs
        options = copy.copy(self.options)
        for name, value in changes.items():
            setattr(options, name, value)
        if "options" in self._kwargs:
            return self._args, {**self._kwargs, "options": options}
        return (self._args[0], options, *self._args[2:]), self._kwargs


def operation_of(posted: Posted, operations: Mapping[str, Operation]) -> Operation | None:
    """The operation that is posted, by the end of its path."""
    path = posted.path
    if path is not None:
        for end, operation in operations.items():
            if path.endswith(end):
                return operation
    return None


def request_of(posted: Posted, operation: Operation, provider: str) -> Request:
    """What is known of the call; `provider` is who bills when the address does not tell."""
    return Request(
        operation=operation.name,
        provider=provider_of(posted.host, provider, text(posted.url, "path") or ""),
        model=text(posted.body, "model"),
        address=posted.host,
        port=count(posted.url, "port"),
        stream=posted.stream,
        attributes=operation.attributes(posted),
    )
