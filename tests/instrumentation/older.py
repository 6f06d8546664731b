"""How these tests run beside older SDKs: written for the newest, they are told here what an older one lacks.

Each thing that may be lacking is looked for in the SDK that is installed, so the table holds for every version between.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_HTTPX: Any = vars(import_module("openai._base_client")).get("httpx")
OLDER = _HTTPX is not None
"""Whether the installed SDKs are of the generation that is built on `httpx`."""


def same_http_library() -> None:
    """Newer SDKs are built on `httpx2`, which has the names of `httpx`; one stands for the other in tests."""
    if OLDER:
        sys.modules["httpx2"] = _HTTPX


def transports(answer: Callable[[Any], Any]) -> dict[str, Any]:
    """HTTP options of `google-genai` with which `answer` gets all requests."""
    http: Any = import_module("httpx2")
    transport = http.MockTransport(answer)
    if "httpx_client" in find("google.genai.types:HttpOptions").model_fields:
        return {
            "httpx_client": http.Client(transport=transport),
            "httpx_async_client": http.AsyncClient(transport=transport),
        }
    return {"client_args": {"transport": transport}, "async_client_args": {"transport": transport}}


def find(path: str) -> Any:
    """What `module:Class.function` names, or None."""
    module, _, attributes = path.partition(":")
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError:
        return None
    for name in filter(None, attributes.split(".")):
        found = getattr(found, name, None)
    return found


def has(path: str, parameter: str = "") -> bool:
    """Whether there is `module:Class.function`, and whether it takes this parameter."""
    found = find(path)
    return found is not None and (not parameter or parameter in inspect.signature(found).parameters)


def botocore_knows(shape: str, member: str) -> bool:
    """Whether the API description that botocore carries has this; it drops from answers what it does not know."""
    loader: Any = import_module("botocore.loaders").Loader()
    shapes = loader.load_service_model("bedrock-runtime", "service-2")["shapes"]
    return member in shapes.get(shape, {}).get("members", {})


@dataclass(frozen=True)
class Lack:
    """Something that not every supported version of an SDK has."""

    distribution: str
    what: str
    there: Callable[[], bool]
    tests: str
    """Pattern for the ids of the tests that need it."""


LACKS = (
    Lack(
        "openai",
        "has no parse and stream helpers outside of beta",
        lambda: has("openai.resources.chat.completions.completions:Completions.parse"),
        r"test_openai\.py::test_(the_stream_helper|a_parsed_call|an_answer_that_was_cut_off)",
    ),
    Lack(
        "openai",
        "cannot stream images",
        lambda: has("openai.resources.images:Images.generate", "stream"),
        r"test_every_picture_of_a_stream|test_openai_operations\.py::.*stream.*\[.*images",
    ),
    Lack(
        "openai",
        "cannot stream transcriptions",
        lambda: has("openai.resources.audio.transcriptions:Transcriptions.create", "stream"),
        r"test_openai_operations\.py::.*stream.*\[.*transcriptions",
    ),
    Lack(
        "openai",
        "has no background responses",
        lambda: has("openai.resources.responses:Responses.create", "background"),
        r"test_openai_responses\.py::.*_background_",
    ),
    Lack(
        "openai",
        "cannot compact conversations or count tokens",
        lambda: has("openai.resources.responses:Responses.compact"),
        r"test_openai_responses\.py::test_(compacting|counting_the_tokens)",
    ),
    Lack(
        "anthropic",
        "does not trace itself",
        lambda: has("anthropic:Anthropic", "open_telemetry"),
        r"test_anthropic\.py::test_(the_sdks_own_tracing|without_us_the_sdk_traces_itself|counting_tokens_is_free)"
        r"|test_model_calls_of_other_instrumentations_are_attributed",
    ),
    Lack(
        "anthropic",
        "has no tool runner and no agents",
        lambda: has("anthropic:beta_async_tool"),
        r"test_anthropic_deliveries",
    ),
    Lack(
        "anthropic",
        "takes no key for Bedrock",
        lambda: has("anthropic:AnthropicBedrock", "api_key"),
        r"test_bedrock_is_billed_by_amazon",
    ),
    Lack(
        "anthropic",
        "says of everything but its own class that it is no stream",
        lambda: not has("anthropic._streaming:_SyncStreamMeta"),
        r"test_a_stream_yields_what_the_bare_sdk_yields\[anthropic",
    ),
    Lack(
        "google-genai",
        "has no interactions",
        lambda: has("google.genai._gaos") or has("google.genai._interactions._base_client"),
        r"test_google_genai_interactions",
    ),
    Lack(
        "google-genai",
        "has no decisions",
        lambda: has("google.genai.decisions"),
        r"test_a_decision_is_a_call",
    ),
    Lack(
        "google-genai",
        "does not continue interactions on its own",
        lambda: has("google.genai._interactions_continuation"),
        r"test_google_genai_interactions\.py::test_(each_hop_of_a_continued|a_stream_that_is_closed_early)",
    ),
    Lack(
        "google-genai",
        "closes its connections as soon as nobody holds on to the client",
        lambda: has("google.genai._gaos"),
        r"test_google_genai_interactions\.py::test_a_stream_that_is_dropped",
    ),
    Lack(
        "google-genai",
        "knows no priority traffic",
        lambda: has("google.genai.types:TrafficType.ON_DEMAND_PRIORITY"),
        r"test_vertex_is_another_provider",
    ),
    Lack(
        "google-genai",
        "ends a conversation with the websocket's own error",
        lambda: "ConnectionClosed as " in inspect.getsource(import_module("google.genai.live")),
        r"test_google_genai_live\.py::test_(each_turn_is_one_span|a_connection_that_ends)",
    ),
    Lack(
        "botocore",
        "drops what an answer says about the cache",
        lambda: botocore_knows("TokenUsage", "cacheReadInputTokens"),
        r"test_bedrock_(calls|stream_ends)\.py::.*(everything_it_cost|same_figures|still_finds_the_usage).*\[converse"
        r"|test_input_is_reported_as_the_official",
    ),
    Lack(
        "botocore",
        "drops what an answer says about the tier",
        lambda: botocore_knows("InvokeModelResponse", "serviceTier"),
        r"test_bedrock_calls\.py::.*(everything_it_cost|same_figures).*\[invoke",
    ),
    Lack(
        "botocore",
        "drops what an answer says about the router",
        lambda: botocore_knows("ConverseTrace", "promptRouter"),
        r"test_the_model_that_a_router_chose",
    ),
    Lack(
        "botocore",
        "cannot count tokens",
        lambda: botocore_knows("CountTokensRequest", "modelId"),
        r"test_bedrock_operations\.py::test_other_operations_are_no_model_calls",
    ),
    Lack(
        "aiobotocore",
        "cannot read a body into a buffer",
        lambda: has("aiobotocore.response:StreamingBody.readinto"),
        r"test_an_async_body_is_counted.*\[_into_buffer",
    ),
    Lack(
        "cohere",
        "does not retry of its own accord",
        lambda: has("cohere.core.http_client:HttpClient", "base_max_retries"),
        r"test_retries_.*\[cohere",
    ),
    Lack(
        "mistralai",
        "has no speech",
        lambda: has("mistralai.client.speech"),
        r"test_mistral\.py::test_speech",
    ),
)


def skip_what_is_lacking(items: Iterable[pytest.Item]) -> None:
    """Skips the tests of what the installed SDKs cannot do, each with the reason."""
    lacking = [lack for lack in LACKS if not lack.there()]
    for item in items:
        for lack in lacking:
            if re.search(lack.tests, item.nodeid):
                reason = f"{lack.distribution} {version(lack.distribution)} {lack.what}"
                item.add_marker(pytest.mark.skip(reason=reason))
                break
