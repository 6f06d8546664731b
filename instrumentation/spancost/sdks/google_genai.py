"""The `google-genai` SDK: the Gemini API and Vertex AI.

Patched where the SDK sends, not where the app calls: automatic function calling and continuation make several paid
requests behind one method call, and the answer on the wire says more (the served tier) than the typed one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from spancost.fields import count, items, pick, text, total
from spancost.hosts import provider_of
from spancost.instrumentor import Call, Patch, SdkInstrumentor, attempts, awaits, calls
from spancost.wire import Answer, Reading, Request
from spancost_pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from spancost_pricing import Unit

_TIERS: Final[Mapping[str, str]] = {
    "ON_DEMAND": "standard",
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned",
}
"""Vertex AI's `trafficType` -> the tier that served."""


class GenerateContentReading:
    """An answer of `generateContent`, or the chunks of `streamGenerateContent`: the last usage counts."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._id: str | None = None
        self._finished: dict[int, str] = {}
        self._usage: object = None
        self._queries: set[str] = set()

    def add(self, part: object) -> None:
        """Takes in the SDK's HTTP response, whose body is the JSON of an answer or of a chunk."""
        body = text(part, "body")
        answer: object = json.loads(body) if body is not None else None
        self._model = text(answer, "modelVersion") or self._model
        self._id = text(answer, "responseId") or self._id
        if (usage := pick(answer, "usageMetadata")) is not None:
            self._usage = usage
        for position, candidate in enumerate(items(answer, "candidates")):
            if reason := text(candidate, "finishReason"):
                index = count(candidate, "index")
                self._finished[position if index is None else index] = reason
            queries = items(candidate, "groundingMetadata", "webSearchQueries")
            self._queries.update(query for query in queries if isinstance(query, str) and query)

    def answer(self) -> Answer:
        """What has been said so far."""
        tier = text(self._usage, "serviceTier")
        traffic = text(self._usage, "trafficType")
        if tier is None and traffic is not None:
            tier = _TIERS.get(traffic)
        return Answer(
            model=self._model,
            response_id=self._id,
            finish_reasons=tuple(reason for _, reason in sorted(self._finished.items())),
            usage=None if self._usage is None else content_usage(self._usage, len(self._queries)),
            service_tier=tier,
        )


def content_usage(usage: object, searches: int) -> Usage:
    """`usageMetadata`. Gemini counts tool results beside the prompt and thoughts beside the candidates."""
    units: dict[Unit, int] = {} if searches == 0 else {"web_search": searches}
    return Usage(
        input_tokens=total(count(usage, "promptTokenCount"), count(usage, "toolUsePromptTokenCount")),
        cache_read_tokens=count(usage, "cachedContentTokenCount"),
        input_audio_tokens=total(
            _of_modality(usage, "promptTokensDetails", "AUDIO"),
            _of_modality(usage, "toolUsePromptTokensDetails", "AUDIO"),
        ),
        input_image_tokens=total(
            _of_modality(usage, "promptTokensDetails", "IMAGE"),
            _of_modality(usage, "toolUsePromptTokensDetails", "IMAGE"),
        ),
        cache_read_audio_tokens=_of_modality(usage, "cacheTokensDetails", "AUDIO"),
        cache_read_image_tokens=_of_modality(usage, "cacheTokensDetails", "IMAGE"),
        output_tokens=total(count(usage, "candidatesTokenCount"), count(usage, "thoughtsTokenCount")),
        reasoning_tokens=count(usage, "thoughtsTokenCount"),
        output_audio_tokens=_of_modality(usage, "candidatesTokensDetails", "AUDIO"),
        output_image_tokens=_of_modality(usage, "candidatesTokensDetails", "IMAGE"),
        units=units,
    )


def _of_modality(usage: object, details: str, modality: str) -> int | None:
    return total(
        *(count(detail, "tokenCount") for detail in items(usage, details) if text(detail, "modality") == modality)
    )


_GENERATE: Final[tuple[str, Callable[[], Reading]]] = ("generate_content", GenerateContentReading)
OPERATIONS: Final[Mapping[str, tuple[str, Callable[[], Reading]]]] = {
    ":generateContent": _GENERATE,
    ":streamGenerateContent": _GENERATE,
}
"""End of the path -> operation name and how its answer is read."""

_CLIENT: Final = "google.genai._api_client"


class GoogleGenAIInstrumentor(SdkInstrumentor):
    """Counts what the `google-genai` SDK's calls cost."""

    package = "google.genai"
    requires = "google-genai >= 1.32"
    patches = (
        Patch(_CLIENT, "BaseApiClient.request", calls),
        Patch(_CLIENT, "BaseApiClient.request_streamed", calls),
        Patch(_CLIENT, "BaseApiClient.async_request", awaits),
        Patch(_CLIENT, "BaseApiClient.async_request_streamed", awaits),
        Patch(_CLIENT, "BaseApiClient._request_once", attempts),
        Patch(_CLIENT, "BaseApiClient._async_request_once", attempts),
    )

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        """The model call behind a request of a client."""
        path: object = kwargs.get("path", args[1] if len(args) > 1 else None)
        if not isinstance(path, str):
            return None
        path = path.partition("?")[0]
        end = next((end for end in OPERATIONS if path.endswith(end)), None)
        if end is None:
            return None
        operation, reading = OPERATIONS[end]
        vertex = pick(instance, "vertexai") is True
        address = urlsplit(_base_url(instance, args, kwargs) or "")
        attributes: dict[str, AttributeValue] = {}
        if vertex and (location := text(instance, "location")) is not None:
            attributes["spancost.region"] = location
        request = Request(
            operation=operation,
            provider=provider_of(address.hostname, "gcp.vertex_ai" if vertex else "gcp.gemini"),
            model=path.removesuffix(end).rpartition("/")[2] or None,
            address=address.hostname,
            port=address.port,
            stream=end == ":streamGenerateContent",
            attributes=attributes,
        )
        return Call(request, reading(), (args, kwargs), (args, kwargs))


def _base_url(instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Where the request goes: its own options before the client's."""
    own: object = kwargs.get("http_options", args[3] if len(args) > 3 else None)
    return text(own, "base_url") or text(instance, "_http_options", "base_url")
