"""Microsoft's frameworks: Semantic Kernel, which knows no cached tokens, and the Agent Framework after it.

An agent's span of the Agent Framework may carry the usage of its last call only: it stands for calls that nobody saw.
"""

from __future__ import annotations

from typing import Final

from spancost_collector.dialects.otel import OTEL

SEMANTIC_KERNEL: Final = OTEL.derive(
    "semantic_kernel",
    scopes=("semantic_kernel*", "Microsoft.SemanticKernel*"),
    leaves={
        **OTEL.leaves,
        "chat.completions": "chat",
        "chat.streaming_completions": "chat",
        "text.completions": "text_completion",
        "text.streaming_completions": "text_completion",
    },
    apart=(),
)
AGENT_FRAMEWORK: Final = OTEL.derive(
    "agent_framework",
    scopes=("agent_framework*", "Microsoft.Agents.AI*", "Experimental.Microsoft.Agents.AI*"),
    evidence=("workflow_builder.*",),
    judged=True,
    apart=(),
)
