"""Who serves a model, by its name: for emitters that say which framework made a call and not whom it went to.

Only names that one provider alone gives, or that a host gives to the models of others (Bedrock's `anthropic.`, a
publisher's path of Vertex). A guess all the same: whoever uses it has to say so.
"""

from __future__ import annotations

import re
from typing import Final

_BEDROCK: Final = re.compile(
    r"(?:(?:us|eu|apac|jp|au|global|us-gov)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|luma|meta|mistral|openai|qwen|stability|twelvelabs|writer)\.[a-z0-9]"
)
_BEGINNINGS: Final = (
    # OpenRouter's names of models that only their makers and routers serve; it charges what the makers do.
    ("anthropic/claude-", "openrouter"),
    ("google/gemini-", "openrouter"),
    ("openai/gpt-4", "openrouter"),
    ("openai/gpt-5", "openrouter"),
    ("openai/o", "openrouter"),
    ("x-ai/grok-", "openrouter"),
    ("arn:aws", "aws.bedrock"),
    ("projects/", "gcp.vertex_ai"),
    ("publishers/", "gcp.vertex_ai"),
    ("models/", "gcp.gemini"),
    ("claude-", "anthropic"),
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("codex-", "openai"),
    ("dall-e-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("omni-moderation", "openai"),
    ("sora-", "openai"),
    ("text-embedding-3", "openai"),
    ("text-embedding-ada", "openai"),
    ("tts-1", "openai"),
    ("whisper-1", "openai"),
    ("gemini-", "gcp.gemini"),
    ("imagen-", "gcp.gemini"),
    ("veo-", "gcp.gemini"),
    ("grok-", "x_ai"),
    ("deepseek-", "deepseek"),
    ("codestral", "mistral_ai"),
    ("ministral", "mistral_ai"),
    ("mistral-", "mistral_ai"),
    ("pixtral", "mistral_ai"),
    ("command-", "cohere"),
    ("embed-", "cohere"),
    ("rerank-", "cohere"),
    ("sonar", "perplexity"),
    ("voyage-", "voyageai"),
    ("kimi-", "moonshotai"),
    ("moonshot-", "moonshotai"),
)


def provider_of_model(model: str) -> str | None:
    """The provider that a model's name alone points to; None where it could be anybody's."""
    name = model.lower()
    if _BEDROCK.match(name):
        return "aws.bedrock"
    return next((provider for beginning, provider in _BEGINNINGS if name.startswith(beginning)), None)
