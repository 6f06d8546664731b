"""OpenLIT: the conventions' names over the providers' own counts, and a cost of 0 where it has no price.

Anthropic's and Bedrock's cached tokens stand beside the input, Gemini's thoughts beside the output, and Cohere's totals
are what is billed, without any cached tokens.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialects.otel import OTEL
from spancost_collector.reading.dialect import Apart

OPENLIT: Final = OTEL.derive(
    "openlit",
    scopes=("openlit.*", "openlit"),
    resources=frozenset({("telemetry.sdk.name", "openlit")}),
    aggregates=OTEL.aggregates | {"framework", "agent", "workflow"},
    others=OTEL.others | {"vectordb", "db"},
    names={
        "quoted_usd": ("gen_ai.usage.cost",),
        "total_tokens": ("gen_ai.usage.total_tokens", "gen_ai.client.token.usage"),
        "first_chunk_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
        "environment": (*OTEL.names["environment"], "gen_ai.environment"),
    },
    zero_is_unknown=True,
    apart=(
        Apart("cache", "openlit.instrumentation.anthropic"),
        Apart("cache", "openlit.instrumentation.bedrock"),
        Apart("cache", providers=frozenset({"anthropic", "aws.bedrock"}), scope="openlit.instrumentation.langchain"),
        # Cohere's billed units, beside the tokens that its model saw.
        Apart("unbilled_cache", "openlit.instrumentation.cohere"),
        Apart("reasoning", "openlit.instrumentation.google"),
        Apart("reasoning", "openlit.instrumentation.vertexai"),
        *(rule for rule in OTEL.apart if rule.part == "reasoning"),
    ),
)
