"""Plays the calls that were recorded from Amazon Bedrock, and says what Bedrock reported for them."""

from __future__ import annotations

import base64
import importlib
import io
import json
import struct
import zlib
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable

    from .recordings import Recording

APIS = frozenset({"converse", "invoke"})
HOST = "https://bedrock-runtime.us-east-1.amazonaws.com"
_METRICS = "amazon-bedrock-invocationMetrics"


def client(recording: Callable[[], Recording], endpoint: str) -> Any:
    """An AWS client that is answered from the recording of the moment."""
    session: Any = _session()
    made = session.create_client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="id",
        aws_secret_access_key="key",
        config=importlib.import_module("botocore.config").Config(retries={"mode": "standard", "max_attempts": 1}),
    )

    def answer(request: Any, **_: Any) -> Any:
        return _answer(recording(), request.url)

    made.meta.events.register("before-send.bedrock-runtime", answer)
    return made


def endpoint_of(recording: Recording) -> str:
    """Where the call went."""
    return recording.url.partition("/model/")[0] or HOST


def call(aws: Any, recording: Recording) -> None:
    """Makes the call and reads its answer to the end."""
    if recording.api == "converse":
        messages = [{"role": "user", "content": [{"text": "replayed"}]}]
        if recording.streamed:
            list(aws.converse_stream(modelId=recording.model, messages=messages)["stream"])
        else:
            aws.converse(modelId=recording.model, messages=messages)
    else:
        asked = {"modelId": recording.model, "body": json.dumps(dict(recording.request))}
        if recording.streamed:
            list(aws.invoke_model_with_response_stream(**asked)["body"])
        else:
            aws.invoke_model(**asked)["body"].read()


def reported(recording: Recording) -> dict[str, int] | None:
    """The token classes: a body's own figures; what it lacks, as response headers or the end of the stream say it.

    Cached tokens stand beside the input, but for answers in the words of OpenAI's chats.
    """
    usage = recording.usage or {}
    of_bedrock = usage.get(_METRICS) or usage.get("response-headers") or _counted(recording)

    def said(*names: str) -> int | None:
        for source in (usage, of_bedrock):
            for name in names:
                if name in source:
                    return int(source[name])
        return None

    fresh = said(
        *("inputTokens", "input_tokens", "prompt_tokens", "prompt_token_count", "inputTextTokenCount"),
        *("inputTokenCount", "x-amzn-bedrock-input-token-count"),
    )
    written = said(
        *("outputTokens", "output_tokens", "completion_tokens", "generation_token_count", "results.tokenCount"),
        *("totalOutputTextTokenCount", "outputTokenCount", "x-amzn-bedrock-output-token-count"),
    )
    if fresh is None and written is None:
        return None
    kept = Counter({detail["ttl"]: detail["inputTokens"] for detail in usage.get("cacheDetails", ())})
    stored = said("cacheWriteInputTokens", "cache_creation_input_tokens", "cacheWriteInputTokenCount") or 0
    return {
        "input": fresh or 0,
        "cache_read": said("cacheReadInputTokens", "cache_read_input_tokens", "cacheReadInputTokenCount") or 0,
        "cache_write_5m": stored - kept["1h"],
        "cache_write_1h": kept["1h"],
        "output": written or 0,
    }


def _counted(recording: Recording) -> dict[str, Any]:
    """Bedrock's own count, from the answer's headers or the last event of its stream."""
    if not recording.streamed or recording.api != "invoke":
        return dict(recording.headers)
    stream = importlib.import_module("botocore.eventstream").EventStreamBuffer()
    stream.add_data(recording.body)
    last = list(stream)[-1]
    return json.loads(base64.b64decode(json.loads(last.payload)["bytes"])).get(_METRICS, {})


def _answer(recording: Recording, url: str) -> Any:
    body = recording.body
    headers = {**recording.headers, "content-type": recording.content_type}
    if recording.content_type == "text/event-stream":
        # Only the events were kept, one a line: framed as they were sent.
        events = [json.loads(line.removeprefix("data: ")) for line in body.decode().splitlines() if line]
        body = b"".join(_framed(kind, payload) for said in events for kind, payload in said.items())
        headers["content-type"] = "application/vnd.amazon.eventstream"
    raw = urllib3.HTTPResponse(io.BytesIO(body), headers, recording.status, preload_content=False)
    response: Any = importlib.import_module("botocore.awsrequest").AWSResponse
    return response(url, recording.status, raw.headers, raw)


def _framed(kind: str, payload: object) -> bytes:
    """An event as a message of `application/vnd.amazon.eventstream`."""
    body = json.dumps(payload).encode()
    fields = b""
    for name, value in ((":message-type", "event"), (":event-type", kind), (":content-type", "application/json")):
        fields += struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
    prelude = struct.pack("!II", 16 + len(fields) + len(body), len(fields))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + fields + body
    return message + struct.pack("!I", zlib.crc32(message))


@cache
def _session() -> Any:
    return importlib.import_module("botocore.session").get_session()
