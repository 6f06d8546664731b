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

from spancost.fields import count, pick, text
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

    __slots__ = ("_args", "_kwargs", "body", "client", "options", "stream")

    def __init__(self, client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._args = args
        self._kwargs = kwargs
        self.client = client
        self.options: Any = kwargs["options"] if "options" in kwargs else args[1]
        self.stream = bool(kwargs.get("stream", False))
        body = pick(self.options, "json_data")
        extra = pick(self.options, "extra_json")
        self.body: Mapping[str, Any] = cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else NO_BODY
        if isinstance(extra, Mapping):
            self.body = {**self.body, **cast("Mapping[str, Any]", extra)}

    @property
    def path(self) -> str | None:
        """The path that is posted to, without query; None for anything but a POST."""
        if (text(self.options, "method") or "").lower() != "post":
            return None
        return (text(self.options, "url") or "").partition("?")[0]

    @property
    def host(self) -> str | None:
        """Where it goes."""
        return text(self.client, "base_url", "host")

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
    if path is None:
        return None
    return next((operation for end, operation in operations.items() if path.endswith(end)), None)


def request_of(posted: Posted, operation: Operation, provider: str) -> Request:
    """What is known of the call; `provider` is who bills when the address does not tell."""
    host = posted.host
    return Request(
        operation=operation.name,
        provider=provider_of(host, provider, text(posted.client, "base_url", "path") or ""),
        model=text(posted.body, "model"),
        address=host,
        port=count(posted.client, "base_url", "port"),
        stream=posted.stream,
        attributes=operation.attributes(posted),
    )
