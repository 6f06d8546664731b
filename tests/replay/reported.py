"""What a provider reported, as disjoint token classes: each provider's own rules, written out from its documentation.

Deliberately shares no code with what is tested. Only classes that have tokens are listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .recordings import Recording

Classes = dict[str, int]


def classes_of(recording: Recording) -> Classes | None:
    """The classes that the ledger has to show for this exchange; None where the provider reported none.

    A negative one means that the report contradicts itself.
    """
    usage = recording.usage
    if usage is None or not any(isinstance(value, int) for value in usage.values()):
        return None
    classes = {"chat": _openai, "messages": _anthropic, "generate_content": _gemini}[recording.api](
        usage, recording.provider
    )
    return {name: tokens for name, tokens in classes.items() if tokens}


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
    audio_out, image_out = (_modality(usage, "candidatesTokensDetails", kind) for kind in ("AUDIO", "IMAGE"))
    cached = _number(usage, "cachedContentTokenCount")
    everything_in = _number(usage, "promptTokenCount") + _number(usage, "toolUsePromptTokenCount")
    return {
        "input": everything_in - cached - (audio_in - cached_audio) - (image_in - cached_image),
        "cache_read": cached,
        "input_audio": audio_in - cached_audio,
        "input_image": image_in - cached_image,
        "output": _number(usage, "candidatesTokenCount") - audio_out - image_out,
        "reasoning": _number(usage, "thoughtsTokenCount"),
        "output_audio": audio_out,
        "output_image": image_out,
    }


def _modality(usage: Mapping[str, Any], details: str, modality: str) -> int:
    return sum(_number(detail, "tokenCount") for detail in usage.get(details) or () if detail["modality"] == modality)
