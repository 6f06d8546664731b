"""Bedrock's two APIs behind one face, so that a promise made for both, sync and async, is one test."""

from __future__ import annotations

import importlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from spancost.sdks.bedrock import BedrockInstrumentor

if TYPE_CHECKING:
    from ..bedrock_endpoint import Endpoint
    from ..conftest import Telemetry

MODEL = "eu.anthropic.claude-sonnet-5-v1:0"
PROMPT = "a secret prompt"


@cache
def aws(package: str) -> Any:
    """A session of botocore or aiobotocore; it keeps what it reads from disk."""
    return importlib.import_module(f"{package}.session").get_session()


def settings(endpoint: Endpoint) -> dict[str, Any]:
    config: Any = importlib.import_module("aiobotocore.config").AioConfig
    return {
        "region_name": "eu-west-1",
        "endpoint_url": endpoint.url,
        "aws_access_key_id": "id",
        "aws_secret_access_key": "key",
        "config": config(retries={"mode": "standard", "max_attempts": 3}, read_timeout=10),
    }


class Driver:
    """One API through one client; every method is a coroutine, one of a sync client just never waits."""

    def __init__(self, client: Any, api: str) -> None:
        self.client = client
        self.api = api
        self.is_async = type(client).__mro__[1].__name__ == "AioBaseClient"
        self.member = "stream" if api == "converse" else "body"

    async def call(self, operation: str, **parameters: Any) -> Any:
        result = getattr(self.client, operation)(**parameters)
        return await result if self.is_async else result

    async def plain(self) -> Any:
        """The answer, its body read."""
        if self.api == "converse":
            return await self.call("converse", **self.parameters())
        answer = await self.call("invoke_model", **self.parameters())
        read = answer["body"].read()
        return {**answer, "body": await read if self.is_async else read}

    async def stream(self) -> Any:
        """An open stream."""
        operation = "converse_stream" if self.api == "converse" else "invoke_model_with_response_stream"
        return (await self.call(operation, **self.parameters()))[self.member]

    def parameters(self) -> dict[str, Any]:
        if self.api == "converse":
            return {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": PROMPT}]}]}
        return {"modelId": MODEL, "body": json.dumps({"messages": [{"role": "user", "content": PROMPT}]})}

    def events(self, stream: Any) -> Any:
        return aiter(stream) if self.is_async else iter(stream)

    async def one(self, events: Any) -> Any:
        return await anext(events) if self.is_async else next(events)

    async def rest(self, events: Any) -> list[Any]:
        return [event async for event in events] if self.is_async else list(events)


def switch_on(telemetry: Telemetry) -> None:
    BedrockInstrumentor().instrument(
        skip_dep_check=True, tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
    )
