"""What every app asks, of which models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Calls = dict[str, Callable[[], Any]]

CLAUDE = "claude-sonnet-4-5"
BEDROCK = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
GPT = "gpt-5.6"
EMBEDDING = "text-embedding-3-small"
GEMINI = "gemini-2.5-pro"
ASKED = "Say hello."
MESSAGES = [{"role": "user", "content": ASKED}]


def aws(base: str) -> Any:
    """A client of Bedrock."""
    return import_module("boto3").client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=base,
        aws_access_key_id="id",
        aws_secret_access_key="key",
    )
