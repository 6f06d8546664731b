"""LiteLLM: one function for every provider, over their SDKs or over HTTP of its own.

Its call is the paid one, so what it calls in turn stays quiet, retries and fallbacks included: the answer says who
served. What LiteLLM takes a call to cost is not looked at. An answer from its cache costs nothing, and says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from spancost import unreported
from spancost.described import Call
from spancost.fields import count, first, items, pick, text, total
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, SdkInstrumentor, awaits, calls
from spancost.streams import observed
from spancost.wire import PROVIDER, Answer, Reading, Request, answered, in_order, used

if TYPE_CHECKING:
    from spancost.streams import Observer
    from spancost.wire import Attributes
    from spancost_pricing import Unit

Asked = Mapping[str, Any]
"""The arguments of a call by name."""

_PROVIDERS: Final[Mapping[str, str]] = {
    "aiohttp_openai": "openai",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "azure_text": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "custom_openai": "openai",
    "fireworks_ai": "fireworks",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "sagemaker_chat": "sagemaker",
    "text-completion-codestral": "mistral_ai",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""LiteLLM's `custom_llm_provider` -> `gen_ai.provider.name`, where the two differ."""
_UNTOLD: Final = "litellm"
"""Who bills for a bare model name until the answer says it; a gateway's name, so that nobody takes it for a biller."""
_REGIONS: Final = ("aws_region_name", "vertex_location", "vertex_ai_location")
_UNPAID: Final = ("mock_response", "mock_tool_calls", "mock_timeout")
"""Arguments with which LiteLLM makes answers up."""


class LiteLLMReading:
    """An answer in the shape of OpenAI's, whoever gave it, or the chunks of one."""

    def __init__(self, asked: Asked) -> None:
        self._asked = [asked.get(name) for name in ("messages", "prompt", "input")]
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: object = None
        self._hidden: object = None
        self._cached = False
        self._streamed = False
        self._written = 0

    def add(self, part: object) -> None:
        """Takes in a response, or a chunk or event of a stream."""
        hidden: object = getattr(part, "_hidden_params", None)
        if hidden is not None:
            self._hidden = hidden
            self._cached = self._cached or pick(hidden, "cache_hit") is True
        response = pick(part, "response")  # the events of the Responses API hold it
        kind = text(part, "type")
        if kind is not None:
            self._streamed = True
            if kind.endswith(".delta"):
                self._written += unreported.characters(pick(part, "delta"))
        self._take(part if response is None else response)

    def _take(self, answer: object) -> None:
        self._model = text(answer, "model") or self._model
        self._id = text(answer, "id") or self._id
        self._tier = text(answer, "service_tier") or self._tier
        for usage in (pick(answer, "usage"), pick(answer, "meta")):
            if usage is not None:
                self._usage = usage
        for position, choice in enumerate(items(answer, "choices")):
            if reason := text(choice, "finish_reason"):
                index = count(choice, "index")
                self._finished[position if index is None else index] = reason
            if (delta := pick(choice, "delta")) is not None:
                self._streamed = True
                self._written += unreported.characters(pick(delta, "content"))
                self._written += unreported.characters(pick(delta, "reasoning_content"))
                self._written += sum(
                    unreported.characters(pick(call, "function", "arguments")) for call in items(delta, "tool_calls")
                )

    def answer(self) -> Answer:
        """What has been said so far."""
        if self._cached:
            nothing = used(input_tokens=0, output_tokens=0)
            return answered(model=self._model, usage=nothing, attributes={"spancost.litellm.cache_hit": True})
        reported = self._reported()
        return answered(
            model=self._model,
            response_id=self._id,
            finish_reasons=in_order(self._finished),
            usage=self._estimate() if reported is None else reported,
            service_tier=self._tier,
            attributes=_served(self._hidden),
        )

    def _reported(self) -> Attributes | None:
        if self._usage is not None:
            return answer_usage(self._usage)
        # Of a stream whose caller did not ask for usage it is kept aside, as zeros where the provider gave none.
        aside = pick(self._hidden, "usage")
        return answer_usage(aside) if count(aside, "total_tokens") else None

    def _estimate(self) -> Attributes | None:
        """For a stream that ended before its usage; a complete answer without usage stays without."""
        if not self._streamed:
            return None
        asked = sum(unreported.message_characters(part) for part in self._asked)
        return used(
            input_tokens=unreported.tokens(asked), output_tokens=unreported.tokens(self._written), estimated=True
        )


def answer_usage(usage: object) -> Attributes | None:
    """LiteLLM's `Usage` of a completion, a response of the Responses API or a reranking: totals include their parts."""
    billed = pick(usage, "billed_units")
    units: dict[Unit, int] = {}
    if billed is not None:
        if (searches := count(billed, "search_units")) is not None:
            units["request"] = searches
        return used(input_tokens=count(billed, "total_tokens"), units=units)
    into = pick(usage, "prompt_tokens_details") or pick(usage, "input_tokens_details")
    out = pick(usage, "completion_tokens_details") or pick(usage, "output_tokens_details")
    searches = first(count(usage, "server_tool_use", "web_search_requests"), count(into, "web_search_requests"))
    if searches is not None:
        units["web_search"] = searches
    return used(
        input_tokens=first(count(usage, "prompt_tokens"), count(usage, "input_tokens")),
        cache_read_tokens=first(count(into, "cached_tokens"), count(usage, "cache_read_input_tokens")),
        cache_write_tokens=first(
            count(into, "cache_creation_tokens"),
            count(into, "cache_write_tokens"),
            count(usage, "cache_creation_input_tokens"),
        ),
        cache_write_1h_tokens=total(
            count(into, "cache_creation_token_details", "ephemeral_1h_input_tokens"),
            count(into, "cache_creation_token_details", "ephemeral_12h_input_tokens"),
        ),
        input_audio_tokens=count(into, "audio_tokens"),
        input_image_tokens=count(into, "image_tokens"),
        output_tokens=first(count(usage, "completion_tokens"), count(usage, "output_tokens")),
        reasoning_tokens=count(out, "reasoning_tokens"),
        output_audio_tokens=count(out, "audio_tokens"),
        output_image_tokens=count(out, "image_tokens"),
        units=units,
    )


def _served(hidden: object) -> Attributes:
    """Who served, where, as LiteLLM keeps it beside the answer."""
    attributes: Attributes = {}
    host = _host(pick(hidden, "api_base"))
    if host is not None:
        attributes["server.address"] = host
    if (served := text(hidden, "custom_llm_provider")) is not None:
        attributes[PROVIDER] = provider_of(host, _PROVIDERS.get(served, served))
    if (region := text(hidden, "region_name")) is not None:
        attributes["spancost.region"] = region
    return attributes


def _host(url: object) -> str | None:
    return urlsplit(url).hostname if isinstance(url, str) else None


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of LiteLLM."""

    name: str
    """`gen_ai.operation.name`."""
    arguments: tuple[str, ...]
    """Its first arguments, which may be given by position."""
    reading: Callable[[Asked], Reading] = LiteLLMReading


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("litellm.main", "completion"): Operation("chat", ("model", "messages")),
    ("litellm.main", "text_completion"): Operation("text_completion", ("prompt", "model")),
    ("litellm.main", "embedding"): Operation("embeddings", ("model", "input")),
    ("litellm.responses.main", "responses"): Operation("chat", ("input", "model")),
    ("litellm.rerank_api.main", "rerank"): Operation("rerank", ("model", "query")),
}
"""Module and function -> operation; each has an async twin whose name starts with `a`, and both are in `litellm`."""


def describe(operation: Operation, _: Any, args: tuple[Any, ...], kwargs: Asked) -> Call | None:
    """The model call behind a call of one of `OPERATIONS`."""
    asked: Asked = {**dict(zip(operation.arguments, args, strict=False)), **kwargs}
    if any(asked.get(name) is not None for name in _UNPAID):
        return None
    head, slash, tail = (text(asked, "model") or "").partition("/")
    served = text(asked, "custom_llm_provider") or (head if slash and _is_provider(head) else None)
    host = _host(asked.get("api_base")) or _host(asked.get("base_url"))
    region = next((found for name in _REGIONS if (found := text(asked, name))), None)
    request = Request(
        operation=operation.name,
        provider=_UNTOLD if served is None else provider_of(host, _PROVIDERS.get(served, served)),
        model=tail if slash and head == served else text(asked, "model"),
        address=host,
        stream=asked.get("stream") is True,
        attributes={} if region is None else {"spancost.region": region},
        encloses=True,
    )
    return Call(request, operation.reading(asked), (args, kwargs), observe=_observed)


def _observed(result: Any, observer: Observer) -> Any:
    """A stream knows of itself, before its first chunk, whether it comes from the cache."""
    if hasattr(result, "__anext__") or hasattr(result, "__next__"):
        observer.read(result)
    return observed(result, observer)


def _is_provider(name: str) -> bool:
    known: Any = getattr(sys.modules.get("litellm"), "provider_list", ())
    return name in known


def _patches() -> list[Patch]:
    found: list[Patch] = []
    for (module, name), operation in OPERATIONS.items():
        described = partial(describe, operation)
        for place in (module, "litellm"):
            found.append(Patch(place, name, calls, describe=described))
            found.append(Patch(place, f"a{name}", awaits, describe=described))
    return found


class LiteLLMInstrumentor(SdkInstrumentor):
    """Counts what calls through LiteLLM cost."""

    package = "litellm"
    requires = "litellm >= 1.80"
    patches = tuple(_patches())
