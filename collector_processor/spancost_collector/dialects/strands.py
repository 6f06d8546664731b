"""Strands Agents: a chat span for each call, and agents whose usage is the exact sum of theirs.

The provider it names is itself, so the model's name has to tell; totals include cached tokens since 1.0 of its keys.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.dialect import Apart

STRANDS: Final = OTEL.derive(
    "strands",
    scopes=("strands*",),
    aggregates=OTEL.aggregates | {"invoke_swarm", "invoke_graph", "execute_event_loop_cycle"},
    names={"provider": ()},
    unnamed_operation=None,
    # Input once was Bedrock's own, without cached tokens; spans carry no version that says since when it is not.
    apart=(Apart("cache", if_shown=True),),
)
