"""A Bedrock on loopback, its clients and its two APIs, and nothing but them instrumented."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from spancost.sdks.bedrock import BedrockInstrumentor

from ..bedrock_endpoint import Endpoint, serving
from .driver import Driver, aws, settings, switch_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ..conftest import Telemetry


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as endpoint:
        yield endpoint


def _at_once(*_: object) -> int:
    """How long to wait before a retry."""
    return 0


@pytest.fixture
def instrumented(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", _at_once)
    switch_on(telemetry)
    yield telemetry
    BedrockInstrumentor().uninstrument()


@pytest.fixture(params=["botocore", "aiobotocore"])
async def client(request: pytest.FixtureRequest, endpoint: Endpoint) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        made = aws(request.param).create_client("bedrock-runtime", **settings(endpoint))
        yield await stack.enter_async_context(made) if request.param == "aiobotocore" else made
        if request.param == "botocore":
            made.close()


@pytest.fixture(params=["converse", "invoke"])
def driver(request: pytest.FixtureRequest, client: Any) -> Driver:
    return Driver(client, request.param)


@pytest.fixture
def boto(endpoint: Endpoint) -> Iterator[Any]:
    client = aws("botocore").create_client("bedrock-runtime", **settings(endpoint))
    yield client
    client.close()
