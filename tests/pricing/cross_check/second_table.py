"""The second table: which models it lists under names that ours knows too, and what it says that tokens cost.

Its names carry a routing prefix (`azure/eu/`, `gemini/`, `bedrock/us-west-2/`); what each prefix means for us is a
table here. A prefix that is not in it is another product (committed capacity, a picture size) and is not compared.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from spancost_pricing import Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION: Final = "1.109.1"
PACKAGE: Final = f"litellm=={VERSION}"
TABLE: Final = Path("litellm", "model_prices_and_context_window_backup.json")

_GOOGLE: Final = (
    "language-models",
    "chat-models",
    "text-models",
    "embedding-models",
    "anthropic_models",
    "mistral_models",
    "llama_models",
    "ai21_models",
    "deepseek_models",
    "qwen_models",
    "zai_models",
    "openai_models",
    "minimax_models",
    "moonshot_models",
)
_BEDROCK_REGIONS: Final = (
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
)
_BEDROCK: Final[Mapping[str, Route]] = {
    "": Route("aws", ""),
    "bedrock/": Route("aws", ""),
    **{f"bedrock/{region}/": Route("aws", "", region=region) for region in _BEDROCK_REGIONS},
}
_VERTEX: Final[Mapping[str, Route]] = {
    "": Route("google", ""),
    "vertex_ai/": Route("google", ""),
}

PREFIXES: Final[Mapping[str, Mapping[str, Route]]] = {
    "openai": {"": Route("openai", ""), "openai/": Route("openai", "")},
    "text-completion-openai": {"": Route("openai", "")},
    "anthropic": {"": Route("anthropic", "")},
    "gemini": {"gemini/": Route("google", "")},
    "vertex_ai": _VERTEX,
    **{f"vertex_ai-{family}": _VERTEX for family in _GOOGLE},
    "bedrock": _BEDROCK,
    "bedrock_converse": _BEDROCK,
    "azure": {
        "azure/": Route("azure", ""),
        "azure/global/": Route("azure", "", deployment="GlobalStandard"),
        "azure/global-standard/": Route("azure", "", deployment="GlobalStandard"),
        "azure/eu/": Route("azure", "", region="eu", deployment="DataZoneStandard"),
        "azure/us/": Route("azure", "", region="us", deployment="DataZoneStandard"),
    },
    "azure_text": {"azure/": Route("azure", "")},
    "azure_ai": {"azure_ai/": Route("azure", "")},
    "mistral": {"mistral/": Route("mistral", "")},
    "deepseek": {"": Route("deepseek", ""), "deepseek/": Route("deepseek", "")},
    "perplexity": {"perplexity/": Route("perplexity", "")},
    "xai": {"xai/": Route("x-ai", "")},
    "groq": {"groq/": Route("groq", "")},
    "cohere": {"": Route("cohere", ""), "cohere/": Route("cohere", "")},
    "cohere_chat": {"": Route("cohere", ""), "cohere/": Route("cohere", "")},
}
"""Its provider -> the prefix of its names -> our route without the model."""


class TableError(Exception):
    """The second table cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as the second table lists it."""

    key: str
    """Its name there."""
    route: Route
    """The same model on the same route for us."""
    mode: str
    """`chat`, `embedding`, `responses`, …"""
    rates: Mapping[str, Decimal]
    """USD for one unit, under its own keys, at the instant of the comparison."""

    def has(self, key: str) -> bool:
        """Whether it states a price above nothing under the key, for whatever length of context."""
        return any(rate for name, rate in self.rates.items() if name == key or name.startswith(f"{key}_above_"))


def fetch() -> dict[str, dict[str, Any]]:
    """The second table, from the package index into a folder that is gone afterwards.

    Without the dependencies: nothing of the package is run.

    Raises:
        TableError: the package cannot be installed here.
    """
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    with tempfile.TemporaryDirectory() as folder:
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", folder]
        try:
            subprocess.run([*command, PACKAGE], capture_output=True, text=True, timeout=300, check=True)
        except subprocess.CalledProcessError as error:
            raise TableError(f"{PACKAGE}: {str(error.stderr).strip()[-300:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TableError(f"{PACKAGE}: {error}") from error
        return cast("dict[str, dict[str, Any]]", json.loads((Path(folder) / TABLE).read_text(), parse_float=Decimal))


def listed(table: Mapping[str, Mapping[str, Any]]) -> Iterator[Listed]:
    """The models of the second table that are on a route of ours."""
    for key, facts in table.items():
        route = _route(key, PREFIXES.get(str(facts.get("litellm_provider")), {}))
        if route is not None:
            yield Listed(key, route, str(facts.get("mode")), dict(_rates(facts)))


def _route(key: str, prefixes: Mapping[str, Route]) -> Route | None:
    prefix = max((prefix for prefix in prefixes if key.startswith(prefix)), key=len, default=None)
    if prefix is None:
        return None
    model = key.removeprefix(prefix)
    return prefixes[prefix]._replace(model=model)


def _rates(facts: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    # Where it lists hours, the comparison is made outside the peak, which is what it calls off-peak.
    for name, value in {**facts, **facts.get("off_peak_pricing", {})}.items():
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and "cost" in name:
            yield name, Decimal(value)
    searches = facts.get("search_context_cost_per_query", {})
    if "search_context_size_low" in searches:
        yield "search_context_size_low", Decimal(searches["search_context_size_low"])
