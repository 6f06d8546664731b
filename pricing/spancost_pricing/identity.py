"""Who bills for a call and what the model may be called: explicit tables, no guessing by substring.

The same provider has a dozen spellings and the same model several, and a price attached to the wrong route is
worse than none: a Claude on Bedrock is Bedrock's Claude. What is not in a table stays unknown and is counted so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from spancost_pricing.entries import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_pricing.charge import Route

LONGEST_NAME: Final = 512
"""Longer model names are nobody's; they are not looked up."""

_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": ("claude", "anthropic_ai", "chatanthropic", "claude_agent_sdk"),
    "aws": ("aws.bedrock", "bedrock", "amazon_bedrock", "aws_bedrock", "bedrock_converse", "amazon", "bedrockconverse"),
    "azure": (
        "azure.ai.openai",
        "azure.ai.inference",
        "az.ai.openai",
        "az.ai.inference",
        "azure_openai",
        "azure.openai",
        "azureopenai",
        "azure_ai",
        "azure_ai_openai",
        "azure_ai_inference",
        "azure_ai_foundry",
        "azure.ai.foundry",
        "microsoft.foundry",
        "azure_openai_responses",
    ),
    "cohere": ("cohere_chat", "cohereai"),
    "databricks": ("databricks_ai",),
    "deepseek": ("deepseek_ai",),
    "fireworks": ("fireworks_ai", "fireworksai"),
    "github-copilot": ("github_copilot", "copilot"),
    "google": (
        "gcp.gemini",
        "gcp.gen_ai",
        "gcp.genai",
        "gcp.vertex_ai",
        "gcp.vertex.agent",
        "gemini",
        "google_ai",
        "google_gla",
        "google_vertex",
        "google_genai",
        "google_vertexai",
        "google_generativeai",
        "google_generative_ai",
        "google_ai_studio",
        "google.generative_ai",
        "google.vertex",
        "google.vertex.anthropic",
        "google.vertexai",
        "vertex",
        "vertexai",
        "vertex_ai",
        "vertex_ai_beta",
        "vertex.anthropic",
        "google_vertex_anthropic",
    ),
    "groq": ("groqcloud",),
    "minimax": ("minimax_ai",),
    "mistral": ("mistral_ai", "mistralai"),
    "moonshotai": ("moonshot_ai", "moonshot", "moonshot_ai_kimi"),
    "openai": ("openai_responses", "openai_chat", "chatopenai", "open_ai"),
    "openrouter": ("open_router",),
    "perplexity": ("perplexity_ai", "perplexityai"),
    "together": ("together_ai", "togetherai"),
    "voyageai": ("voyage", "voyage_ai"),
    "x-ai": ("x_ai", "xai"),
    "zai": ("z_ai", "z.ai"),
    "zhipuai": ("zhipu_ai", "zhipu"),
}
"""Price-list id -> other spellings, in lower case with `-` and blanks as `_`."""

_FUNCTION_SUFFIXES: Final = frozenset(
    {
        "chat",
        "completion",
        "embedding",
        "generative_ai",
        "image",
        "messages",
        "responses",
        "speech",
        "text_embedding",
        "transcription",
    }
)
"""`openai.chat`, `anthropic.messages`: some SDKs name the endpoint behind the provider."""

_GATEWAYS: Final = frozenset({"litellm", "litellm_proxy"})
"""Route to others and bill nothing themselves: the provider is the first segment of the model name."""

_TIERS: Final[Mapping[str, str | None]] = {
    "": None,
    "auto": None,
    "default": None,
    "on_demand": None,
    "standard": None,
    "standard_only": None,
    "traffic_type_unspecified": None,
    "unspecified": None,
    "batches": "batch",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}
"""Served tier as reported -> its name here; None is the provider's standard tier."""

_SPEEDS: Final[Mapping[str, str | None]] = {"": None, "default": None, "normal": None, "standard": None}

_ZONES: Final = (("datazone", "data_zone"), ("global", "global"), ("regional", "regional"))
"""How a deployment kind begins -> where it may run; a kind that says nothing of it stays in its region."""

_KINDS: Final[Mapping[str, str | None]] = {
    "": None,
    "standard": None,
    "batch": "batch",
    "provisioned": "provisioned",
    "provisionedmanaged": "provisioned",
}
"""The rest of a deployment kind -> the tier that it implies."""

_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]*):\d*:(?P<kind>foundation-model|inference-profile)/(?P<model>.+)"
)
_GOOGLE_PATH = re.compile(r"(?:projects/[^/]+/locations/(?P<location>[^/]+)/)?publishers/[^/]+/models/(?P<model>[^/]+)")
_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])(?=$|:)")
"""Some gateways write a dated snapshot without dashes."""

_GOOGLE_STABLE = re.compile(r"-\d{3}$")


def provider_ids(listed: frozenset[str]) -> dict[str, str]:
    """Every known spelling -> price-list id, for the providers that are listed."""
    table = {fold(provider): provider for provider in sorted(listed)}
    for provider, spellings in _SPELLINGS.items():
        table[fold(provider)] = provider
        table.update(dict.fromkeys(spellings, provider))
    return table


def provider_of(spelling: str, table: Mapping[str, str]) -> str:
    """The price-list id of a provider that a price file names; a name that no table knows is the file's own."""
    return _listed(fold(spelling), table) or spelling.strip().lower()


def identify(route: Route, table: Mapping[str, str]) -> tuple[Route, str | None]:
    """The route with a gateway's prefix taken off, and the price-list id of who bills; None if nobody knows.

    `table` is what `provider_ids` returned.
    """
    spelling = fold(route.provider)
    if spelling in _GATEWAYS:
        inner, slash, model = route.model.partition("/")
        if slash:
            route = route._replace(provider=inner, model=model)
            spelling = fold(inner)
    return route, _listed(spelling, table)


def _listed(spelling: str, table: Mapping[str, str]) -> str | None:
    """The price-list id of a folded spelling, which may end in the name of an endpoint."""
    provider = table.get(spelling)
    if provider is None:
        stem, dot, suffix = spelling.rpartition(".")
        if dot and suffix in _FUNCTION_SUFFIXES:
            provider = table.get(stem)
    return provider


def model_names(provider: str, model: str, table: Mapping[str, str]) -> tuple[str, ...]:
    """What the model may be called in a price list of the provider that bills; as it was reported first."""
    name = model.strip().lower()
    if not name or len(name) > LONGEST_NAME:
        return ()
    names = [name]
    head, slash, tail = name.partition("/")
    if slash and tail and table.get(fold(head)) == provider:
        names.append(tail)
    match provider:
        case "aws":
            names += _bedrock(name)
        case "google":
            names += _google(name)
        case _:
            pass
    names += [_COMPACT_DATE.sub(r"-\1-\2-\3", known) for known in names]
    for known in tuple(names):
        bare = known.removesuffix("[1m]").removesuffix(":beta")
        if bare != known:
            names.append(bare)
    return tuple(dict.fromkeys(names))


def terms(route: Route) -> Terms:
    """The terms of the route in their canonical spelling."""
    deployment, implied, zone = _deployment(route.deployment)
    tier = fold(route.service_tier or "")
    tier = _TIERS.get(tier, tier) or implied
    speed = fold(route.speed or "")
    region = (route.region or "").strip().lower() or _location(route.model) or zone
    return Terms(tier=tier, region=region, deployment=deployment, speed=_SPEEDS.get(speed, speed))


def fold(name: str) -> str:
    """The name without what spellings of one name differ in."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _deployment(kind: str | None) -> tuple[str | None, str | None, str | None]:
    """Where it may run, the tier and the region that a deployment kind such as `DataZoneBatch` implies."""
    letters = "".join(filter(str.isalpha, (kind or "").lower()))
    if not letters:
        return None, None, None
    zone = "regional"
    for start, name in _ZONES:
        if letters.startswith(start):
            zone, letters = name, letters.removeprefix(start)
            break
    region = letters[:2] if letters[:2] in ("eu", "us") else None
    letters = letters.removeprefix(region or "")
    return (zone, _KINDS[letters], region) if letters in _KINDS else (letters, None, region)


def deployment_pattern(text: str) -> str | None:
    """A pattern of where a deployment may run; None for a kind spelled out at least so far."""
    letters = "".join(letter for letter in text.lower() if letter.isalpha() or letter in "*?")
    spelled_out = letters.isalpha() or any(letters.startswith(start) for start, _ in _ZONES)
    return None if not letters or spelled_out else letters


def _bedrock(name: str) -> list[str]:
    arn = _ARN.fullmatch(name)
    if arn is not None:
        return [arn["model"]]
    for prefix in ("bedrock/", "converse/", "bedrock/converse/", "invoke/", "bedrock/invoke/"):
        if name.startswith(prefix):
            return [name.removeprefix(prefix)]
    return []


def _google(name: str) -> list[str]:
    path = _GOOGLE_PATH.fullmatch(name)
    known = [path["model"]] if path is not None else [name.removeprefix("models/")]
    known.append(known[0].removeprefix("anthropic/"))
    known.append(_GOOGLE_STABLE.sub("", known[-1]))
    return known


def _location(model: str) -> str | None:
    """Where the name itself says that the model runs; a Bedrock profile costs what it does where it is called."""
    name = model.strip().lower()
    path = _GOOGLE_PATH.fullmatch(name)
    if path is not None:
        return path["location"]
    arn = _ARN.fullmatch(name)
    return (arn["region"] or None) if arn is not None else None
