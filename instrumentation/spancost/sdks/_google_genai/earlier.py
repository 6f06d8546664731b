"""Interactions as releases of the SDK before 2.10 make them: through a client out of another generator.

It is the generator of the `openai` and `anthropic` SDKs, so it is patched where those are. What is asked and answered
is what the newer client asks and is answered.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from spancost.described import Call, Delivery
from spancost.fields import text
from spancost.sdks._google_genai.interactions import InteractionReading, fetched
from spancost.sdks._google_genai.sent import short_name
from spancost.stainless import NO_BODY, UNRETRIED, Endpoints, Posted, patches
from spancost.wire import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost.newest import Newest
    from spancost.once import Once

PATCHES: Final = tuple(
    replace(patch, describe="describe_earlier", optional=True)
    for patch in patches("google.genai._interactions._base_client")
)
_CREATED: Final = re.compile(r"POST .*/interactions")
_FETCHED: Final = re.compile(r"GET .*/interactions/[^/]+|POST .*/interactions/[^/]+/cancel")
_LOCATION: Final = re.compile(r"/locations/([^/]+)/")


class Earlier:
    """Tells interactions among the requests of that client."""

    def __init__(self, pending: Newest[bool], charged: Once) -> None:
        self._endpoints = Endpoints(lambda _: "gcp.gemini")
        self._pending = pending
        self._charged = charged

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | Delivery | None:
        """The interaction that is asked for, or the one that is fetched."""
        posted = Posted(self._endpoints.of(instance), args, kwargs)
        if _CREATED.fullmatch(posted.line):
            reading = InteractionReading(posted.body, self._pending, self._charged)
            model = text(posted.body, "model") or text(posted.body, "agent")
            return Call(self._request(posted, model, UNRETRIED), reading, posted.given)
        if not _FETCHED.fullmatch(posted.line):
            return None
        return Delivery(
            lambda part: fetched(lambda model: self._request(posted, model), part, self._pending, self._charged)
        )

    def _request(self, posted: Posted, model: str | None, more: Mapping[str, int] = NO_BODY) -> Request:
        located = _LOCATION.search(f"{posted.endpoint.address}{text(posted.options, 'url')}")
        region = {} if located is None else {"spancost.region": located[1]}
        return Request(
            operation="generate_content",
            provider=posted.endpoint.biller,
            model=short_name(model),
            address=posted.endpoint.host,
            port=posted.endpoint.port,
            stream=posted.stream,
            attributes={**more, **region},
        )
