"""Amazon Bedrock through `boto3`, `botocore` and `aiobotocore`: Converse and InvokeModel, plain and streamed.

Patched where every AWS client makes its calls: retries are inside, and whatever signs, resolves and parses stays as it
is. `AnthropicBedrock` of the `anthropic` SDK does not pass here. Inside the official instrumentation of Bedrock a call
keeps that one's span; that of botocore makes a span of its own beside ours, which is the receiver's to tell apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from opentelemetry import trace

from spancost.aws_bodies import observed_answer
from spancost.bedrock_converse import ConverseReading
from spancost.bedrock_invoke import InvokeReading
from spancost.described import Call
from spancost.fields import count, text
from spancost.hosts import provider_of
from spancost.instrumentor import Patch, SdkInstrumentor, awaits, before, calls
from spancost.wire import CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, INPUT_TOKENS, Answer, Reading, Request

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from spancost.invocation import Invocation

_SERVICE: Final = "bedrock-runtime"
_COUNTS_APART: Final = "opentelemetry.instrumentation.genai.bedrock"
"""The instrumentation on whose spans input tokens leave the cache out, as Bedrock itself has it."""
_KINDS: Final = (
    ("embed", "embeddings"),
    ("rerank", "rerank"),
    ("image", "image_generation"),
    ("canvas", "image_generation"),
    ("stability.", "image_generation"),
)
"""Part of a model's name -> what it does, where that is not to write text."""
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_PROMPT: Final = ("system", "messages", "toolConfig")


def _sent(invocation: Invocation, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Counts a request, retries included: of the model call, and not those it makes on its way, for credentials."""
    operation = kwargs.get("operation_model", args[1] if len(args) > 1 else None)
    if text(operation, "service_model", "service_name") == _SERVICE:
        invocation.attempted()


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table of operations."""

    name: Callable[[str, Mapping[str, Any]], str]
    """(model, parameters) -> `gen_ai.operation.name`."""
    reading: Callable[[str, object], Reading]
    """(model, prompt) -> what reads the answer."""
    prompt: Callable[[Mapping[str, Any]], object]
    stream: bool


def _converse_name(_: str, __: Mapping[str, Any]) -> str:
    return "chat"


def _converse_prompt(parameters: Mapping[str, Any]) -> object:
    return {name: parameters[name] for name in _PROMPT if name in parameters}


def _invoke_name(model: str, parameters: Mapping[str, Any]) -> str:
    for part, kind in _KINDS:
        if part in model:
            return kind
    body: object = parameters.get("body")
    if isinstance(body, str):
        return "chat" if '"messages"' in body else "text_completion"
    if isinstance(body, (bytes, bytearray)):
        return "chat" if b'"messages"' in body else "text_completion"
    return "chat"


def _invoke_prompt(parameters: Mapping[str, Any]) -> object:
    return parameters.get("body", "")


OPERATIONS: Final[Mapping[str, Operation]] = {
    "Converse": Operation(_converse_name, ConverseReading, _converse_prompt, stream=False),
    "ConverseStream": Operation(_converse_name, ConverseReading, _converse_prompt, stream=True),
    "InvokeModel": Operation(_invoke_name, InvokeReading, _invoke_prompt, stream=False),
    "InvokeModelWithResponseStream": Operation(_invoke_name, InvokeReading, _invoke_prompt, stream=True),
}
"""Name of the API operation -> operation."""


class BedrockInstrumentor(SdkInstrumentor):
    """Counts what calls of Amazon Bedrock through the AWS SDK cost."""

    package = "botocore"
    requires = "botocore >= 1.34.116"
    patches = (
        Patch("botocore.client", "BaseClient._make_api_call", calls),
        Patch("botocore.endpoint", "Endpoint._get_response", before(_sent)),
        Patch("aiobotocore.client", "AioBaseClient._make_api_call", awaits),
        Patch("aiobotocore.endpoint", "AioEndpoint._get_response", before(_sent)),
    )

    def describe(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        """The model call behind a call of an AWS client; None for all other operations of all other services."""
        name: object = kwargs.get("operation_name", args[0] if args else None)
        operation = OPERATIONS.get(name) if isinstance(name, str) else None
        if operation is None or text(instance, "meta", "service_model", "service_name") != _SERVICE:
            return None
        given: object = kwargs.get("api_params", args[1] if len(args) > 1 else None)
        parameters = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else _NONE
        model = text(parameters, "modelId") or ""
        address = urlsplit(text(instance, "meta", "endpoint_url") or "")
        attributes: dict[str, AttributeValue] = {}
        if (region := text(instance, "meta", "region_name")) is not None:
            attributes["spancost.region"] = region
        request = Request(
            operation=operation.name(model, parameters),
            provider=provider_of(address.hostname, "aws.bedrock", address.path),
            model=model or None,
            address=address.hostname,
            port=address.port,
            stream=operation.stream,
            attributes=attributes,
        )
        reading = operation.reading(model, operation.prompt(parameters))
        if text(trace.get_current_span(), "instrumentation_scope", "name") == _COUNTS_APART:
            reading = _Apart(reading)
        return Call(request, reading, (args, kwargs), observe=observed_answer)


class _Apart:
    """A reading for the span of an instrumentation that counts cached tokens beside the input."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def add(self, part: object) -> None:
        """Takes in what the reading takes in."""
        self._reading.add(part)

    def answer(self) -> Answer:
        """The same answer, its input without the cached tokens."""
        attributes, beside = self._reading.answer()
        whole = count(attributes, INPUT_TOKENS)
        if whole is None:
            return Answer(attributes, beside)
        cached = (count(attributes, CACHE_READ_TOKENS), count(attributes, CACHE_WRITE_TOKENS))
        fresh = whole - sum(part for part in cached if part is not None)
        return Answer({**attributes, INPUT_TOKENS: fresh}, beside)
