"""What a request says, in whichever provider's shape: texts to count, and what about it cannot be counted.

Takes a plain text, a list of chat messages or a whole request body (OpenAI chat and responses, Anthropic, Gemini,
Bedrock Converse and their look-alikes) and knows nothing of tokens and prices. What is not a setting is taken for
part of the prompt, so that a field nobody has heard of is counted rather than missed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from spancost_pricing.errors import ConfigError

Lifetime = Literal["5m", "1h"]

_CONTENT: Final = frozenset(
    (
        "messages", "input", "prompt", "contents", "content", "system", "systemInstruction", "system_instruction",
        "instructions", "inputText", "message", "chat_history", "preamble", "documents", "texts",
    )
)  # fmt: skip
"""Top-level fields whose strings are the prompt."""

_TOOLS: Final = frozenset(("tools", "toolConfig", "tool_config", "functions"))
_SCHEMAS: Final = frozenset(
    (
        "response_format", "output_format", "output_config", "outputConfig", "text", "format", "generationConfig",
        "generation_config",
    )
)  # fmt: skip
"""Top-level fields that may hold the schema of the answer, among settings."""
_SCHEMA_FIELDS: Final = frozenset(
    ("json_schema", "schema", "responseSchema", "responseJsonSchema", "response_schema", "response_json_schema")
)
_MESSAGE_LISTS: Final = frozenset(("messages", "input", "contents", "chat_history"))

_ELSEWHERE: Final[Mapping[str, str]] = {
    "previous_response_id": "the conversation so far is kept by the provider (previous_response_id)",
    "conversation": "the conversation so far is kept by the provider (conversation)",
    "cachedContent": "part of the prompt is kept by the provider (cachedContent)",
    "cached_content": "part of the prompt is kept by the provider (cached_content)",
    "mcp_servers": "MCP servers put their tools and results into the input",
    "container": "the provider keeps a container with files of its own",
}
"""Fields that add input which the request does not show."""

_SETTINGS: Final = frozenset(
    (
        "model", "stream", "stream_options", "temperature", "top_p", "top_k", "topP", "topK", "n", "seed", "stop",
        "stop_sequences", "stopSequences", "user", "store", "metadata", "max_tokens", "max_completion_tokens",
        "max_output_tokens", "max_tokens_to_sample", "max_gen_len", "maxTokens", "frequency_penalty",
        "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "service_tier", "serviceTier",
        "parallel_tool_calls", "reasoning", "reasoning_effort", "thinking", "include", "truncation",
        "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "verbosity",
        "modalities", "prediction", "inferenceConfig", "textGenerationConfig", "safetySettings", "anthropic_version",
        "anthropic_beta", "betas", "cache_control", "context_management", "background", "extra_headers", "timeout",
        "provider", "usage", "keep_alive", "options", "labels", "tool_choice", "guardrailConfig",
        "additionalModelRequestFields", "modelId", "performanceConfig", "requestMetadata", "schemaVersion",
        "random_seed", "safe_prompt", "speed", "inference_geo", "audio", "responseModalities", "response_modalities",
        "safety_settings", "thinkingConfig", "thinking_config", "http_options", "automatic_function_calling",
    )
)  # fmt: skip
"""Top-level fields that are not read by the model."""

_MEDIA_TYPES: Final = frozenset(
    (
        "image", "image_url", "input_image", "input_audio", "audio", "document", "input_file", "file", "video",
        "video_url", "container_upload", "image_file", "computer_screenshot",
    )
)  # fmt: skip
_MEDIA_FIELDS: Final = frozenset(
    (
        "image", "document", "video", "audio", "inlineData", "inline_data", "fileData", "file_data", "image_url",
        "input_audio",
    )
)  # fmt: skip
_HIDDEN: Final = frozenset(
    (
        "signature", "encrypted_content", "data", "thoughtSignature", "thought_signature", "thinking", "reasoning",
        "reasoning_content", "reasoningContent", "reasoning_details", "summary",
    )
)  # fmt: skip
"""Earlier reasoning, in the clear or sealed: the provider may give it to the model again or drop it."""

_UNREAD: Final = frozenset(("role", "type", "cache_control", "cachePoint", "id", "status", "tool_call_id", "call_id"))
_STRUCTURES: Final = frozenset(
    (
        "tool_calls", "function_call", "functionCall", "function_response", "functionResponse", "toolUse", "toolResult",
        "arguments", "args", "output",
    )
)  # fmt: skip
"""Fields of a message that hold JSON rather than prose."""

_NOT_SAID: Final = frozenset(("NotGiven", "Omit", "Unset"))
"""Classes of what the SDKs put where nothing is given."""

_FUNCTION_TYPES: Final = frozenset(("function", "custom"))
_CLIENT_TOOLS: Final = ("bash_", "text_editor_", "computer_", "memory_", "apply_patch", "local_shell", "shell")
"""Beginnings of the types of tools that the provider describes and the caller runs."""

_Fee: TypeAlias = Literal["web_search", "web_fetch"]
_FEES: Final[tuple[_Fee, ...]] = ("web_search", "web_fetch")
"""Tools that are billed by use, as the types of the tools begin."""


@dataclass(slots=True)
class Prompt:
    """A request taken apart."""

    texts: list[str] = field(default_factory=lambda: list[str]())
    """What the model reads as it stands."""
    structures: list[str] = field(default_factory=lambda: list[str]())
    """JSON that the provider writes out in a form of its own."""
    hidden: list[str] = field(default_factory=lambda: list[str]())
    """What the model may be given or not."""
    messages: int = 0
    tools: int = 0
    client_tools: int = 0
    """Of `tools`, those whose description the provider adds."""
    schemas: int = 0
    """Forms that the answer must have; some providers explain them to the model at length."""
    searches: dict[_Fee, int | None] = field(default_factory=lambda: dict[_Fee, int | None]())
    """Tools with a fee that may run -> how often at most, None if nothing says."""
    open_ended: list[str] = field(default_factory=lambda: list[str]())
    """Why the input has no upper bound; empty if it has."""
    searched: set[str] = field(default_factory=lambda: set[str]())
    """Of `open_ended`, what the tools of `searches` are the reason of."""
    prompts: int = 1
    """How many prompts there are, each of which is answered."""
    cache_writes: frozenset[Lifetime] | None = None
    """Cache lifetimes that the request asks for; None where a plain text cannot say."""
    settings: Mapping[str, object] = field(default_factory=lambda: dict[str, object]())
    """The request body itself, for what it says beside the prompt; empty if there is none."""


def read_prompt(prompt: object) -> Prompt:
    """A plain text, a list of messages or a request body, taken apart.

    Raises:
        ConfigError: it is none of these, or is nested deeper than Python can follow.
    """
    try:
        return _read(_plain(prompt))
    except RecursionError:
        raise ConfigError("the prompt is nested too deeply to be read; no provider takes such a request") from None


def _plain(value: object) -> object:
    """The value with the SDKs' own objects and classes as the mappings that are sent for them."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [_plain(inner) for inner in cast("Sequence[object]", value)]
    if type(value).__name__ in _NOT_SAID:
        return None
    if isinstance(value, type):
        schema = getattr(value, "model_json_schema", None)
        return value if schema is None else {"schema": _plain(schema())}
    dump = getattr(value, "model_dump", None)
    return value if dump is None else _plain(dump(exclude_none=True))


def _read(prompt: object) -> Prompt:
    found = Prompt()
    if isinstance(prompt, str):
        found.texts.append(prompt)
        found.messages = 1
        return found
    found.cache_writes = frozenset(_lifetimes(prompt))
    if isinstance(prompt, Mapping):
        body = cast("Mapping[str, object]", prompt)
        if "role" in body:
            body = {"messages": [body]}
        elif not body.keys() & _CONTENT:
            raise ConfigError(
                "the prompt is an object without a prompt in it; expected a text, a list of messages or a request body "
                'with "messages", "input", "prompt" or "contents"'
            )
        _read_body(found, body)
        return found
    if isinstance(prompt, Sequence) and not isinstance(prompt, (bytes, bytearray)):
        _read_body(found, {"messages": cast("Sequence[object]", prompt)})
        return found
    raise ConfigError(
        f"the prompt is a {type(prompt).__name__}; expected a text, a list of messages or a request body as an object"
    )


def _read_body(found: Prompt, body: Mapping[str, object]) -> None:
    config = body.get("config")
    if isinstance(config, Mapping):  # the google-genai SDK keeps tools and system prompt in there
        body = {
            **cast("Mapping[str, object]", config),
            **{name: part for name, part in body.items() if name != "config"},
        }
    found.settings = body
    for name, value in body.items():
        if value is None or name in _SETTINGS:
            continue
        if name in _ELSEWHERE:
            found.open_ended.append(_ELSEWHERE[name])
        elif name == "web_search_options":
            _provider_tool(found, name, {})
        elif name in _TOOLS:
            _read_tools(found, value)
        elif name in _SCHEMAS:
            for schema in _schemas(value):
                found.schemas += 1
                found.structures.append(_compact(schema))
        elif name in _CONTENT:
            if name == "prompt" and isinstance(value, Mapping):
                found.open_ended.append("the prompt is a template kept by the provider")
                continue
            many = name in _MESSAGE_LISTS and isinstance(value, Sequence) and not isinstance(value, str)
            found.messages += len(cast("Sequence[object]", value)) if many else 1
            if name == "prompt" and isinstance(value, list):
                found.prompts = max(1, sum(isinstance(one, (str, list)) for one in cast("list[object]", value)))
            _read_content(found, cast("object", value))
        elif isinstance(value, (Mapping, list)):
            found.structures.append(_compact(cast("object", value)))


def _read_content(found: Prompt, value: object) -> None:
    if isinstance(value, str):
        if value.startswith("data:"):
            _open(found, "media")
        else:
            found.texts.append(value)
    elif isinstance(value, Mapping):
        _read_part(found, cast("Mapping[str, object]", value))
    elif isinstance(value, (list, tuple)):
        for inner in cast("Sequence[object]", value):
            _read_content(found, inner)
    elif isinstance(value, (int, float)):
        found.structures.append(str(value))
    elif value is not None:
        _open(found, type(value).__name__)


def _read_part(found: Prompt, part: Mapping[str, object]) -> None:
    kind = part.get("type")
    if not isinstance(kind, str):  # the google-genai SDK's files say no type
        kind = "file" if {"uri", "mime_type"} <= part.keys() else ""
    if kind.startswith("compaction"):
        found.open_ended.append("a compacted conversation is kept by the provider")
    if kind in _MEDIA_TYPES:
        _open(found, kind)
        part = {name: inner for name, inner in part.items() if name in ("title", "context", "text")}
    for name, inner in part.items():
        if name in _UNREAD or inner is None:
            continue
        if name in _MEDIA_FIELDS and isinstance(inner, Mapping):
            _open(found, name)
        elif name == "tools":
            _read_tools(found, inner)
        elif name in _HIDDEN:
            found.hidden.append(_compact(inner))
        elif name in _STRUCTURES or (name == "input" and kind in ("tool_use", "server_tool_use")):
            found.structures.append(inner if isinstance(inner, str) else _compact(inner))
        else:
            _read_content(found, inner)


def _read_tools(found: Prompt, value: object) -> None:
    if isinstance(value, Mapping):
        value = cast("Mapping[str, object]", value).get("tools", [])
    if not isinstance(value, Sequence) or isinstance(value, str):
        return
    for one in cast("Sequence[object]", value):
        if not isinstance(one, Mapping):
            found.open_ended.append("the SDK describes a tool that is given as a function, which is not looked at")
            continue
        tool = cast("Mapping[str, object]", one)
        declared = tool.get("functionDeclarations", tool.get("function_declarations"))
        if isinstance(declared, list):
            functions = cast("list[object]", declared)
            found.tools += len(functions)
            found.structures += [_compact(function) for function in functions]
            tool = {name: inner for name, inner in tool.items() if "unction" not in name}
            if not tool:
                continue
        kind = tool.get("type")
        if isinstance(kind, str) and kind not in _FUNCTION_TYPES and "input_schema" not in tool:
            _provider_tool(found, kind, tool)
        elif kind is None and len(tool) == 1 and not {"toolSpec", "function"} & tool.keys():
            if "cachePoint" not in tool:
                _provider_tool(found, next(iter(tool)), tool)  # Gemini: {"googleSearch": {}}
        else:
            found.tools += 1
            found.structures.append(_compact({name: inner for name, inner in tool.items() if name not in _UNREAD}))


def _provider_tool(found: Prompt, kind: str, tool: Mapping[str, object]) -> None:
    found.tools += 1
    if kind.startswith(_CLIENT_TOOLS):
        found.client_tools += 1
        return
    reason = f"{kind} runs at the provider, and what it finds is read as input"
    found.open_ended.append(reason)
    for unit in _FEES:
        if kind.startswith(unit):
            uses = tool.get("max_uses")
            found.searches[unit] = uses if isinstance(uses, int) and uses >= 0 else None
            found.searched.add(reason)
    if kind in ("googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval"):
        found.searches["web_search"] = None
        found.searched.add(reason)


def _schemas(value: object) -> list[object]:
    if not isinstance(value, Mapping):
        return []
    found: list[object] = []
    for name, inner in cast("Mapping[str, object]", value).items():
        if name in _SCHEMA_FIELDS and isinstance(inner, (Mapping, str)):
            found.append(cast("object", inner))
        else:
            found += _schemas(inner)
    return found


def _open(found: Prompt, kind: str) -> None:
    reason = f"the tokens of {kind} content depend on its size, which is not looked at"
    if reason not in found.open_ended:
        found.open_ended.append(reason)


def _lifetimes(value: object) -> set[Lifetime]:
    found = set[Lifetime]()
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            if name in ("cache_control", "cachePoint") and isinstance(inner, Mapping):
                found.add("1h" if cast("Mapping[str, object]", inner).get("ttl") == "1h" else "5m")
            else:
                found |= _lifetimes(inner)
    elif isinstance(value, (list, tuple)):
        for inner in cast("Sequence[object]", value):
            found |= _lifetimes(inner)
    return found


def _compact(value: object) -> str:
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    )
