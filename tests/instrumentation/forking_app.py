"""An app of several processes; run by the test next to it, once for each way to fork."""

import copy
import json
import multiprocessing
import os
import signal
import sys
from typing import Any

import httpx2
import openai
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import spancost
from spancost import forecast

LATER = 600_000
"""Milliseconds after which the batches are sent on their own: never, as far as this app goes."""


def answer(request: httpx2.Request) -> httpx2.Response:
    """A completion of eleven tokens for two, plain or streamed."""
    usage = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
    said: dict[str, Any] = {"id": "c", "created": 1, "model": "gpt-5"}
    if not json.loads(request.content).get("stream"):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
        said |= {"object": "chat.completion", "choices": [choice], "usage": usage}
        return httpx2.Response(200, json=said)
    said["object"] = "chat.completion.chunk"
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}
    chunks: list[dict[str, Any]] = [{**said, "choices": [choice]}, {**said, "choices": [], "usage": usage}]
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=events + "data: [DONE]\n\n")


client = openai.OpenAI(api_key="key", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


def call(stream: bool = False) -> Any:
    """A model call."""
    return client.chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": "Hi"}], stream=stream, stream_options=None
    )


def work() -> None:
    """What a worker process does."""
    with spancost.attribution(feature="worker"):
        call()


def worker() -> None:
    """A worker process of the standard library."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode == 0


def in_child(do: Any) -> None:
    """A process of its own, which ends as scripts do."""
    if (child := os.fork()) == 0:
        signal.alarm(60)
        do()
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0


def stream_open() -> None:
    """The child gives up a stream that its parent reads on."""
    stream = call(stream=True)
    other = copy.copy(stream)
    next(stream)

    def give_up() -> None:
        stream.close()
        other.close()

    in_child(give_up)
    assert len(list(stream)) == 0  # the usage comes last, and was not asked for by the app


def lock_held() -> None:
    """A thread of the parent's loads prices, and others learn from a call, while the child comes into being."""
    locks = (forecast._loading, forecast._calibration()._lock)  # pyright: ignore[reportPrivateUsage]

    def estimate() -> None:
        spancost.estimate(provider="openai", model="gpt-5", prompt="Hi", max_tokens=9)
        call()

    for lock in locks:
        lock.acquire()
    in_child(estimate)
    for lock in locks:
        lock.release()


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(), schedule_delay_millis=LATER))
spancost.instrument("openai", tracer_provider=provider)
{"worker": worker, "stream": stream_open, "lock": lock_held}[sys.argv[1]]()
