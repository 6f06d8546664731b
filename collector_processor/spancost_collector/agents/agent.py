"""What has to be known of a coding agent to find its model calls among everything that it logs and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost_collector.agents.values import Said
    from spancost_collector.call import Outcome


class Agent(NamedTuple):
    """One family of programs. What its attributes mean is said in the dialect of the same name."""

    name: str
    """Name of its dialect, and how the names of its events and metrics begin before their first dot."""
    provider: str
    """Whom its models are of, unless an event says more."""
    scopes: tuple[str, ...]
    """How the names of its instrumentation scopes begin."""
    outcome: Callable[[str, Said], Outcome | None]
    """From an event's name without the agent's own, and its attributes: how the call ended; None for no call. Pure."""
    counts: frozenset[str]
    """Attributes of an event that are numbers, and that some versions write as texts."""
    tokens: Mapping[str, str]
    """The `type` of a point of its metric `<name>.token.usage` -> the attribute that an event has for the same."""
    cost: str | None
    """The attribute that an event has for what its metric `<name>.cost.usage` counts; None where there is none."""
