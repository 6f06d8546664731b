"""The gateway of Envoy: OpenInference over the shape of OpenAI's API, whichever provider is behind it.

`llm.system` names that shape, so the model's name has to tell who served the call.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialects.openinference import OPENINFERENCE

ENVOY: Final = OPENINFERENCE.derive(
    "envoy_ai_gateway",
    scopes=("envoyproxy/ai-gateway*", "ai-gateway*"),
    resources=frozenset({("service.name", "ai-gateway")}),
    evidence=(),
    names={"provider": ("llm.provider",)},
)
