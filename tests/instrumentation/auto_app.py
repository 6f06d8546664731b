"""An app that knows nothing of spancost; run under `opentelemetry-instrument` by the test next to it."""

import asyncio
import json
import os
import sys
from typing import Any

import anthropic
import httpx2
import openai
from google import genai
from google.genai import types
from opentelemetry import baggage, context, trace

sent: list[str] = []


def answer(request: httpx2.Request) -> httpx2.Response:
    """As the providers do."""
    body: dict[str, Any]
    sent.extend(name for name in request.headers if name in ("baggage", "traceparent"))
    if request.url.path.endswith("/chat/completions"):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
        usage = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
        body = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-5", "choices": [choice]}
        return httpx2.Response(200, json={**body, "usage": usage})
    if request.url.path.endswith("/v1/messages"):
        body = {"id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": []}
        return httpx2.Response(200, json={**body, "usage": {"input_tokens": 12, "output_tokens": 2}})
    usage = {"promptTokenCount": 13, "candidatesTokenCount": 2, "totalTokenCount": 15}
    return httpx2.Response(200, json={"candidates": [], "usageMetadata": usage})


transport = httpx2.MockTransport(answer)
http = httpx2.Client(transport=transport)
context.attach(baggage.set_baggage("customer", "secret"))

with trace.get_tracer("app").start_as_current_span("request") as span:
    span.set_attribute("spancost.feature", "search")
    openai.OpenAI(api_key="key", http_client=http).chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": "Hi"}]
    )
    anthropic.Anthropic(api_key="key", http_client=http).messages.create(
        model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
    )


async def generate() -> None:
    """Async, and outside of the span."""
    options = types.HttpOptions(httpx_async_client=httpx2.AsyncClient(transport=transport))
    client = genai.Client(api_key="key", http_options=options)
    await client.aio.models.generate_content(model="gemini-2.5-flash", contents="Hi")  # pyright: ignore[reportUnknownMemberType]


asyncio.run(generate())
json.dump({"sent": sent, "propagation": os.environ.get("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION")}, sys.stderr)
