"""What emitters leave out of what a call costs, and the charge that follows from what is left, worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .truth import Lack, lack

if TYPE_CHECKING:
    from collections.abc import Mapping

OPENAI: Final = ("chat", "chat stream", "responses", "responses stream")
ANTHROPIC: Final = ("messages", "messages stream")
CONVERSE: Final = ("converse", "converse stream")
INVOKE: Final = ("invoke", "invoke stream")
BEDROCK: Final = (*CONVERSE, *INVOKE)
GEMINI: Final = ("gemini", "gemini stream")
FRAMEWORKS: Final = (*ANTHROPIC, *CONVERSE, *GEMINI, *OPENAI)
"""What frameworks call: none of them uses Bedrock's InvokeModel."""
PROXIED: Final = (*ANTHROPIC, *GEMINI, *OPENAI[:2])
"""What a proxy is asked for through OpenAI's chat, whoever serves the model."""

UNSEEN: Final = Lack((), "the call: there is no span of it")
NO_USAGE: Final = lack(None, "what was used")

# 504 * 3 + 2000 * 0.30 + 1000 * 3.75 + 97 * 15, and a tenth more on Bedrock
NO_LIFETIME: Final = lack("0.007317", "how long a cache write lives (an hour costs more than five minutes)")
NO_LIFETIME_ON_BEDROCK: Final = lack("0.0080487", NO_LIFETIME.reason)
# (504 + 1000) * 3 + 2000 * 0.30 + 97 * 15
NO_CLAUDE_WRITE: Final = lack("0.006567", "what was written to the cache")
NO_BEDROCK_WRITE: Final = lack("0.0072237", NO_CLAUDE_WRITE.reason)
# 504 * 3 + 97 * 15
NO_CLAUDE_CACHE: Final = lack("0.002967", "cached tokens, which Anthropic counts beside the input")
NO_BEDROCK_CACHE: Final = lack("0.0032637", "cached tokens, which Bedrock counts beside the input")
# 400 * 1.25 + 600 * 0.125 + 400 * 10
NO_TOOL_TOKENS: Final = lack("0.004575", "what a server-side tool put into Gemini's prompt")
# 400 * 1.25 + 600 * 0.125 + 450 * 10
ONE_SUM: Final = lack("0.005075", "thoughts and what a tool put into Gemini's prompt, but in one sum")
# twice the truth: flex is half the price
NO_TIER: Final = lack("0.01266", "the tier that served the call")
# 600 * 2 + 400 * 0.20 + 500 * 10
NO_WRITE: Final = lack("0.00628", "what was written to OpenAI's cache")
NO_WRITE_AND_TIER: Final = lack("0.01256", f"{NO_WRITE.reason}, and {NO_TIER.reason}")
# 1000 * 4 + 500 * 20
TOTALS_ONLY: Final = lack("0.014", f"cached tokens, and {NO_TIER.reason}")


def each(cases: tuple[str, ...], lack: Lack) -> dict[str, Lack]:
    """The same of several cases."""
    return dict.fromkeys(cases, lack)


def only(lacks: Mapping[str, Lack], *cases: str) -> dict[str, Lack]:
    """Of an emitter's lacks, those that another beside it does not make up for."""
    return {case: lacks[case] for case in cases}


OPENTELEMETRY: Final = {
    **each(ANTHROPIC, NO_LIFETIME),
    **each(BEDROCK, NO_LIFETIME_ON_BEDROCK),
    **each(GEMINI, NO_TOOL_TOKENS),
}
BOTOCORE: Final = {**each(CONVERSE, NO_LIFETIME_ON_BEDROCK), **each(INVOKE, NO_BEDROCK_CACHE)}
OPENLLMETRY: Final = {
    "messages": NO_LIFETIME,
    # 98 * 15 in place of 97 * 15
    "messages stream": lack("0.007332", f"{NO_LIFETIME.reason}; it adds the count at a stream's start to its last"),
    **each((*CONVERSE, "invoke"), NO_LIFETIME_ON_BEDROCK),
    "invoke stream": NO_BEDROCK_CACHE,
    **each(GEMINI, ONE_SUM),
    **each(("chat", "responses"), NO_WRITE),
    **each(("chat stream", "responses stream"), NO_WRITE_AND_TIER),
}
OPENINFERENCE: Final = each((*CONVERSE, "invoke stream"), NO_LIFETIME_ON_BEDROCK)
LANGCHAIN_OF_OPENLLMETRY: Final = {
    "messages": NO_CLAUDE_WRITE,
    "messages stream": NO_LIFETIME,
    **each(CONVERSE, NO_BEDROCK_WRITE),
    **each(OPENAI, TOTALS_ONLY),
}
LANGCHAIN_OF_OPENINFERENCE: Final = {"messages stream": NO_LIFETIME}
LITELLM_OF_OPENINFERENCE: Final = {
    **each(ANTHROPIC, NO_LIFETIME),
    **each(CONVERSE, NO_LIFETIME_ON_BEDROCK),
    **each(OPENAI, NO_WRITE_AND_TIER),
}
PYDANTIC_AI: Final = {**each(CONVERSE, NO_LIFETIME_ON_BEDROCK), **each(OPENAI, NO_TIER)}
VERCEL_6: Final = each(("chat", "chat stream"), NO_TIER)
VERCEL_7: Final = {
    **each(ANTHROPIC, NO_LIFETIME),
    **each(CONVERSE, NO_LIFETIME_ON_BEDROCK),
    **each(OPENAI, NO_TIER),
}
OPENLIT: Final = {
    **each(ANTHROPIC, NO_LIFETIME),
    "converse": NO_LIFETIME_ON_BEDROCK,
    **each(("converse stream", *INVOKE), UNSEEN),
    **each(GEMINI, NO_TOOL_TOKENS),
    "responses stream": lack("0.01266", "the tier that served the call: it always says that it was the default"),
}
LANGFUSE: Final = each(("chat", "chat stream", "responses"), NO_TIER)
STRANDS: Final = {
    "messages stream": NO_LIFETIME,
    "converse stream": NO_LIFETIME_ON_BEDROCK,
    "chat stream": NO_TIER,
}
MLFLOW: Final = {
    "messages stream": NO_USAGE,
    **each(INVOKE, NO_LIFETIME_ON_BEDROCK),
    "gemini stream": UNSEEN,
    "chat stream": NO_TIER,
}
AGENTOPS: Final = {
    "messages": NO_CLAUDE_CACHE,
    # 504 * 3 + 1 * 15
    "messages stream": lack("0.001527", f"{NO_CLAUDE_CACHE.reason}; of a stream it counts the start only"),
    **each(("chat", "chat stream"), TOTALS_ONLY),
    **each(("responses", "responses stream"), UNSEEN),
}
