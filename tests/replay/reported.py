"""What a provider reported, as disjoint token classes: each provider's own rules, written out from its documentation.

Deliberately shares no code with what is tested. Only classes that have tokens are listed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from . import bedrock_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .recordings import Recording

Classes = dict[str, int]


def classes_of(recording: Recording) -> Classes | None:
    """The classes that the ledger has to show for this exchange; None where the provider reported none.

    A negative one means that the report contradicts itself.
    """
    usage = recording.usage
    if recording.api == "images":
        drawn: object = _answered(recording).get("data")
        return {"image": len(cast("list[Any]", drawn))} if isinstance(drawn, list) else None
    if recording.api in bedrock_calls.APIS:
        counted = bedrock_calls.reported(recording)
        return None if counted is None else {name: tokens for name, tokens in counted.items() if tokens}
    if usage is None or not any(isinstance(value, int) for value in usage.values()):
        return None
    rule = _gemini if "promptTokenCount" in usage else _RULES[recording.api]
    classes = rule(usage, recording.provider)
    return {name: tokens for name, tokens in classes.items() if tokens}


def paid(recording: Recording, seen: set[str]) -> list[Classes | None]:
    """What has to be charged when this exchange happens after those whose responses or runs are in `seen`."""
    answered = _answered(recording)
    fetched = recording.method == "GET" or recording.api == "assistants"
    known = str(answered.get("id")) in seen
    if recording.usage is not None and "id" in answered:
        seen.add(answered["id"])
    if fetched and (known or recording.usage is None):
        return []
    return [classes_of(recording), *beside(recording)]


def _answered(recording: Recording) -> Mapping[str, Any]:
    """The response or run that an exchange is about."""
    found: dict[str, Any] = {}
    for line in recording.body.decode(errors="replace").splitlines() if recording.streamed else [recording.body]:
        try:
            value = json.loads(line if isinstance(line, bytes) else line.removeprefix("data: "))
        except ValueError:
            continue
        if isinstance(value, dict):
            whole = cast("dict[str, Any]", value)
            found = whole.get("response") or whole
            if isinstance(found.get("usage"), dict):
                return found
    return found


def beside(recording: Recording) -> list[Classes]:
    """What other models did for this call: Anthropic bills an advisor's tokens at its own rates, in no total."""
    steps = (recording.usage or {}).get("iterations") or ()
    return [
        {name: tokens for name, tokens in _anthropic(step, recording.provider).items() if tokens}
        for step in steps
        if step["type"] == "advisor_message"
    ]


def _number(usage: Mapping[str, Any], *path: str) -> int:
    *outer, last = path
    for name in outer:
        usage = usage.get(name) or {}
    value: int | None = usage.get(last)
    return 0 if value is None else value


def _openai(usage: Mapping[str, Any], provider: str) -> Classes:
    """Totals include their parts; only xAI counts reasoning beside the completion."""
    match provider:
        case "deepseek":
            cached = _number(usage, "prompt_cache_hit_tokens")
        case "mistral":
            cached = _number(usage, "num_cached_tokens") or _number(usage, "prompt_tokens_details", "cached_tokens")
        case "together" | "huggingface":
            cached = _number(usage, "cached_tokens")
        case _:
            cached = _number(usage, "prompt_tokens_details", "cached_tokens")
    written = _number(usage, "prompt_tokens_details", "cache_write_tokens")
    audio_in = _number(usage, "prompt_tokens_details", "audio_tokens")
    image_in = _number(usage, "prompt_tokens_details", "image_tokens")
    thought = _number(usage, "completion_tokens_details", "reasoning_tokens")
    audio_out = _number(usage, "completion_tokens_details", "audio_tokens")
    image_out = _number(usage, "completion_tokens_details", "image_tokens")
    completion = usage["completion_tokens"] + (thought if provider == "xai" else 0)
    return {
        "input": usage["prompt_tokens"] - cached - written - audio_in - image_in,
        "cache_read": cached,
        "cache_write_5m": written,
        "input_audio": audio_in,
        "input_image": image_in,
        "output": completion - thought - audio_out - image_out,
        "reasoning": thought,
        "output_audio": audio_out,
        "output_image": image_out,
    }


def _responses(usage: Mapping[str, Any], _: str) -> Classes:
    """Totals include their parts; a server of Azure's answers in the words of chats."""
    cached = _number(usage, "input_tokens_details", "cached_tokens")
    written = _number(usage, "input_tokens_details", "cache_write_tokens")
    thought = _number(usage, "output_tokens_details", "reasoning_tokens")
    whole_in = usage["input_tokens"] if "input_tokens" in usage else usage["prompt_tokens"]
    whole_out = usage["output_tokens"] if "output_tokens" in usage else usage["completion_tokens"]
    return {
        "input": whole_in - cached - written,
        "cache_read": cached,
        "cache_write_5m": written,
        "output": whole_out - thought,
        "reasoning": thought,
    }


def _completions(usage: Mapping[str, Any], _: str) -> Classes:
    """No parts; embeddings have no completion, and runs of assistants say what was cached in words of their own."""
    cached = _number(usage, "prompt_token_details", "cached_tokens")
    return {
        "input": usage["prompt_tokens"] - cached,
        "cache_read": cached,
        "output": _number(usage, "completion_tokens"),
    }


def _realtime(usage: Mapping[str, Any], _: str) -> Classes:
    """Text, audio and images side by side, what was cached of each among them; transcripts are billed by the second."""
    if usage.get("type") == "duration":
        return {"second": usage["seconds"]}
    kinds = ("text_tokens", "audio_tokens", "image_tokens")
    text_in, audio_in, image_in = (_number(usage, "input_token_details", kind) for kind in kinds)
    cached = _number(usage, "input_token_details", "cached_tokens")
    cached_text, cached_audio, cached_image = (
        _number(usage, "input_token_details", "cached_tokens_details", kind) for kind in kinds
    )
    assert cached_text + cached_audio + cached_image == cached
    assert text_in + audio_in + image_in == usage["input_tokens"]
    audio_out = _number(usage, "output_token_details", "audio_tokens")
    thought = _number(usage, "output_token_details", "reasoning_tokens")
    return {
        "input": text_in - cached_text,
        "cache_read": cached,
        "input_audio": audio_in - cached_audio,
        "input_image": image_in - cached_image,
        "output": usage["output_tokens"] - audio_out - thought,
        "reasoning": thought,
        "output_audio": audio_out,
    }


def _anthropic(usage: Mapping[str, Any], _: str) -> Classes:
    """Input, cache reads and cache writes stand side by side; compaction comes on top of all of them."""
    steps = [usage, *(step for step in usage.get("iterations") or () if step["type"] == "compaction")]
    hour = sum(_number(step, "cache_creation", "ephemeral_1h_input_tokens") for step in steps)
    thought = _number(usage, "output_tokens_details", "thinking_tokens")
    return {
        "input": sum(_number(step, "input_tokens") for step in steps),
        "cache_read": sum(_number(step, "cache_read_input_tokens") for step in steps),
        "cache_write_5m": sum(_number(step, "cache_creation_input_tokens") for step in steps) - hour,
        "cache_write_1h": hour,
        "output": sum(_number(step, "output_tokens") for step in steps) - thought,
        "reasoning": thought,
    }


def _gemini(usage: Mapping[str, Any], _: str) -> Classes:
    """The prompt includes what was cached; tool results and thoughts stand beside prompt and candidates."""
    cached_audio, cached_image = (_modality(usage, "cacheTokensDetails", kind) for kind in ("AUDIO", "IMAGE"))
    audio_in, image_in = (
        _modality(usage, "promptTokensDetails", kind) + _modality(usage, "toolUsePromptTokensDetails", kind)
        for kind in ("AUDIO", "IMAGE")
    )
    audio_out, image_out = (
        _modality(usage, "candidatesTokensDetails", kind) + _modality(usage, "responseTokensDetails", kind)
        for kind in ("AUDIO", "IMAGE")
    )
    # A live session's candidates are its response.
    shown = _number(usage, "candidatesTokenCount") + _number(usage, "responseTokenCount")
    cached = _number(usage, "cachedContentTokenCount")
    everything_in = _number(usage, "promptTokenCount") + _number(usage, "toolUsePromptTokenCount")
    return {
        "input": everything_in - cached - (audio_in - cached_audio) - (image_in - cached_image),
        "cache_read": cached,
        "input_audio": audio_in - cached_audio,
        "input_image": image_in - cached_image,
        "output": shown - audio_out - image_out,
        "reasoning": _number(usage, "thoughtsTokenCount"),
        "output_audio": audio_out,
        "output_image": image_out,
    }


def _modality(usage: Mapping[str, Any], details: str, modality: str) -> int:
    return sum(_number(detail, "tokenCount") for detail in usage.get(details) or () if detail["modality"] == modality)


def _interaction(usage: Mapping[str, Any], _: str) -> Classes:
    """Thoughts stand beside the output and what tools said beside the input."""
    cached = _number(usage, "total_cached_tokens")
    return {
        "input": usage["total_input_tokens"] + _number(usage, "total_tool_use_tokens") - cached,
        "cache_read": cached,
        "output": usage["total_output_tokens"],
        "reasoning": _number(usage, "total_thought_tokens"),
    }


def _cache(usage: Mapping[str, Any], _: str) -> Classes:
    """Everything that goes into a cache is written to it."""
    return {"cache_write_5m": usage["totalTokenCount"]}


_RULES: Mapping[str, Callable[[Mapping[str, Any], str], Classes]] = {
    "assistants": _completions,
    "caches": _cache,
    "chat": _openai,
    "completions": _completions,
    "embeddings": _completions,
    "generate_content": _gemini,
    "interactions": _interaction,
    "messages": _anthropic,
    "realtime": _realtime,
    "responses": _responses,
    "transcription": _realtime,
}
