"""The emitters, alone and in pairs: one app each, and what is not true of its charges.

A line is what is installed, what is switched on and which library makes the calls. A case is right when the ledger
holds one call of exactly the true charge. Where an emitter leaves out a fact that decides the price, the line says
which, and what follows from the rest: such a cell is wrong in a known way, and as soon as the emitter puts it right
the test asks for its entry to be deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from . import installed, lacks
from .lacks import ANTHROPIC, BEDROCK, CONVERSE, FRAMEWORKS, GEMINI, OPENAI, PROXIED, only
from .truth import TRUTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .environments import Environment
    from .truth import Lack


@dataclass(frozen=True)
class Emitter:
    """One app."""

    name: str
    environment: Environment
    setups: tuple[str, ...] = ()
    cases: tuple[str, ...] = tuple(TRUTH)
    lacks: Mapping[str, Lack] = field(default_factory=dict[str, "Lack"])
    """Case -> what cannot be known from this emitter."""
    client: str = "sdks"
    core: bool = False
    """Whether every run measures it, and not only one of all emitters."""
    in_request: bool = False
    """Whether each call is made while a server answers a request, which puts all that describes it into one trace; a
    script or a job has nothing around its calls."""


def _sdks(
    name: str,
    *setups: str,
    cases: tuple[str, ...] = tuple(TRUTH),
    lacks: Mapping[str, Lack] | None = None,
    core: bool = True,
) -> Emitter:
    return Emitter(name, installed.SDKS, setups, cases, lacks or {}, core=core)


EMITTERS: Final = (
    _sdks("spancost", "spancost"),
    _sdks("Anthropic's SDK", "anthropic", cases=ANTHROPIC),
    _sdks("OpenTelemetry", "official", lacks=lacks.OPENTELEMETRY),
    _sdks("OpenTelemetry botocore", "botocore", cases=BEDROCK, lacks=lacks.BOTOCORE, core=False),
    _sdks("OpenTelemetry botocore + spancost", "botocore", "spancost", cases=BEDROCK, core=False),
    _sdks(
        "OpenTelemetry botocore + OpenTelemetry",
        "botocore",
        "official",
        cases=BEDROCK,
        lacks=only(lacks.OPENTELEMETRY, *BEDROCK),
        core=False,
    ),
    _sdks("OpenLLMetry", "openllmetry", lacks=lacks.OPENLLMETRY),
    _sdks("OpenInference", "openinference", lacks=lacks.OPENINFERENCE),
    _sdks("OpenTelemetry + Anthropic's SDK", "official", "anthropic", cases=ANTHROPIC),
    _sdks("OpenLLMetry + Anthropic's SDK", "openllmetry", "anthropic", cases=ANTHROPIC),
    _sdks("OpenInference + Anthropic's SDK", "openinference", "anthropic", cases=ANTHROPIC),
    _sdks("OpenTelemetry + spancost", "official", "spancost"),
    _sdks("OpenLLMetry + spancost", "openllmetry", "spancost"),
    _sdks("OpenInference + spancost", "openinference", "spancost"),
    _sdks("Anthropic's SDK + spancost", "anthropic", "spancost", cases=ANTHROPIC, core=False),
    _sdks(
        "OpenTelemetry + OpenInference",
        "official",
        "openinference",
        lacks=only(lacks.OPENTELEMETRY, *CONVERSE, "invoke stream"),
        core=False,
    ),
    _sdks(
        "OpenLLMetry + OpenInference",
        "openllmetry",
        "openinference",
        lacks={
            **only(lacks.OPENLLMETRY, *CONVERSE, "invoke"),
            **only(lacks.OPENINFERENCE, "invoke stream"),
        },
        core=False,
    ),
    _sdks("all of them", "official", "botocore", "openllmetry", "openinference", "anthropic", "spancost"),
    Emitter(
        "LangChain, OpenLLMetry",
        installed.LANGCHAIN,
        ("langchain of openllmetry",),
        FRAMEWORKS,
        lacks.LANGCHAIN_OF_OPENLLMETRY,
        "langchain",
    ),
    Emitter(
        "LangChain, OpenInference",
        installed.LANGCHAIN,
        ("langchain of openinference",),
        FRAMEWORKS,
        lacks.LANGCHAIN_OF_OPENINFERENCE,
        "langchain",
        core=True,
    ),
    Emitter(
        "LangChain and SDKs, OpenLLMetry",
        installed.LANGCHAIN,
        ("langchain of openllmetry", "openllmetry"),
        FRAMEWORKS,
        {**lacks.LANGCHAIN_OF_OPENLLMETRY, **only(lacks.OPENLLMETRY, *OPENAI[2:])},
        "langchain",
    ),
    Emitter(
        "LangChain and SDKs, OpenInference",
        installed.LANGCHAIN,
        ("langchain of openinference", "openinference"),
        FRAMEWORKS,
        lacks.LANGCHAIN_OF_OPENINFERENCE,
        "langchain",
    ),
    Emitter(
        "LangChain, OpenInference + spancost",
        installed.LANGCHAIN,
        ("langchain of openinference", "spancost"),
        FRAMEWORKS,
        client="langchain",
        core=True,
    ),
    Emitter(
        "LangChain in a request, OpenInference + spancost",
        installed.LANGCHAIN,
        ("langchain of openinference", "spancost"),
        FRAMEWORKS,
        client="langchain",
        in_request=True,
    ),
    Emitter(
        "LiteLLM",
        installed.LITELLM,
        ("litellm",),
        (*FRAMEWORKS, "embeddings"),
        client="litellm",
        core=True,
    ),
    Emitter(
        "LiteLLM, OpenInference",
        installed.LITELLM,
        ("litellm of openinference",),
        (*FRAMEWORKS, "embeddings"),
        lacks.LITELLM_OF_OPENINFERENCE,
        "litellm",
    ),
    Emitter(
        "LiteLLM + spancost",
        installed.LITELLM,
        ("litellm", "spancost"),
        (*FRAMEWORKS, "embeddings"),
        client="litellm",
        core=True,
    ),
    Emitter(
        "LiteLLM in a request + spancost",
        installed.LITELLM,
        ("litellm", "spancost"),
        (*FRAMEWORKS, "embeddings"),
        client="litellm",
        in_request=True,
    ),
    Emitter("LiteLLM proxy", installed.LITELLM_PROXY, (), PROXIED, client="litellm_proxy"),
    Emitter(
        "LiteLLM proxy + its client, OpenInference",
        installed.LITELLM_PROXY,
        ("openinference openai",),
        PROXIED,
        client="litellm_proxy",
    ),
    Emitter("LiteLLM proxy + spancost", installed.LITELLM_PROXY, ("spancost",), PROXIED, client="litellm_proxy"),
    Emitter(
        "pydantic-ai",
        installed.PYDANTIC_AI,
        ("pydantic_ai",),
        FRAMEWORKS,
        lacks.PYDANTIC_AI,
        "pydantic_ai",
        core=True,
    ),
    Emitter(
        "pydantic-ai + OpenTelemetry",
        installed.PYDANTIC_AI,
        ("pydantic_ai", "official"),
        FRAMEWORKS,
        only(lacks.PYDANTIC_AI, *CONVERSE),
        "pydantic_ai",
    ),
    Emitter(
        "pydantic-ai + spancost",
        installed.PYDANTIC_AI,
        ("pydantic_ai", "spancost"),
        FRAMEWORKS,
        client="pydantic_ai",
        core=True,
    ),
    Emitter("Vercel AI SDK 6", installed.VERCEL_6, (), FRAMEWORKS, lacks.VERCEL_6, core=True),
    Emitter("Vercel AI SDK 7", installed.VERCEL_7, (), FRAMEWORKS, lacks.VERCEL_7, core=True),
    Emitter("Vercel AI SDK 7, all details", installed.VERCEL_7, ("details",), FRAMEWORKS, lacks.VERCEL_6),
    Emitter(
        "Logfire",
        installed.LOGFIRE,
        ("logfire",),
        (*ANTHROPIC, *OPENAI, "embeddings"),
        lacks.each(OPENAI, lacks.NO_TIER),
    ),
    Emitter("Logfire + spancost", installed.LOGFIRE, ("logfire", "spancost"), (*ANTHROPIC, *OPENAI, "embeddings")),
    Emitter("OpenLIT", installed.OPENLIT, ("openlit",), lacks=lacks.OPENLIT),
    Emitter("OpenLIT + spancost", installed.OPENLIT, ("openlit", "spancost")),
    Emitter("Langfuse", installed.LANGFUSE, ("langfuse",), (*OPENAI, "embeddings"), lacks.LANGFUSE, "langfuse"),
    Emitter(
        "Langfuse + spancost", installed.LANGFUSE, ("langfuse", "spancost"), (*OPENAI, "embeddings"), client="langfuse"
    ),
    Emitter("Strands", installed.STRANDS, (), (*lacks.STRANDS, "gemini stream"), lacks.STRANDS, "strands"),
    Emitter(
        "Strands + spancost",
        installed.STRANDS,
        ("spancost",),
        (*lacks.STRANDS, "gemini stream"),
        client="strands",
    ),
    Emitter("Google ADK", installed.GOOGLE_ADK, (), GEMINI, client="google_adk"),
    Emitter("Google ADK + spancost", installed.GOOGLE_ADK, ("spancost",), GEMINI, client="google_adk"),
    Emitter(
        "Semantic Kernel",
        installed.SEMANTIC_KERNEL,
        ("semantic_kernel",),
        OPENAI[:2],
        lacks.each(OPENAI[:2], lacks.TOTALS_ONLY),
        "semantic_kernel",
    ),
    Emitter(
        "Semantic Kernel + spancost",
        installed.SEMANTIC_KERNEL,
        ("semantic_kernel", "spancost"),
        OPENAI[:2],
        client="semantic_kernel",
    ),
    Emitter(
        "Agent Framework",
        installed.AGENT_FRAMEWORK,
        ("agent_framework",),
        OPENAI,
        lacks.each(OPENAI, lacks.NO_TIER),
        "agent_framework",
    ),
    Emitter(
        "Agent Framework + spancost",
        installed.AGENT_FRAMEWORK,
        ("agent_framework", "spancost"),
        OPENAI,
        client="agent_framework",
    ),
    Emitter("MLflow", installed.MLFLOW, ("mlflow",), lacks=lacks.MLFLOW),
    Emitter(
        "MLflow + spancost",
        installed.MLFLOW,
        ("mlflow", "spancost"),
    ),
    Emitter("AgentOps", installed.AGENTOPS, ("agentops",), (*ANTHROPIC, *OPENAI, "embeddings"), lacks.AGENTOPS),
    Emitter("AgentOps + spancost", installed.AGENTOPS, ("agentops", "spancost"), (*ANTHROPIC, *OPENAI, "embeddings")),
)
"""In the order in which they are shown."""
