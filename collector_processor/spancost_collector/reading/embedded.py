"""Usage that stands as a document inside an attribute: what providers and frameworks call their parts.

Several emitters pass the provider's own usage object on, as JSON or as Python prints it. Whoever reported it, the same
few shapes come back; this module is the one place that knows them. Pure, bounded by its caller, and it never raises on
what an emitter may send.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]

_PYTHON_WORD: Final = re.compile(r"\b(None|True|False)\b")
_JSON_WORD: Final = {"None": "null", "True": "true", "False": "false"}
_LONE_SURROGATE: Final = re.compile(
    r"\\u[dD][89aAbB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89aAbB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
"""Half a character, which JSON can write and nothing else can hold."""
_MAX_COUNT: Final = 10**10
_TIERS: Final = ("flex", "priority")
"""The tiers of OpenAI that LangChain puts in front of a part's name."""


def load_json(text: str) -> object:
    """What a JSON text holds, in characters that can be written again.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it nests too deeply.
    """
    return json.loads(_LONE_SURROGATE.sub(r"\\ufffd", text) if "\\u" in text else text)


def parse_document(text: str) -> Document | None:
    """The object that a text holds, as JSON or as Python prints a dictionary of names and numbers; None if neither."""
    for candidate in (text, _PYTHON_WORD.sub(lambda word: _JSON_WORD[word[1]], text).replace("'", '"')):
        try:
            found = load_json(candidate)
        except (ValueError, RecursionError):
            continue
        return cast("Document", found) if isinstance(found, dict) else None
    return None


def inner(document: Mapping[str, Any], *path: str) -> Document:
    """The object at a path; an empty one where there is none."""
    found: Any = document
    for name in path:
        found = cast("Document", found).get(name) if isinstance(found, dict) else None
    return cast("Document", found) if isinstance(found, dict) else {}


def count(document: Mapping[str, Any], *names: str) -> int | None:
    """The first of several names that holds a whole number."""
    for name in names:
        value = document.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_COUNT:
            return value
    return None


def amount(document: Mapping[str, Any], *names: str) -> Decimal | None:
    """The first of several names that holds a number, as it is written."""
    for name in names:
        value = document.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _MAX_COUNT:
            return Decimal(repr(value))
    return None


def total(*counts: int | None) -> int | None:
    """The sum of what was reported; None where nothing was."""
    known = [one for one in counts if one is not None]
    return sum(known) if known else None


def provider_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """A provider's own usage object as totals that include their parts, by the names of `Usage`; what it lacks is None.

    It is told by its keys: only Anthropic has cached tokens beside its input, only OpenAI's kind nests its details.
    """
    beside = {"cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"} & usage.keys()
    return _anthropic(usage) if beside and "prompt_tokens" not in usage else _openai(usage)


def _anthropic(usage: Mapping[str, Any]) -> dict[str, Any]:
    read, write = count(usage, "cache_read_input_tokens"), count(usage, "cache_creation_input_tokens")
    lifetimes = inner(usage, "cache_creation")
    return {
        "input_tokens": total(count(usage, "input_tokens"), read, write),
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "cache_write_1h_tokens": count(lifetimes, "ephemeral_1h_input_tokens"),
        "output_tokens": count(usage, "output_tokens"),
        "reasoning_tokens": count(inner(usage, "output_tokens_details"), "thinking_tokens"),
        "web_search": count(inner(usage, "server_tool_use"), "web_search_requests") or None,
        "service_tier": _text(usage, "service_tier"),
    }


def _openai(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Chat completions, responses, and everybody who answers like them; LiteLLM's own parts stand beside them."""
    parts_in = inner(usage, "prompt_tokens_details") or inner(usage, "input_tokens_details")
    parts_out = inner(usage, "completion_tokens_details") or inner(usage, "output_tokens_details")
    lifetimes = inner(parts_in, "cache_creation_token_details")
    return {
        "input_tokens": count(usage, "prompt_tokens", "input_tokens"),
        "cache_read_tokens": _first(
            count(parts_in, "cached_tokens"),
            count(usage, "cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens"),
        ),
        "cache_write_tokens": _larger(
            count(parts_in, "cache_write_tokens", "cache_creation_tokens"), count(usage, "cache_creation_input_tokens")
        ),
        "cache_write_1h_tokens": count(lifetimes, "ephemeral_1h_input_tokens"),
        "input_audio_tokens": count(parts_in, "audio_tokens"),
        "input_image_tokens": count(parts_in, "image_tokens"),
        "output_tokens": count(usage, "completion_tokens", "output_tokens"),
        "reasoning_tokens": count(parts_out, "reasoning_tokens"),
        "output_audio_tokens": count(parts_out, "audio_tokens"),
        "output_image_tokens": count(parts_out, "image_tokens"),
        "total_tokens": count(usage, "total_tokens"),
        **_openrouter_cost(usage),
    }


def converse_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """What Bedrock's Converse counts: cached tokens stand beside the input."""
    read, write = count(usage, "cacheReadInputTokens"), count(usage, "cacheWriteInputTokens")
    return {
        "input_tokens": total(count(usage, "inputTokens"), read, write),
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "cache_write_1h_tokens": written_for(usage, "1h"),
        "output_tokens": count(usage, "outputTokens"),
    }


def written_for(usage: Mapping[str, Any], lifetime: str) -> int | None:
    """What Bedrock says was written to the cache for so long."""
    details = usage.get("cacheDetails")
    found = [
        count(cast("Document", one), "inputTokens")
        for one in (cast("list[object]", details) if isinstance(details, list) else ())
        if isinstance(one, dict) and cast("Document", one).get("ttl") == lifetime
    ]
    return total(*found)


def gemini_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Gemini's usage metadata: what tools returned stands beside the prompt, and thoughts beside the candidates."""
    thoughts = count(usage, "thoughtsTokenCount")
    return {
        "input_tokens": total(count(usage, "promptTokenCount"), count(usage, "toolUsePromptTokenCount")),
        "cache_read_tokens": count(usage, "cachedContentTokenCount"),
        "input_audio_tokens": _modality(usage, "AUDIO", "promptTokensDetails", "toolUsePromptTokensDetails"),
        "input_image_tokens": _modality(usage, "IMAGE", "promptTokensDetails", "toolUsePromptTokensDetails"),
        "cache_read_audio_tokens": _modality(usage, "AUDIO", "cacheTokensDetails"),
        "cache_read_image_tokens": _modality(usage, "IMAGE", "cacheTokensDetails"),
        "output_tokens": total(count(usage, "candidatesTokenCount"), thoughts),
        "reasoning_tokens": thoughts,
        "output_audio_tokens": _modality(usage, "AUDIO", "candidatesTokensDetails"),
        "output_image_tokens": _modality(usage, "IMAGE", "candidatesTokensDetails"),
    }


def langchain_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """LangChain's usage metadata, by the names of `Usage`; the tier that served a call is in front of its parts' names.

    What it knows the lifetime of it moves out of the sum of what was written to the cache.
    """
    parts_in, parts_out = inner(usage, "input_token_details"), inner(usage, "output_token_details")
    tier = next((tier for tier in _TIERS if any(name.startswith(tier + "_") for name in (*parts_in, *parts_out))), None)
    short, long = (count(parts_in, f"ephemeral_{lifetime}_input_tokens") for lifetime in ("5m", "1h"))
    written = count(parts_in, "cache_creation", "cache_write", *(f"{tier}_cache_creation" for tier in _TIERS))
    return {
        "input_tokens": count(usage, "input_tokens"),
        "cache_read_tokens": count(parts_in, "cache_read", *(f"{tier}_cache_read" for tier in _TIERS)),
        "cache_write_tokens": total(short, long) if (short or long) and not written else written,
        "cache_write_1h_tokens": long,
        "input_audio_tokens": count(parts_in, "audio"),
        "output_tokens": count(usage, "output_tokens"),
        "reasoning_tokens": count(parts_out, "reasoning", *(f"{tier}_reasoning" for tier in _TIERS)),
        "output_audio_tokens": count(parts_out, "audio"),
        "service_tier": tier,
    }


def _modality(usage: Mapping[str, Any], modality: str, *names: str) -> int | None:
    found: list[int | None] = []
    for name in names:
        details = usage.get(name)
        for detail in cast("list[object]", details) if isinstance(details, list) else ():
            if isinstance(detail, dict):
                one = cast("Document", detail)
                if one.get("modality") == modality:
                    found.append(count(one, "tokenCount"))
    return total(*found)


def _openrouter_cost(usage: Mapping[str, Any]) -> dict[str, Any]:
    """OpenRouter's own figure; with a key of one's own it bills its fee only, and the provider behind it the rest."""
    cost = amount(usage, "cost")
    if cost is None or "is_byok" not in usage:
        return {}
    if usage["is_byok"] is True:
        upstream = amount(inner(usage, "cost_details"), "upstream_inference_cost")
        cost = cost if upstream is None else cost + upstream
    return {"reported_usd": cost, "reported_by": "openrouter", "provider": "openrouter"}


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def _first(*counts: int | None) -> int | None:
    return next((one for one in counts if one is not None), None)


def _larger(one: int | None, other: int | None) -> int | None:
    """Of two reports of the same thing, one of which is a default of zero."""
    return other if one is None else one if other is None else max(one, other)
