"""Which requests to Bedrock are model calls, of what kind and of which model, and whose span they are on."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as otel

from ..bedrock_endpoint import CONVERSED, Endpoint
from .driver import MODEL, aws, settings

if TYPE_CHECKING:
    from ..conftest import Telemetry


def test_other_operations_are_no_model_calls(boto: Any, instrumented: Telemetry, endpoint: Endpoint) -> None:
    endpoint.answer = {"inputTokens": 3}
    counted = boto.count_tokens(modelId=MODEL, input={"converse": {"messages": []}})
    assert counted["inputTokens"] == 3
    assert instrumented.spans == []


def test_a_request_for_credentials_on_the_way_is_no_retry(
    boto: Any, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    sts = aws("botocore").create_client("sts", **settings(endpoint))
    asked: list[str] = []

    def fetch(**_: Any) -> None:
        with pytest.raises(importlib.import_module("botocore.parsers").ResponseParserError):
            sts.get_caller_identity()
        asked.append("credentials")

    boto.meta.events.register("before-sign.bedrock-runtime.Converse", fetch)
    boto.converse(modelId=MODEL, messages=[])
    sts.close()
    assert asked == ["credentials"]
    assert instrumented.attributes["spancost.retries"] == 0


def test_the_model_that_a_router_chose_is_the_served_one(
    boto: Any, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    chosen = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    router = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/amazon.nova:1"
    endpoint.answer = {**CONVERSED, "trace": {"promptRouter": {"invokedModelId": chosen}}}
    boto.converse(modelId=router, messages=[])
    assert instrumented.attributes["gen_ai.request.model"] == router
    assert instrumented.attributes["gen_ai.response.model"] == chosen


def test_input_is_reported_as_the_official_bedrock_instrumentation_around_us_reports_it(
    boto: Any, instrumented: Telemetry
) -> None:
    class Official:
        def __init__(self) -> None:
            self.attributes: dict[str, Any] = {}

    tracer = instrumented.tracer_provider.get_tracer("opentelemetry.instrumentation.genai.bedrock")
    with tracer.start_as_current_span("chat"):
        token = otel.attach(otel.set_value("opentelemetry.genai.client.inference.context", Official()))
        boto.converse(modelId=MODEL, messages=[])
        otel.detach(token)
    assert instrumented.span.name == "chat"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 10
    assert instrumented.attributes["gen_ai.usage.cache_read.input_tokens"] == 200
    assert instrumented.attributes["gen_ai.usage.cache_write.input_tokens"] == 30
    assert instrumented.attributes["spancost.usage.cache_write_1h.input_tokens"] == 10


def test_an_embedding_inside_an_official_instrumentation_keeps_that_ones_span(
    boto: Any, instrumented: Telemetry, endpoint: Endpoint
) -> None:
    class Official:
        def __init__(self) -> None:
            self.attributes: dict[str, Any] = {}

    endpoint.answer = {"embedding": [0.5], "inputTextTokenCount": 6}
    tracer = instrumented.tracer_provider.get_tracer("opentelemetry.instrumentation.genai.bedrock")
    with tracer.start_as_current_span("embeddings"):
        token = otel.attach(otel.set_value("opentelemetry.genai.client.embedding.context", Official()))
        boto.invoke_model(modelId="amazon.titan-embed-text-v2:0", body='{"inputText": "x"}')["body"].read()
        otel.detach(token)
    assert instrumented.span.name == "embeddings"
    assert instrumented.attributes["gen_ai.usage.input_tokens"] == 6


@pytest.mark.parametrize(
    ("model", "body", "operation"),
    [
        ("amazon.titan-embed-text-v2:0", {"inputText": "x"}, "embeddings"),
        ("cohere.rerank-v3-5:0", {"query": "x"}, "rerank"),
        ("amazon.nova-canvas-v1:0", {"taskType": "TEXT_IMAGE"}, "image_generation"),
        ("us.meta.llama3-2-1b-instruct-v1:0", {"prompt": 'with "messages" in it'}, "text_completion"),
        ("amazon.nova-lite-v1:0", {"messages": []}, "chat"),
    ],
)
@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "bytes"])
def test_the_operation_is_told_from_the_model_and_the_request(
    model: str, body: Any, operation: str, encode: Any, boto: Any, instrumented: Telemetry
) -> None:
    boto.invoke_model(modelId=model, body=encode(json.dumps(body)))["body"].read()
    assert instrumented.span.name == f"{operation} {model}"
