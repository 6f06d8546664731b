"""LiteLLM, library and proxy, both generations of its callback.

Totals include their parts. The first generation tells the parts only in a usage object, printed by Python; costs are
what its own table gives, 0 where that has no price, except for OpenRouter, whose own figure is in the usage object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.embedded import provider_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.dialect import Facts


_OPERATION: Final = ("gen_ai.operation.name", "llm.request.type")
"""Embeddings of a model that LiteLLM was given without a provider have the second only."""


def _refine(facts: Mapping[str, Any]) -> Facts:
    """The usage object says what the attributes leave out; no call used nothing, so zeros say that nobody knows."""
    if facts.get("input_tokens") == 0 and facts.get("output_tokens") == 0:
        return {"input_tokens": None, "output_tokens": None, "total_tokens": None}
    usage = provider_usage(facts.get("usage_object", {}))
    found = {column: value for column, value in usage.items() if value is not None and facts.get(column) is None}
    routed: str = facts.get("routed_model", "")
    if not facts.get("provider") and "/" in routed:
        found["provider"] = routed.partition("/")[0]
    return found


LITELLM: Final = OTEL.derive(
    "litellm",
    scopes=("litellm*",),
    evidence=("litellm.*", "gen_ai.framework"),
    operation=_OPERATION,
    leaves={
        **OTEL.leaves,
        "aembedding": "embeddings",
        "completion": "chat",
        "acompletion": "chat",
        "responses": "chat",
        "aresponses": "chat",
        "litellm.moderation": "moderation",
    },
    others=OTEL.others
    | {
        "litellm.passthrough",
        "litellm.responses_management",
        "litellm.vector_store_management",
        "litellm.vector_store_file_management",
    },
    names={
        "operation": _OPERATION,
        "quoted_usd": ("litellm.cost.total", "gen_ai.cost.total_cost"),
        "cached": ("litellm.cache_hit", "gen_ai.cache_hit", "llm.cache_hit"),
        "service_tier": (*OTEL.names["service_tier"], "gen_ai.cost.service_tier"),
        "user": (
            *OTEL.names["user"],
            "litellm.end_user.id",
            "metadata.user_api_key_end_user_id",
            "metadata.user_api_key_user_id",
            "metadata.user_api_key_user_email",
        ),
        "tenant": (
            *OTEL.names["tenant"],
            "litellm.team.alias",
            "litellm.team.id",
            "litellm.team_alias",
            "litellm.team_id",
            "metadata.user_api_key_team_alias",
            "metadata.user_api_key_team_id",
            "metadata.user_api_key_org_id",
        ),
    },
    metadata=("metadata.requester_metadata", "metadata.spend_logs_metadata"),
    metadata_prefixes=("litellm.metadata.",),
    notes={
        "usage_object": ("document", ("metadata.usage_object",)),
        "routed_model": ("text", ("litellm.provider.model",)),
    },
    refine=_refine,
    zero_is_unknown=True,
    apart=(),
)
