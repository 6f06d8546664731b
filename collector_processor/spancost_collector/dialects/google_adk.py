"""Google's Agent Development Kit: `call_llm` spans in its first schema, `generate_content` in its second.

Input includes what tools returned, output the thoughts. The first schema names no operation and the framework as the
provider, so the model's name has to tell who served it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.otel import OTEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts

_ITSELF: Final = "gcp.vertex.agent"


def _refine(facts: Mapping[str, Any]) -> Facts:
    if facts.get("provider") != _ITSELF:
        return {}
    changes: Facts = {"provider": None}
    if "operation" not in facts and "request_model" in facts and "output_tokens" in facts:
        changes["operation"] = "generate_content"
    return changes


GOOGLE_ADK: Final = OTEL.derive(
    "google_adk",
    scopes=("gcp.vertex.agent", "google.adk*"),
    evidence=("gcp.vertex.agent.*",),
    names={"session": (*OTEL.names["session"], "gcp.vertex.agent.session_id")},
    notes={"invocation": ("text", ("gcp.vertex.agent.invocation_id",))},
    refine=_refine,
    apart=(),
)
