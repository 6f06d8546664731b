"""Streams of completions report their usage only when asked: this asks, and hides what the app did not ask for.

A response that the app reads as bytes is left alone. Where a server refuses the question, the call is made again
without it, and that server is not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from spancost.described import Asked, Call
from spancost.fields import count, fields_of, pick
from spancost.stainless import NO_BODY

if TYPE_CHECKING:
    from spancost.stainless import Posted
    from spancost.wire import Reading, Request

_MAX_SERVERS: Final = 1000
_RAW_RESPONSE: Final = "X-Stainless-Raw-Response"
"""The SDK's own note to itself that `with_streaming_response` was used."""
_ASK: Final = {"include_usage": True}


class Asking:
    """Asks streams for their usage, and knows the servers that refuse."""

    def __init__(self) -> None:
        self._refusing: set[str] = set()

    def call(self, posted: Posted, request: Request, reading: Reading) -> Call:
        """The call of a stream, asked to report usage where the app has not asked itself."""
        options = posted.body.get("stream_options")
        server = posted.endpoint.address
        asks = options is not None and pick(options, "include_usage") is True
        if asks or server in self._refusing or _reads_bytes(posted):
            return Call(request, reading, posted.given)
        asked = {**cast("Mapping[str, Any]", options), **_ASK} if isinstance(options, Mapping) else _ASK
        body, extra = posted.options.json_data, posted.options.extra_json
        own = cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else NO_BODY
        changes: dict[str, Any] = {"json_data": {**own, "stream_options": asked}}
        if extra is not None and "stream_options" in extra:
            changes["extra_json"] = {**extra, "stream_options": asked}
        on_top = Asked(posted.given, partial(self._refused, server), _is_usage_only)
        return Call(request, reading, posted.changed(**changes), on_top)

    def _refused(self, server: str, error: BaseException) -> bool:
        """Whether a server refused to report usage, by name, as those do that do not know `stream_options`."""
        refused = count(error, "status_code") in (400, 422) and "stream_options" in str(error)
        if refused and len(self._refusing) < _MAX_SERVERS:
            self._refusing.add(server)
        return refused


def _reads_bytes(posted: Posted) -> bool:
    """Whether the app takes the response as it is on the wire, where nothing can be hidden from it."""
    headers: object = posted.options.headers
    return isinstance(headers, Mapping) and cast("Mapping[str, object]", headers).get(_RAW_RESPONSE) == "stream"


def _is_usage_only(chunk: Any) -> bool:
    try:
        return not chunk.choices and chunk.usage is not None
    except AttributeError:  # no object of the SDK: its JSON, or a chunk of some other shape
        fields = fields_of(chunk)
        return not fields.get("choices") and fields.get("usage") is not None
