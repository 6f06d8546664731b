"""Codex: the `sse_event` (or, over a web socket, `websocket_event`) that ends an answer and says what it used.

Each part of a streamed answer is such an event, the last one twice: once with counts, once without. Some counts are
numbers and some are texts. What it counts in metrics says neither whose nor which conversation's it is, and its spans
do not name the model, so its logs are the one signal that can be charged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spancost_collector.agents.agent import Agent
from spancost_collector.agents.values import number, text

if TYPE_CHECKING:
    from spancost_collector.agents.values import Said
    from spancost_collector.call import Outcome

_ANSWERS: Final = frozenset({"sse_event", "websocket_event"})
_FIRST_ERROR: Final = 400


def _outcome(event: str, said: Said) -> Outcome | None:
    if event in _ANSWERS:
        kind = text(said, "event.kind")
        if kind == "response.completed" and "output_token_count" in said:
            return "ok"
        return "error" if kind == "response.failed" else None
    if event == "api_request":
        status = number(said.get("http.response.status_code"))
        return "error" if isinstance(status, int) and status >= _FIRST_ERROR else None
    return None


CODEX: Final = Agent(
    name="codex",
    provider="openai",
    scopes=("codex_otel",),
    outcome=_outcome,
    counts=frozenset(
        {
            "input_token_count",
            "output_token_count",
            "cached_token_count",
            "cache_write_token_count",
            "reasoning_token_count",
            "duration_ms",
            "ttft_ms",
        }
    ),
    tokens={},
    cost=None,
)
