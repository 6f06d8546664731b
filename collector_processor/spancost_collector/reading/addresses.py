"""Who bills a call, by where it was sent.

A client library names the provider that it was written for, and the OpenAI and Anthropic libraries speak to a dozen
others: the address tells them apart. Only names that come from such a library are replaced, and only by a host that
is listed; a proxy on an unknown host stays what the span says it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMED_BY_LIBRARY: Final = frozenset({"", "openai", "anthropic"})
"""Providers that may only be the one a client library was written for."""

_HOSTS: Final[Mapping[str, str]] = {
    "api.anthropic.com": "anthropic",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.githubcopilot.com": "github-copilot",
    "api.groq.com": "groq",
    "api.minimax.io": "minimax",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshotai",
    "api.moonshot.cn": "moonshotai",
    "api.novita.ai": "novita",
    "api.openai.com": "openai",
    "api.perplexity.ai": "perplexity",
    "api.together.ai": "together",
    "api.together.xyz": "together",
    "api.x.ai": "x_ai",
    "api.z.ai": "zai",
    "azure-api.net": "azure.ai.openai",
    "azuredatabricks.net": "databricks",
    "cloud.databricks.com": "databricks",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "googleapis.com": "gcp.vertex_ai",
    "models.ai.azure.com": "azure.ai.inference",
    "open.bigmodel.cn": "zhipuai",
    "openai.azure.com": "azure.ai.openai",
    "openrouter.ai": "openrouter",
    "services.ai.azure.com": "azure.ai.inference",
}
"""Host, or the domain that it ends in -> provider; the longest match decides."""
_AMAZON: Final = (".amazonaws.com", ".api.aws")
_SERVICES: Final = (("bedrock", "aws.bedrock"), ("sagemaker", "sagemaker"))
"""What a host of Amazon's has in its name -> provider; any other may be anybody's proxy."""


def billing_provider(named: str, address: str | None) -> str:
    """The provider that bills a call, given the one a span names and the server it was sent to."""
    if address is None or named not in NAMED_BY_LIBRARY:
        return named
    return _by_host(address) or named


@lru_cache(maxsize=1024)
def _by_host(address: str) -> str | None:
    host = address.lower().rpartition("://")[2].partition("/")[0].partition(":")[0]
    if host.endswith(_AMAZON):
        return next((provider for service, provider in _SERVICES if service in host), None)
    while host:
        if host in _HOSTS:
            return _HOSTS[host]
        host = host.partition(".")[2]
    return None
