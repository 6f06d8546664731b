"""Live sessions: a connection that bills by the turn, each with the whole conversation as its input.

The server reports usage with the message that ends a turn. A session does not know its model; the connection does,
so it leaves word on the session that it opens.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import wrapt

from spancost.described import Paid
from spancost.fields import fields_of, items, pick, word
from spancost.sdks._google_genai.content import content_usage, served_tier
from spancost.sdks._google_genai.sent import origin_of, request_from
from spancost.wire import answered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, MutableMapping
    from typing import TypeAlias

    from spancost.instrumentor import Recorder

    _Proxy: TypeAlias = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy

_MODEL: Final = "_spancost_model"
_STARTED: Final = "_spancost_turn_started"
_QUERIES: Final = "_spancost_turn_queries"


class _Connecting(_Proxy):
    """The context manager that opens a session, and tells it its model."""

    def __init__(self, wrapped: Any, model: object) -> None:
        super().__init__(wrapped)
        self._self_model = model

    async def __aenter__(self) -> Any:
        session = await self.__wrapped__.__aenter__()
        with suppress(TypeError):  # no place to leave word: its turns count without a model
            _notes(session)[_MODEL] = self._self_model
        return session

    async def __aexit__(self, *exc_info: Any) -> Any:
        return await self.__wrapped__.__aexit__(*exc_info)


def connects(_: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Around the function that gives the context manager of a session."""

    def shell(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return _Connecting(original(self, *args, **kwargs), kwargs.get("model"))

    return shell


def heard(session: object, message: object) -> Iterable[Paid]:
    """The turn that a message ends."""
    notes, said = _notes(session), fields_of(message).get
    queries = items(said("server_content"), "grounding_metadata", "web_search_queries")
    searched: set[str] = notes.setdefault(_QUERIES, set())
    searched.update(query for query in queries if isinstance(query, str) and query)
    usage = said("usage_metadata")
    if usage is None:
        if said("server_content") is not None or said("tool_call") is not None:
            notes.setdefault(_STARTED, time.time_ns())
        return
    client = pick(session, "_api_client")
    request = request_from(origin_of(client), "generate_content", word(notes.get(_MODEL)), stream=True)
    reported: Mapping[str, object] = _json(usage)
    answer = answered(usage=content_usage(reported, len(searched)), service_tier=served_tier(reported))
    del notes[_QUERIES]
    started = notes.pop(_STARTED, None)
    yield Paid(request, answer, started if isinstance(started, int) else None)


def _notes(session: object) -> MutableMapping[str, Any]:
    """Where word is left: on the session, so that it goes when the session goes."""
    return vars(session)


def _json(usage: Any) -> Mapping[str, object]:
    """The report as it was on the wire."""
    return usage.model_dump(by_alias=True, exclude_none=True, mode="json", warnings=False)
