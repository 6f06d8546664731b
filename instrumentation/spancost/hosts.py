"""Who bills for a call, told from the address it goes to.

The SDK does not say it: the `openai` SDK calls Groq, Azure and a dozen others. An unknown host keeps the SDK's own
provider, and `server.address` stays on the span for the receiver to judge.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_AMAZON: Final = "aws"
"""Sells models by the token and by the hour, and machines on which apps run proxies and models of their own."""
_SERVICES: Final = (("bedrock", "aws.bedrock"), ("sagemaker", "sagemaker"))
"""What a host of Amazon's has in its name, and who bills for calls to it; any other may be anybody's."""
_PROVIDERS: Final[tuple[tuple[str, str], ...]] = (
    ("openai.com", "openai"),
    ("anthropic.com", "anthropic"),
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("models.ai.azure.com", "azure.ai.inference"),
    ("inference.ml.azure.com", "azure.ai.inference"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("amazonaws.com", _AMAZON),
    ("api.aws", _AMAZON),
    ("groq.com", "groq"),
    ("openrouter.ai", "openrouter"),
    ("deepseek.com", "deepseek"),
    ("x.ai", "x_ai"),
    ("mistral.ai", "mistral_ai"),
    ("cohere.com", "cohere"),
    ("cohere.ai", "cohere"),
    ("perplexity.ai", "perplexity"),
    ("moonshot.cn", "moonshot_ai"),
    ("moonshot.ai", "moonshot_ai"),
    ("together.xyz", "together"),
    ("together.ai", "together"),
    ("fireworks.ai", "fireworks"),
    ("cerebras.ai", "cerebras"),
    ("deepinfra.com", "deepinfra"),
    ("novita.ai", "novita"),
    ("sambanova.ai", "sambanova"),
    ("huggingface.co", "huggingface"),
    ("writer.com", "writer"),
    ("z.ai", "zai"),
    ("aliyuncs.com", "alibaba"),
    ("cloud.ibm.com", "ibm.watsonx.ai"),
    ("oraclecloud.com", "oci"),
    ("ovh.net", "ovhcloud"),
    ("pydantic.dev", "pydantic_gateway"),
    ("ai-gateway.vercel.sh", "vercel"),
)
"""Domain and who bills for calls to it: `gen_ai.provider.name` values, or a plain name where there is none."""


_ROUTER: Final = "huggingface"
"""Passes calls on at the prices of the provider that the path names: `router.huggingface.co/together/v1`."""


@lru_cache(maxsize=1024)
def provider_of(host: str | None, otherwise: str, path: str = "") -> str:
    """The provider that bills for calls to `host`, or `otherwise` when the host is nobody's we know."""
    if host:
        # `us-east5-aiplatform.googleapis.com` joins region and service with a dash.
        host = host.lower().rstrip(".").replace("-aiplatform.", ".aiplatform.")
        for domain, provider in _PROVIDERS:
            if host.endswith(domain) and (len(host) == len(domain) or host[-len(domain) - 1] == "."):
                if provider == _AMAZON:
                    return next((sold for service, sold in _SERVICES if service in host), otherwise)
                behind = path.strip("/").partition("/")[0]
                return f"{provider}_{behind}" if provider == _ROUTER and behind not in ("", "v1") else provider
    return otherwise
